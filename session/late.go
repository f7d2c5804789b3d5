package session

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/scenario"
	"thaw/session/view"
)

// noteLate finds out whether the checkpoint or the restore began before anybody looked, in
// a system that ran already and in which no phase was entered since: a thread is in a
// phase, or two tasks run the child.
func (ps *parts) noteLate(s *view.Snapshot) {
	if !ps.phases.ranBefore || ps.obs.Ev.Late != "" || len(ps.phases.list) == 0 || slices.ContainsFunc(ps.phases.list, func(p view.Phase) bool { return p.Hits > 0 || p.State != view.PhaseNext }) {
		return
	}
	restore := restorePhase(ps.phases.list)
	missed, why := ps.underWay(s)
	if ids := ps.judge().ChildTasks(s); why == "" && len(ids) >= 2 {
		missed, why = restore, fmt.Sprintf("the restored child exists already (task %s, beside %s)", ids[1], ids[0])
	}
	if why == "" {
		return
	}
	if missed < restore {
		s.Reason += "; " + why + ": the checkpoint began before thaw came"
	} else {
		ps.obs.Ev.Late = why + ": the restore began before thaw came"
		s.Reason += "; " + ps.obs.Ev.Late
	}
	for i := range ps.phases.list[:missed+1] {
		ps.phases.list[i].State = view.PhaseMissed
	}
}

// underWay finds a thread that is in a phase, the innermost one: by the backtraces of the
// components that phases are of. why is "" where none is.
func (ps *parts) underWay(s *view.Snapshot) (phase int, why string) {
	var of []string // component of each phase
	scenario.EachPhase(ps.scn.Phases, 0, func(p *scenario.PhaseSpec, _ int) { of = append(of, p.Component) })
	in := -1
	for _, o := range s.System.Threads() {
		program := s.Tasks[o.Thread.PD]
		if !slices.Contains(of, program) {
			continue
		}
		frames := ps.framesOf(s, o)
		for i := range ps.phases.list {
			function, _, _ := strings.Cut(ps.phases.list[i].Function, "(")
			if i > in && of[i] == program && slices.ContainsFunc(frames, func(f view.Frame) bool { return f.Place.Function == function }) {
				in, why = i, fmt.Sprintf("%s's thread %s (%s) is in %s", program, o.Title(), o.ID, function)
			}
		}
	}
	return in, why
}

// framesOf is the backtrace of a thread: the processor's, where it runs there.
func (ps *parts) framesOf(s *view.Snapshot, o *kernel.Object) []view.Frame {
	if o.ID == s.Thread {
		return s.Frames
	}
	return ps.userFrames(s, o)
}

// userFrames is the backtrace of a thread in user mode, none where there is no debug info.
func (ps *parts) userFrames(s *view.Snapshot, o *kernel.Object) []view.Frame {
	_, task, err := components.UserThread(s, o.ID)
	if err != nil || task.PD.Root == 0 {
		return nil
	}
	frames, _ := ps.programs.Stack(s, o, task, ps.m.View)
	return frames
}

// alone tells of a child that may be the restored one.
func (wk *walker) alone() string {
	m := wk.history.newest()
	if m == nil || !wk.phases.ranBefore {
		return ""
	}
	if ids := wk.judge().ChildTasks(m.snap); len(ids) == 1 {
		return fmt.Sprintf(" (only task %s runs %s: if that is the restored child, and its original is gone, the restore was over before thaw came)", ids[0], wk.scn.Child)
	}
	return ""
}
