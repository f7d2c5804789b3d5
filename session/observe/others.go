package observe

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/target"
)

// QEMU stops a processor at a watchpoint, and the others a moment later: another may have
// been stopped at one by then. It tells of the last only; of the other nothing but where it
// stands.

// Others notes what was done on other processors than the stopped one: that they have
// written what was requested, and that threads have come back to user mode there.
func Others(ctx context.Context, ob *Observer, stop target.Stop, back map[int]*evidence.Track) (ev *drive.Event, err error) {
	for _, t := range ob.drive.Guard.Threads() {
		if stop.Watch && ob.drive.Guard.Watched[stop.WatchAddr] == t.Block {
			continue // it is the stopped one's
		}
		if err := otherWrites(ctx, ob, t); err != nil {
			return nil, err
		}
	}
	defer func(stopped int) { ob.m.Stopped = stopped }(ob.m.Stopped)
	for _, cpu := range slices.Sorted(maps.Keys(back)) {
		ob.m.Stopped = cpu
		got, err := returned(ctx, ob, back[cpu])
		if err != nil {
			return nil, err
		}
		ev = drive.Merge(ev, got)
	}
	return ev, nil
}

// returned looks at a thread that has come back to user mode untold. A processor that was
// stopped for it stands there still.
func returned(ctx context.Context, ob *Observer, t *evidence.Track) (*drive.Event, error) {
	all, err := ob.ReadSaved(t)
	if err != nil {
		return nil, err
	}
	if is := ob.m.CPU(); !slices.Contains(all, evidence.Saved{IP: is.IP, SP: is.SP}) {
		t.Request().Problem = fmt.Sprintf("it came back to user mode on processor %d unseen, and was at ip %#x by then", ob.m.Stopped, is.IP)
		return nil, nil
	}
	ev, _, err := ob.Observe(ctx, t, Hit{})
	return ev, err
}

// otherWrites notes that another processor has written what was requested.
func otherWrites(ctx context.Context, ob *Observer, t *evidence.Track) error {
	q := t.Request()
	all, err := ob.ReadSaved(t)
	if err != nil || q.Problem != "" || all[0] != (evidence.Saved{IP: q.IP, SP: q.SP}) || all[0] == t.Places[0].Saved {
		return err
	}
	var others []int
	for i, cpu := range ob.m.CPUs() {
		if i != ob.m.Stopped && !cpu.User {
			others = append(others, i)
		}
	}
	if len(others) != 1 {
		return nil // none, or it is not known which
	}
	defer func(stopped int) { ob.m.Stopped = stopped }(ob.m.Stopped)
	ob.m.Stopped = others[0]
	return ob.writes(ctx, t, Hit{})
}
