package drive

import (
	"context"
	"fmt"
	"math/rand"
	"testing"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
)

// watchedTarget knows which words are watched for writes.
type watchedTarget struct {
	Target
	watched map[uint64]int
	went    func()
}

func (w *watchedTarget) SetBreaks(_ context.Context, list []target.Break) error {
	for _, b := range list {
		w.watched[b.Addr]++
	}
	return nil
}

func (w *watchedTarget) ClearBreaks(_ context.Context, list []target.Break) error {
	for _, b := range list {
		if w.watched[b.Addr]--; w.watched[b.Addr] < 0 {
			return fmt.Errorf("%#x is not watched", b.Addr)
		}
	}
	return nil
}

func (w *watchedTarget) Tells() bool { return true }
func (w *watchedTarget) ResumeTelling(context.Context, int, uint64, int, func(target.Registers, []byte)) error {
	w.went()
	return nil
}

func (w *watchedTarget) Resume(context.Context) error { w.went(); return nil }
func (w *watchedTarget) Step(context.Context, int) (target.Stop, error) {
	w.went()
	return target.Stop{}, nil
}

// simulated is a thread of a machine as far as a guard is concerned.
type simulated struct {
	t   *evidence.Track
	cpu int // that runs it, -1: none
	// user mode, or on the way there behind the reading of the saved ip
	user, leaving bool
	held          bool
}

// Whatever threads do, on several processors, no word is watched for writes that a
// processor may push before the next stop; and those of a thread in the kernel are.
func TestGuardKeepsOffPushes(t *testing.T) {
	for seed := range int64(200) {
		rnd := rand.New(rand.NewSource(seed))
		threads := make([]*simulated, 4)
		for i := range threads {
			at := uint64(0x1000 * (i + 1))
			threads[i] = &simulated{t: &evidence.Track{Block: at, TaskRoot: 0x100000 + at, Places: []evidence.Kept{{IPAddr: at + 8, SPAddr: at + 16}}}, cpu: -1}
		}
		cpus := make([]*simulated, 2)
		target := &watchedTarget{watched: map[uint64]int{}}
		unknown := rnd.Intn(4) == 0 // the kernel's stack is hidden from user mode
		g := Guard{target: target, size: 8, held: map[*evidence.Track]*pushed{}, at: func(context.Context) ([]machine.Occupant, error) {
			out := make([]machine.Occupant, len(cpus))
			for i, s := range cpus {
				if s != nil {
					out[i] = machine.Occupant{Block: s.t.Block, Root: s.t.TaskRoot, User: s.user}
					if unknown && s.user {
						out[i].Block = 0
					}
				} else {
					out[i] = machine.Occupant{Block: 0xdead000}
				}
			}
			return out, nil
		}}
		missed, seen := 0, 0
		target.went = func() {
			for _, s := range threads {
				n := target.watched[s.t.Places[0].IPAddr] + target.watched[s.t.Places[0].SPAddr]
				if n > 0 && (s.user || s.leaving) {
					t.Fatalf("seed %d: %#x is watched for writes, and its thread is on its way", seed, s.t.Places[0].IPAddr)
				}
				if s.held && s.cpu < 0 {
					if seen++; n != 2 {
						missed++
					}
				}
			}
		}
		for range 300 {
			switch rnd.Intn(3) {
			case 0:
				if err := g.resume(t.Context()); err != nil {
					t.Fatal(err)
				}
			case 1:
				if _, err := g.Step(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
			default: // a step that the guest is let go behind, where it may be
				if _, err := g.Step(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				s := cpus[0]
				user := s != nil && s.user
				if user && rnd.Intn(2) == 0 {
					s.user = false
				}
				on, err := g.resumeTelling(t.Context(), 0, user, 0, 0, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !on && user {
					t.Fatalf("seed %d: the guest does not go on behind a step in user mode", seed)
				}
			}
			// What happens until the next stop, which a read of a saved ip that is
			// watched makes.
			s := threads[rnd.Intn(len(threads))]
			switch {
			case rnd.Intn(6) == 0 && !s.held:
				g.held[s.t] = &pushed{words: []uint64{s.t.Places[0].IPAddr, s.t.Places[0].SPAddr}}
				s.held = true
			case rnd.Intn(12) == 0 && s.held:
				if err := target.ClearBreaks(t.Context(), g.release(s.t)); err != nil {
					t.Fatal(err)
				}
				s.held = false
			case s.cpu < 0: // it is switched to
				if c := rnd.Intn(len(cpus)); cpus[c] == nil {
					cpus[c], s.cpu = s, c
				}
			case s.user: // an interrupt, a system call
				s.user = false
			case s.leaving:
				s.user, s.leaving = true, false
			case rnd.Intn(2) == 0:
				s.leaving = true
				g.Leaves(s.t)
			default: // it is switched from
				cpus[s.cpu], s.cpu = nil, -1
			}
		}
		if seen == 0 || missed > 0 {
			t.Fatalf("seed %d: of %d times that a thread was held in the kernel its words were not watched %d times", seed, seen, missed)
		}
		for _, s := range threads {
			if err := target.ClearBreaks(t.Context(), g.release(s.t)); err != nil {
				t.Fatal(err)
			}
		}
		for addr, n := range target.watched {
			if n != 0 {
				t.Errorf("seed %d: %#x is watched %d times at the end", seed, addr, n)
			}
		}
	}
}

// A thread leaves the kernel by any of its places but those that state is only put aside
// to: each is watched for reads.
func TestWatchesEveryWayOut(t *testing.T) {
	g := &Guard{platform: &kernel.Platform{Places: []*kernel.PlaceKind{{Name: "frame"}, {Name: "call"}, {Name: "aside", Aside: true}}}}
	read := map[uint64]bool{}
	for _, w := range g.WatchesOf(&evidence.Track{Places: []evidence.Kept{{Name: "call", IPAddr: 0x10}, {Name: "frame", IPAddr: 0x20}, {Name: "aside", IPAddr: 0x30}}}) {
		if w.Kind == target.WatchRead {
			read[w.Addr] = true
		}
	}
	if len(read) != 2 || !read[0x10] || !read[0x20] {
		t.Errorf("read at %v", read)
	}
}
