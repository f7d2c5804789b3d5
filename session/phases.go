package session

import (
	"slices"

	"thaw/session/drive"
	"thaw/session/view"
)

// enterPhase moves the phase line on.
func (e *Engine) enterPhase(n int) *drive.Event {
	p := &e.phases[n]
	if n == 0 && e.obs.Ev.Late != "" {
		e.notLate()
	}
	unseen := view.PhaseSkipped
	if e.ranBefore && !slices.ContainsFunc(e.phases, func(p view.Phase) bool { return p.Hits > 0 }) {
		unseen = view.PhaseMissed
	}
	p.Hits++
	if p.Stop == 0 {
		p.Stop = e.history.last() + 1
	}
	for i := range e.phases[:n] {
		o := &e.phases[i]
		switch {
		case o.State == view.PhaseCurrent && !encloses(e.phases, i, n), o.State == view.PhaseNext && o.Hits > 0:
			o.State = view.PhaseDone
		case o.State == view.PhaseNext:
			o.State = unseen
		}
	}
	for i := range e.phases[n+1:] {
		if e.phases[n+1+i].State == view.PhaseCurrent {
			e.phases[n+1+i].State = view.PhaseDone
		}
	}
	p.State = view.PhaseCurrent
	return &drive.Event{Reason: "phase " + p.Name, Phase: true}
}

// encloses says whether phase outer (an index) has phase inner inside it.
func encloses(phases []view.Phase, outer, inner int) bool {
	for i := outer + 1; i <= inner; i++ {
		if phases[i].Depth <= phases[outer].Depth {
			return false
		}
	}
	return inner > outer
}

// currentPhase is the innermost phase that runs.
func (e *Engine) currentPhase() string {
	name := ""
	for _, p := range e.phases {
		if p.State == view.PhaseCurrent {
			name = p.Name
		}
	}
	return name
}
