package hw_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/hw"
	"thaw/memory"
	"thaw/recording"
	"thaw/recording/stub/stubtest"
)

// without is debug info in which a class lacks members.
type without struct {
	kernel.Symbols
	class   string
	members []string
}

func (w without) Type(name string) (*debuginfo.Type, error) {
	t, err := w.Symbols.Type(name)
	if err != nil || name != w.class {
		return t, err
	}
	lacks := func(f debuginfo.Field) bool { return slices.Contains(w.members, f.Name) }
	return &debuginfo.Type{Kind: t.Kind, Name: t.Name, Size: t.Size, Fields: slices.DeleteFunc(slices.Clone(t.Fields), lacks)}, nil
}

// A member that a kernel needs and its debug info lacks is named, whatever is looked up
// after it.
func TestLayoutNamesWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		file string
		without
		part string
	}{
		{"genode-18.02-x86_64", without{class: "Genode::Cpu_state", members: []string{"trapno", "cpu_exception"}}, "threads"},
		{"genode-18.02-x86_64", without{class: "Genode::Cpu_state", members: []string{"ip"}}, "registers of threads"},
		{"genode-26.02-x86_64", without{class: "Kernel::Thread", members: []string{"_label"}}, "threads"},
		{"genode-26.02-x86_64", without{class: "Kernel::Signal_context", members: []string{"_submits"}}, "signals"},
	} {
		t.Run(c.file+" without "+c.class+"::"+c.members[0], func(t *testing.T) {
			rec, err := recording.Open(filepath.Join("testdata", c.file+".thaw"))
			if err != nil {
				t.Fatal(err)
			}
			symbols, _, err := rec.Kernel()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hw.NewLayout(symbols); err != nil {
				t.Fatal(err)
			}
			c.Symbols = symbols
			_, err = hw.NewLayout(c.without)
			if err == nil || !strings.Contains(err.Error(), "does not describe "+c.part+" (") || !strings.Contains(err.Error(), c.members[len(c.members)-1]) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// patched is memory in which some bytes are others.
type patched struct {
	phys memory.Reader
	is   map[uint64]byte
}

func (p patched) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		q := &reqs[i]
		q.Err = p.phys.ReadMemory(q.Addr, q.Buf)
		for n := range q.Buf {
			if b, ok := p.is[q.Addr+uint64(n)]; ok {
				q.Buf[n] = b
			}
		}
	}
	return nil
}

// Capabilities are read again where something of them has changed since the stop before,
// and only there.
func TestCapabilitiesFromStopToStop(t *testing.T) {
	rec, dec, r := stubtest.Open(t, filepath.Join("testdata", "genode-26.02-x86_64.thaw"))
	symbols, _, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	identity, err := symbols.Type("Kernel::Object_identity")
	if err != nil {
		t.Fatal(err)
	}
	object, err := identity.FieldPath("_object")
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	space, err := dec.KernelSpace(m)
	if err != nil {
		t.Fatal(err)
	}
	source := patched{m.Phys, map[uint64]byte{}}
	mirror := memory.NewMirror(source)
	decode := func(by *memory.Mirror) *kernel.System {
		t.Helper()
		m := m
		m.Phys = by
		sys, err := dec.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		return sys
	}
	next := func() *kernel.System {
		t.Helper()
		if err := mirror.Refresh(); err != nil {
			t.Fatal(err)
		}
		return decode(mirror)
	}
	caps := func(sys *kernel.System) (out []kernel.Capability) {
		for _, o := range sys.PDs() {
			out = append(out, o.PD.Caps...)
		}
		return out
	}
	first := decode(mirror)
	if again := next(); again.Anew != 0 || !slices.Equal(caps(first), caps(again)) {
		t.Errorf("%d decoded anew where nothing changed", again.Anew)
	}
	all := caps(first)
	_, at, err := space.Translate(all[len(all)-1].Pointer + uint64(object.Offset))
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(8) {
		source.is[at+n] = 0
	}
	changed := next()
	if changed.Anew == 0 || changed.Anew > len(first.PDs()) || slices.Equal(caps(first), caps(changed)) {
		t.Errorf("%d decoded anew, of %d protection domains", changed.Anew, len(first.PDs()))
	}
	if fresh := decode(memory.NewMirror(source)); !slices.Equal(caps(fresh), caps(changed)) {
		t.Error("capabilities are not those of a decoding that knows no stop before")
	}
}
