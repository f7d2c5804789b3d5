package session

import (
	"cmp"
	"slices"

	"thaw/session/drive"
	"thaw/session/view"
)

// phaseLine are the scenario's phases, and how far the guest came.
type phaseLine struct {
	list      []view.Phase
	ranBefore bool // the kernel ran before this session
	heard     int  // lines of the LOG that were looked through for phases
}

// enter moves the phase line on; stop is the number of the stop to come, of which there
// is none where the phase is only counted.
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
		case o.State == view.PhaseNext && (o.Group == 0 || o.Group != p.Group): // those of a group come in any order
			o.State = unseen
		}
	}
	for i := range l.list[n+1:] {
		if l.list[n+1+i].State == view.PhaseCurrent {
			l.list[n+1+i].State = view.PhaseDone
		}
	}
	p.State = view.PhaseCurrent
	if l.repeats(n) {
		return nil
	}
	return &drive.Event{Reason: "phase " + p.Name, Phase: true}
}

// repeats counts that a phase is entered, and says whether it was before while one around
// it ran that wants to be stopped in once.
func (l *phaseLine) repeats(n int) bool {
	l.list[n].Since++
	within := false
	for i := range l.list {
		switch {
		case l.list[n].Once && encloses(l.list, n, i):
			l.list[i].Since = 0
		case l.list[i].Once && encloses(l.list, i, n):
			within = true
		}
	}
	return within && l.list[n].Since > 1
}

// isBehind says whether a phase after this one was entered already.
func (l *phaseLine) isBehind(n int) bool {
	return slices.ContainsFunc(l.list[n+1:], func(p view.Phase) bool { return p.Hits > 0 })
}

// noteBehind notes a phase that began before others which were seen first.
func (l *phaseLine) noteBehind(n, stop int) {
	p := &l.list[n]
	p.Hits++
	if p.Stop == 0 {
		p.Stop = stop
	}
	p.State = view.PhaseDone
}

// shown are the phases as a front end lists them: those of a group in the order in which
// they came.
func (l *phaseLine) shown() []view.Phase {
	out := slices.Clone(l.list)
	for i := 0; i < len(out); i++ {
		j := i + 1
		for out[i].Group > 0 && j < len(out) && out[j].Group == out[i].Group {
			j++
		}
		slices.SortStableFunc(out[i:j], func(a, b view.Phase) int {
			return cmp.Or(cmp.Compare(later(a), later(b)), cmp.Compare(a.Stop, b.Stop))
		})
		i = j - 1
	}
	return out
}

// later is 1 for a phase that did not come so far.
func later(p view.Phase) int {
	if p.Hits == 0 {
		return 1
	}
	return 0
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
