package view

import (
	"fmt"
)

// BreakpointInfo is a breakpoint's account.
type BreakpointInfo struct {
	Component string   `json:"component"`
	Function  string   `json:"function"`
	Purpose   string   `json:"purpose"` // "phase", "request", "write", …
	Addrs     []uint64 `json:"addrs"`
	Hits      int      `json:"hits"`    // in its component
	Foreign   int      `json:"foreign"` // in other address spaces, continued unseen
	// Lifted is how often it was off the target while another address space ran, which
	// had hit it over and over: hits there are not in Foreign.
	Lifted int `json:"lifted,omitempty"`
}

// SumBreakpoints adds up how often breakpoints were hit.
func SumBreakpoints(list []BreakpointInfo) (sum BreakpointInfo) {
	for i := range list {
		sum.Hits += list[i].Hits
		sum.Foreign += list[i].Foreign
		sum.Lifted += list[i].Lifted
	}
	return sum
}

// Elsewhere is Foreign in words: "12+" where more hits came while the breakpoint
// was lifted.
func (b *BreakpointInfo) Elsewhere() string {
	if b.Lifted > 0 {
		return fmt.Sprintf("%d+", b.Foreign)
	}
	return fmt.Sprint(b.Foreign)
}

// Purposes of breakpoints that the user sets. The others are the scenario's, and
// are not the user's to remove.
const (
	PurposeBreak = "yours"
	PurposeOnce  = "once" // yours, and gone as soon as it was hit

	PurposePhase    = "phase"
	PurposeComplete = "restore complete"
)

// Own says whether the user set the breakpoint.
func (b *BreakpointInfo) Own() bool { return b.Purpose == PurposeBreak || b.Purpose == PurposeOnce }

// Name is what Delete takes: "component: function".
func (b *BreakpointInfo) Name() string { return b.Component + ": " + b.Function }
