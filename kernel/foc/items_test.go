package foc

import (
	"bytes"
	"maps"
	"math/rand"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"weak"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
)

// again decodes the same machine at stop after stop through one mirror, and once
// more from nothing: both must come to the same.
type again struct {
	*frozen
	mirror *memory.Mirror
	fresh  *Layout
}

func newAgain(f *frozen) *again {
	c := f.copy()
	kept, fresh := *f.layout, *f.layout
	kept.last, fresh.last = nil, nil
	c.layout = &kept
	return &again{c, memory.NewMirror(c), &fresh}
}

func (a *again) decode(t testing.TB, what string) *kernel.System {
	t.Helper()
	if err := a.mirror.Refresh(); err != nil {
		t.Fatal(err)
	}
	got, gotErr := a.layout.Decode(kernel.Machine{Phys: a.mirror, Paging: a.paging, CPUs: a.cpus})
	want, wantErr := a.fresh.Decode(kernel.Machine{Phys: memory.NewMirror(a.frozen), Paging: a.paging, CPUs: a.cpus})
	a.fresh.last = nil
	if (gotErr == nil) != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
		t.Fatalf("%s: %s: again: %v; from nothing: %v", a.name, what, gotErr, wantErr)
	}
	if gotErr != nil {
		return nil
	}
	if !slices.Equal(got.Problems, want.Problems) || len(got.Objects) != len(want.Objects) {
		t.Fatalf("%s: %s: again: %d objects, %q\nfrom nothing: %d objects, %q", a.name, what, len(got.Objects), got.Problems, len(want.Objects), want.Problems)
	}
	for i := range want.Objects {
		if g, w := got.Objects[i], want.Objects[i]; !reflect.DeepEqual(g, w) {
			t.Fatalf("%s: %s: object %s:\nagain        %+v %+v %+v\nfrom nothing %+v %+v %+v", a.name, what, w.ID, g, g.Thread, g.PD, w, w.Thread, w.PD)
		}
		if want.Object(want.Objects[i].ID) != want.Objects[i] {
			continue
		}
		if o := got.Object(want.Objects[i].ID); o != got.Objects[i] || got.At(o.Addr) == nil {
			t.Fatalf("%s: %s: object %s is not found by its id or address", a.name, what, want.Objects[i].ID)
		}
	}
	return got
}

// restore writes the pages of another copy over a machine's.
func (a *again) restore(from *frozen) {
	maps.DeleteFunc(a.pages, func(n uint64, _ []byte) bool { return from.pages[n] == nil })
	for n, p := range from.pages {
		a.pages[n] = bytes.Clone(p)
	}
}

// At every damage and after it, a stop that follows another is decoded as one
// that nothing came before.
func TestDecodeAgain(t *testing.T) {
	for _, good := range realSystems(t) {
		whole, list := good.decode(t), good.list(t)
		for _, d := range damages {
			a := newAgain(good)
			before := a.decode(t, d.name+": before")
			if n := a.decode(t, d.name+": nothing changed").Anew; n > 0 {
				t.Errorf("%s: %d objects decoded again though nothing changed", good.name, n)
			}
			bad := good.copy()
			d.do(t, bad, whole, list)
			a.restore(bad)
			a.decode(t, d.name+": damaged")
			a.restore(good)
			a.decode(t, d.name+": mended")
			before.Anew = whole.Anew
			if !reflect.DeepEqual(before, whole) {
				t.Errorf("%s: %s: a system that was given out has changed since", good.name, d.name)
			}
		}
	}
}

// Of two threads whose frames change just these are decoded again, and of a
// capability table its task.
func TestDecodeAgainOnlyChanged(t *testing.T) {
	for _, good := range realSystems(t) {
		a := newAgain(good)
		sys := a.decode(t, "first")
		if sys.Anew != len(sys.Objects) {
			t.Errorf("%s: %d of %d objects decoded at first", good.name, sys.Anew, len(sys.Objects))
		}
		changed := 0
		for _, o := range sys.Threads() {
			if o.Thread.Source == inFrame && changed < 2 {
				a.set(t, o.Thread.Usual().IPAddr, 0x4711)
				changed++
			}
		}
		if n := a.decode(t, "frames").Anew; n != 2 || changed != 2 {
			t.Errorf("%s: %d objects decoded again for %d changed frames", good.name, n, changed)
		}
		for _, o := range sys.PDs() {
			if page := a.layout.last.byLink[o.Addr+a.link(t, o)].table; len(o.PD.Caps) > 1 && page != nil {
				a.put(a.page(page.pages[0].at.Phys / session.PageSize)[page.pages[0].at.Phys%session.PageSize+a.layout.caps.entry:], 0)
				break
			}
		}
		if n := a.decode(t, "capability").Anew; n != 1 {
			t.Errorf("%s: %d objects decoded again for a changed capability", good.name, n)
		}
	}
}

// link is where an object has its link in the list.
func (a *again) link(t testing.TB, o *kernel.Object) uint64 {
	t.Helper()
	c, err := a.layout.class(o.Class)
	if err != nil {
		t.Fatal(err)
	}
	return c.dbg + a.layout.dbg.link
}

// Words change here and there from stop to stop, in objects, tables of
// capabilities and page tables; objects come and go.
func TestDecodeAgainNoise(t *testing.T) {
	rnd := rand.New(rand.NewSource(5))
	for _, good := range realSystems(t) {
		numbers := slices.Sorted(maps.Keys(good.pages))
		list := good.list(t)
		a := newAgain(good)
		a.decode(t, "first")
		for range 30 {
			switch rnd.Intn(4) {
			case 0: // one word
				page := a.page(numbers[rnd.Intn(len(numbers))])
				a.put(page[rnd.Intn(session.PageSize/8)*8:], list[rnd.Intn(len(list))]+uint64(rnd.Intn(64)*8))
			case 1: // a word of an object
				at := list[rnd.Intn(len(list))] + uint64(rnd.Intn(32)*a.layout.ptr)
				if space, err := a.layout.KernelSpace(a.machine()); err == nil {
					if _, phys, err := space.Translate(at); err == nil {
						a.put(a.page(phys / session.PageSize)[phys%session.PageSize:], rnd.Uint64())
					}
				}
			case 2: // an object is left out
				k := rnd.Intn(len(list) - 2)
				if space, err := a.layout.KernelSpace(a.machine()); err == nil {
					if _, phys, err := space.Translate(list[k] + a.layout.dbg.next); err == nil {
						a.put(a.page(phys / session.PageSize)[phys%session.PageSize:], list[k+2])
					}
				}
			case 3:
				a.restore(good)
			}
			a.decode(t, "noise")
		}
	}
}

// What is kept of a stop is the next one's alone: a session of many stops must not
// hold on to what each of them was decoded from.
func TestOldStopsAreLetGo(t *testing.T) {
	a := newAgain(realSystems(t)[0])
	a.decode(t, "at first")
	first := weak.Make(a.layout.last)
	for range 3 {
		a.decode(t, "later")
	}
	runtime.GC()
	runtime.GC()
	if first.Value() != nil {
		t.Error("a stop long gone is still in memory")
	}
	runtime.KeepAlive(a)
}
