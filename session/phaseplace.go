package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"thaw/session/drive"
	"thaw/session/scenario"
	"thaw/session/view"
)

// maxMatches bounds the phases that a pattern stands for.
const maxMatches = 200

// matching lists the functions that a phase's pattern stands for, by their addresses: in
// which order they come the run tells.
func (ps *parts) matching(p *scenario.PhaseSpec) ([]string, error) {
	f := ps.programs.File(p.Component)
	if f == nil {
		return nil, fmt.Errorf("no program %s", p.Component)
	}
	names, err := f.FunctionNames()
	if err != nil {
		return nil, err
	}
	at := map[string]uint64{}
	for _, n := range names {
		if !scenario.Matches(p.Functions, n) {
			continue
		}
		fns, err := f.Functions(n)
		if err != nil {
			return nil, err
		}
		for _, fn := range fns {
			if len(fn.Locations) > 0 {
				at[n] = fn.Locations[0].Addr
			}
		}
	}
	out := make([]string, 0, len(at))
	for n := range at {
		out = append(out, n)
	}
	switch {
	case len(out) == 0 && !p.Optional:
		return nil, fmt.Errorf("no function of %s matches %s", f.Path(), p.Functions)
	case len(out) > maxMatches:
		return nil, fmt.Errorf("%d functions of %s match %s, and %d are the most: write more of the name", len(out), f.Path(), p.Functions, maxMatches)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(at[a], at[b]), cmp.Compare(a, b)) })
	return out, nil
}

// watchPhase has hit called as a phase begins. Lines of the LOG are watched for elsewhere.
func (ps *parts) watchPhase(ctx context.Context, p *scenario.PhaseSpec, hit func(context.Context) (*drive.Event, error)) error {
	switch {
	case p.Log != "":
		return nil
	case p.Function != "":
		return ps.drive.Breaks.WatchFunction(ctx, p.Component, p.Function, view.PurposePhase, hit)
	}
	return ps.drive.Breaks.WatchAddresses(ctx, p.Component, p.Place(), view.PurposePhase, hit)
}

// entered is what to do as phase n begins.
func (ps *parts) entered(ctx context.Context, n int) (*drive.Event, error) {
	if err := ps.again(ctx, n); err != nil {
		return nil, err
	}
	if n == 0 && ps.obs.Ev.Late != "" { // its beginning is seen after all
		ps.obs.Ev.Late = ""
		ps.phases.notLate()
	}
	return ps.phases.enter(n, ps.obs.NextStop()), nil
}

// runChecked runs until something happens that is worth a stop, a line of the LOG that
// begins a phase among it.
func (wk *walker) runChecked(ctx, limit context.Context) (*drive.Event, error) {
	said := wk.saidPhases()
	if len(said) == 0 {
		return wk.runProved(ctx, limit)
	}
	for {
		ev, err := wk.runListening(ctx, limit, said)
		if err != nil {
			return ev, err
		}
		heard, err := wk.hear(ctx, said, ev != nil)
		if ev = drive.Merge(ev, heard); ev != nil || err != nil {
			return ev, err
		}
	}
}

// runListening runs until something happens, or a line of the LOG begins a phase: then
// the guest is halted, and there is no event.
func (wk *walker) runListening(ctx, limit context.Context, said map[int]*scenario.PhaseSpec) (*drive.Event, error) {
	limited, cancel := context.WithCancel(limit)
	defer cancel()
	from := wk.phases.heard
	var listening sync.WaitGroup
	listening.Go(func() {
		look := time.NewTicker(logPeriod)
		defer look.Stop()
		for {
			wk.log.Take()
			for _, l := range wk.log.Since(from) {
				for _, p := range said {
					if p.Said(l) {
						cancel()
						return
					}
				}
			}
			select {
			case <-look.C:
			case <-limited.Done():
				return
			}
		}
	})
	ev, err := wk.runProved(ctx, limited)
	over := limit.Err()
	cancel()
	listening.Wait()
	if err == nil || over != nil || !errors.Is(err, context.Canceled) {
		return ev, err
	}
	if ev, err = wk.drive.Halt(ctx, ""); err == nil && ev.Reason == "" {
		ev = nil
	}
	return ev, err
}

// saidPhases are those that a line of the LOG begins, by their places in the list.
func (ps *parts) saidPhases() map[int]*scenario.PhaseSpec {
	out := map[int]*scenario.PhaseSpec{}
	n := 0
	scenario.EachPhase(ps.scn.Phases, 0, func(p *scenario.PhaseSpec, _ int) {
		if p.Log != "" {
			out[n] = p
		}
		n++
	})
	return out
}

// hear enters the phases that new lines of the LOG begin. Where something else happened,
// too, it may have come after them.
func (ps *parts) hear(ctx context.Context, said map[int]*scenario.PhaseSpec, late bool) (ev *drive.Event, err error) {
	ps.log.Take()
	ps.phases.heard = min(ps.phases.heard, ps.log.Count()) // the guest may have gone back
	lines := ps.log.Since(ps.phases.heard)
	ps.phases.heard = ps.log.Count()
	for _, l := range lines {
		for n := range ps.phases.list {
			if p := said[n]; p == nil || !p.Said(l) {
				continue
			}
			if late && ps.phases.isBehind(n) {
				ps.phases.noteBehind(n, ps.obs.NextStop())
				continue
			}
			got, err := ps.entered(ctx, n)
			if ev = drive.Merge(ev, got); err != nil {
				return ev, err
			}
		}
	}
	return ev, nil
}
