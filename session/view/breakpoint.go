package view

import (
	"fmt"
	"strings"

	"thaw/words"
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
	PurposeOnce  = "once"  // yours, and gone as soon as it was hit
	PurposeWatch = "watch" // yours, on a word of memory: at whatever writes it

	PurposePhase    = "phase"
	PurposeRequest  = "request"
	PurposeBeside   = "request that the scenario does not name" // where they are known to arrive, too
	PurposeComplete = "restore complete"
)

// Own says whether the user set the breakpoint.
func (b *BreakpointInfo) Own() bool {
	return b.Purpose == PurposeBreak || b.Purpose == PurposeOnce || b.Purpose == PurposeWatch
}

// Name is what Delete takes: "component: function", or a word.
func (b *BreakpointInfo) Name() string {
	if b.Component == "" {
		return b.Function
	}
	return b.Component + ": " + b.Function
}

// PassedBy tells of requests that nobody took evidence of: none came by where the scenario
// looks for them, and some where they are known to arrive. It is "" where that is not so.
func PassedBy(list []BreakpointInfo) string {
	var asked, beside []string
	for i := range list {
		switch b := &list[i]; {
		case b.Purpose == PurposeRequest && b.Hits > 0:
			return ""
		case b.Purpose == PurposeRequest:
			asked = append(asked, b.Function+" of "+b.Component)
		case b.Purpose == PurposeBeside && b.Hits > 0:
			beside = append(beside, fmt.Sprintf("%s of %s (%s)", b.Function, b.Component, words.Count(b.Hits, "time")))
		}
	}
	if len(asked) == 0 || len(beside) == 0 {
		return ""
	}
	return fmt.Sprintf("requests for threads' states went by unseen: the scenario looks for them at %s, which was never entered, and %s was; name that under requests, or leave requests out",
		strings.Join(asked, " and "), strings.Join(beside, " and "))
}

// Awaited lists where requests are looked for, and none came.
func Awaited(list []BreakpointInfo) string {
	var out []string
	for i := range list {
		if b := &list[i]; b.Purpose == PurposeRequest && b.Hits == 0 {
			out = append(out, b.Function+" of "+b.Component)
		}
	}
	return strings.Join(out, " and ")
}
