package session

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"thaw/debuginfo"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/view"
)

// Where a watchpoint stops before its instruction, everyone who writes a word is named once,
// with the values before and behind: also processors of which QEMU does not tell, and a word
// that only the kernel maps. A store beside it is none.
func TestWatchOriginWhereWatchpointsStopFirst(t *testing.T) {
	for _, of := range racers {
		for _, cpus := range []int{1, 2, 4} {
			f := newRacing(of, cpus)
			wt := newWatcher(t, f)
			if err := wt.WatchOrigin(t.Context(), view.Word{Addr: countAt}); err != nil {
				t.Fatal(err)
			}
			for n := range 50 {
				told := len(wt.questions.all)
				ev, err := wt.drive.Run(t.Context(), t.Context())
				if ev == nil || err != nil {
					t.Fatalf("%v, %d processors: %v, %v", of.machine, cpus, ev, err)
				}
				if len(wt.questions.all) == told && f.turn%7 != 0 {
					t.Fatalf("%v, %d processors: stop %d tells nothing: %s", of.machine, cpus, n, ev.Reason)
				}
			}
			var want, got []string
			for _, w := range f.writes {
				if w.Old != w.New {
					want = append(want, fmt.Sprintf("%#x by counter (thread %d) from %d to %d, true", w.Place.Addr, w.Place.Addr/0x1000-7, w.Old, w.New))
				}
			}
			for _, q := range wt.questions.all {
				o := q.Steps[0]
				got = append(got, fmt.Sprintf("%#x by %s from %d to %d, %v", o.Place.Addr, o.Thread, o.Old, o.New, o.Sure))
			}
			if n := 0; len(got) < 40 || !slices.Equal(got, want) {
				for n < min(len(got), len(want)) && got[n] == want[n] {
					n++
				}
				t.Errorf("%v, %d processors: %d writes, %d told; then were written %q, told %q", of.machine, cpus, len(want), len(got), want[n:min(n+1, len(want))], got[n:min(n+1, len(got))])
			}
			if f.dangling > 0 {
				t.Errorf("%v, %d processors: %d watchpoints were taken off while processors were at them", of.machine, cpus, f.dangling)
			}
			info := wt.watched[0].info
			if info.Hits != len(f.writes) || info.Foreign > 0 {
				t.Errorf("%v, %d processors: %d writes, %d hits, %d of them elsewhere", of.machine, cpus, len(f.writes), info.Hits, info.Foreign)
			}
			if err := wt.drive.Breaks.Remove(t.Context(), info.Name()); err != nil {
				t.Fatal(err)
			}
			if _, err := wt.ready(t.Context()); err != nil || len(f.watched) > 0 {
				t.Errorf("deleted, and %x are watched (%v)", f.watched, err)
			}
		}
	}
}

// A breakpoint at a store to a watched word, or at what reads it, is hit once each time.
func TestBreakpointAtAWatchedStore(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := debuginfo.Load(own, "", nil) // some program: what counts is that it is the kernel's
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range racers {
		for _, c := range []struct{ cpus, place int }{{1, 2}, {2, 2}, {1, 0}, {2, 0}} {
			f := newRacing(of, c.cpus)
			wt := newWatcher(t, f)
			hits := 0
			at := &drive.Probe{Addr: codeAt + uint64(4*c.place), Comp: components.NewComponent("kernel", true, file), Info: &view.BreakpointInfo{},
				Hit: func(context.Context) (*drive.Event, error) { hits++; return nil, nil }}
			if err := wt.drive.Breaks.AddProbe(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if err := wt.WatchOrigin(t.Context(), view.Word{Addr: countAt}); err != nil {
				t.Fatal(err)
			}
			for range 50 {
				if _, err := wt.drive.Run(t.Context(), t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if waits := hits - f.executed[c.place]; f.executed[c.place] < 10 || waits < 0 || waits > 1 || f.dangling > 0 {
				t.Errorf("%v, %+v: executed %d times, %d hits; %d watchpoints were taken off while processors were at them", of.machine, c, f.executed[c.place], hits, f.dangling)
			}
			value := uint64(7)
			for _, q := range wt.questions.all {
				if o := q.Steps[0]; o.Old != value {
					t.Errorf("%v, %+v: from %d, want %d: %+v", of.machine, c, o.Old, value, o)
				}
				value = q.Steps[0].New
			}
		}
	}
}

// A word that is watched as a thread's saved state, too, is executed once for both.
func TestWatchOriginOfASavedState(t *testing.T) {
	for _, of := range racers {
		f := newRacing(of, 1)
		wt := newWatcher(t, f)
		tr := &evidence.Track{ID: 7, Block: 0x3000, Places: []evidence.Kept{{Name: "regs", IPAddr: f.high + countAt, SPAddr: f.high + countAt + 0x40, Saved: evidence.Saved{IP: f.word}}}}
		tr.Requests = []evidence.Request{{At: wt.obs.Now(), IP: 1}}
		wt.obs.Ev.Tracks[tr.Block] = tr
		if err := wt.drive.Guard.Arm(t.Context(), tr); err != nil {
			t.Fatal(err)
		}
		if err := wt.WatchOrigin(t.Context(), view.Word{Addr: countAt}); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			if ev, err := wt.drive.Run(t.Context(), t.Context()); ev == nil || err != nil {
				t.Fatal(ev, err)
			}
			if len(f.writes) != n+1 || len(tr.Writes) == 0 || tr.Writes[len(tr.Writes)-1].IP != f.word || len(wt.questions.all) != n+1 {
				t.Fatalf("%v: %d writes: of the thread's state %+v, of the word %+v", of.machine, len(f.writes), tr.Writes, wt.questions.all)
			}
		}
		if err := wt.bare(t.Context()); err != nil || len(f.watched) > 0 {
			t.Errorf("left: %x, %v", f.watched, err)
		}
	}
}
