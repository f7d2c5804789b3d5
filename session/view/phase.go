package view

import (
	"fmt"
	"slices"
)

// PhaseState says how far a phase is.
type PhaseState int

// The states of a phase.
const (
	PhaseNext    PhaseState = iota // not reached
	PhaseCurrent                   // entered last
	PhaseDone                      // a later one was entered, or it returned
	PhaseSkipped                   // a later one was entered and this one never
	PhaseMissed                    // it may have been entered before the session began
)

var phaseStates = [...]string{"next", "current", "done", "skipped", "missed"}

func (p PhaseState) String() string {
	if p < 0 || int(p) >= len(phaseStates) {
		return fmt.Sprintf("state %d", int(p))
	}
	return phaseStates[p]
}

// MarshalText writes the state's name.
func (p PhaseState) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a state's name.
func (p *PhaseState) UnmarshalText(text []byte) error {
	i := slices.Index(phaseStates[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no state of a phase", text)
	}
	*p = PhaseState(i)
	return nil
}

// Phase is a phase of the scenario with its progress.
type Phase struct {
	Name     string     `json:"name"`
	Function string     `json:"function"`
	Depth    int        `json:"depth"` // nesting, 0 at the top
	State    PhaseState `json:"state"`
	Hits     int        `json:"hits"` // how often its function was entered
	Stop     int        `json:"stop"` // number of the stop at its first entry, 0 if none
	Group    int        `json:"-"`    // of phases without an order of their own, 0 for none
	Once     bool       `json:"-"`    // phases inside stop the guest only the first time while it runs
	Since    int        `json:"-"`    // how often its function was entered since the phase around it that says so
}
