package session

import (
	"slices"

	"thaw/session/drive"
	"thaw/session/view"
)

// phaseLine are the scenario's phases, and how far the guest came.
type phaseLine struct {
	list      []view.Phase
	ranBefore bool // the kernel ran before this session
}

// enter moves the phase line on; stop is the number of the stop to come.
func (l *phaseLine) enter(n, stop int) *drive.Event {
	p := &l.list[n]
	unseen := view.PhaseSkipped
	if l.ranBefore && !slices.ContainsFunc(l.list, func(p view.Phase) bool { return p.Hits > 0 }) {
		unseen = view.PhaseMissed
	}
	p.Hits++
	if p.Stop == 0 {
		p.Stop = stop
	}
	for i := range l.list[:n] {
		o := &l.list[i]
		switch {
		case o.State == view.PhaseCurrent && !encloses(l.list, i, n), o.State == view.PhaseNext && o.Hits > 0:
			o.State = view.PhaseDone
		case o.State == view.PhaseNext:
			o.State = unseen
		}
	}
	for i := range l.list[n+1:] {
		if l.list[n+1+i].State == view.PhaseCurrent {
			l.list[n+1+i].State = view.PhaseDone
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

// current is the innermost phase that runs.
func (l *phaseLine) current() string {
	name := ""
	for _, p := range l.list {
		if p.State == view.PhaseCurrent {
			name = p.Name
		}
	}
	return name
}

// last is the phase that was entered last.
func (l *phaseLine) last() string {
	name, stop := l.current(), 0
	if name != "" {
		return name
	}
	for _, p := range l.list {
		if p.Hits > 0 && p.Stop >= stop {
			name, stop = p.Name, p.Stop
		}
	}
	return name
}

// missAll gives up phases that were not seen.
func (l *phaseLine) missAll() {
	for i := range l.list {
		if l.list[i].State == view.PhaseNext {
			l.list[i].State = view.PhaseMissed
		}
	}
}

// notLate takes back that the restore began before: its beginning was seen.
func (l *phaseLine) notLate() {
	for i := range l.list {
		if l.list[i].State == view.PhaseMissed {
			l.list[i].State = view.PhaseNext
		}
	}
}
