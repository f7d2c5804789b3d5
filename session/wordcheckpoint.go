package session

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session/scenario"
	"thaw/session/view"
)

// tellCheckpoint says which step of an origin took the value into the checkpoint, if one
// did. Where the way ends behind it without having come to where the value was made, it
// ends at the checkpoint. Steps that are not certain leave both open.
func (s *wordSearch) tellCheckpoint(steps []view.Origin) {
	took := -1
	for i := range steps {
		o := &steps[i]
		if o.Position == 0 || !o.Sure {
			break
		}
		if o.End == "" && s.checkpoints(o) {
			took = i // the earliest of them, which comes last
		}
	}
	if took < 0 {
		return
	}
	o, last := &steps[took], &steps[len(steps)-1]
	o.Text += "; so the checkpoint took it"
	switch last.End {
	case view.EndEarlier, view.EndUnknown, view.EndGivenUp:
		last.Text = fmt.Sprintf("the checkpoint's value, taken after stop %d (%s); %s", o.Stop, o.Phase, last.Text)
		last.End, last.Sure = view.EndCheckpoint, true
	}
}

// checkpoints says whether a step was made between the beginnings of the checkpoint and of
// the restore, by a program that phases are of, or by core for it.
func (s *wordSearch) checkpoints(o *view.Origin) bool {
	m := s.lastEvent(o.Position)
	if m == nil {
		return false
	}
	restore := restorePhase(m.Phases)
	current := func(p view.Phase) bool { return p.State == view.PhaseCurrent }
	if !slices.ContainsFunc(m.Phases[:restore], current) || slices.ContainsFunc(m.Phases[restore:], current) {
		return false
	}
	by := o.Place.Component == kernel.Core
	scenario.EachPhase(s.scn.Phases, 0, func(p *scenario.PhaseSpec, _ int) { by = by || p.Component == o.Place.Component })
	return by
}
