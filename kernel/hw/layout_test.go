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
	"thaw/oracle"
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

// lastByte is memory that notes which single byte was read last.
type lastByte struct {
	memory.Reader
	at uint64
}

func (l *lastByte) ReadMemory(addr uint64, buf []byte) error {
	if len(buf) == 1 {
		l.at = addr
	}
	return l.Reader.ReadMemory(addr, buf)
}

// A kernel that runs and has made nothing so far has not booted: whoever looks at it then
// waits on, and finds no fault in it.
func TestNotBootedBeforeCore(t *testing.T) {
	for _, name := range []string{"genode-26.02-x86_64.thaw", "genode-26.02-arm64.thaw", "genode-25.05-x86_64.thaw", "genode-24.05-x86_64.thaw", "genode-22.05-x86_64.thaw", "genode-18.02-x86_64.thaw"} {
		t.Run(name, func(t *testing.T) {
			_, dec, m := recorded(t, name)
			noted := &lastByte{Reader: m.Phys}
			m.Phys = noted
			if _, err := dec.KernelSpace(m); err != nil {
				t.Fatal(err)
			}
			m.Phys = memory.NewMirror(patched{noted.Reader, map[uint64]byte{noted.at: 0}})
			if _, err := dec.KernelSpace(m); err == nil || !strings.Contains(err.Error(), "does not exist so far") {
				t.Errorf("with %#x 0: %v", noted.at, err)
			}
		})
	}
}

// Capabilities are read again where something of them has changed since the stop before,
// and only there.
func TestCapabilitiesFromStopToStop(t *testing.T) {
	symbols, dec, m := recorded(t, "genode-26.02-x86_64.thaw")
	identity, err := symbols.Type("Kernel::Object_identity")
	if err != nil {
		t.Fatal(err)
	}
	object, err := identity.FieldPath("_object")
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

// counting is debug info in which a thread has a member for its execution time, at a place
// of its own choice.
type counting struct {
	kernel.Symbols
	at int64
}

func (c counting) Type(name string) (*debuginfo.Type, error) {
	t, err := c.Symbols.Type(name)
	if err != nil || name != "Kernel::Thread" {
		return t, err
	}
	utcb, err := t.FieldPath("_utcb")
	if err != nil {
		return nil, err
	}
	other := *t
	other.Fields = append(slices.DeleteFunc(slices.Clone(t.Fields), func(f debuginfo.Field) bool { return f.Name == "_execution_time" }),
		debuginfo.Field{Name: "_execution_time", Type: utcb.Type, Offset: utcb.Offset + c.at})
	return &other, nil
}

// recorded is a real system at its stop, with its kernel's debug info and decoder.
func recorded(t *testing.T, name string) (kernel.Symbols, kernel.Decoder, kernel.Machine) {
	t.Helper()
	rec, dec, r := stubtest.Open(t, filepath.Join("testdata", name))
	symbols, _, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	return symbols, dec, m
}

// A thread's execution time is what its kernel has counted; where the member or its memory
// is missing, it is not known, and the thread is whole.
func TestExecutionTime(t *testing.T) {
	symbols, _, m := recorded(t, "genode-26.02-x86_64.thaw")
	for name, c := range map[string]struct {
		symbols kernel.Symbols
		known   bool
	}{
		"no member": {without{symbols, "Kernel::Scheduler::Context", []string{"_execution_time"}}, false},
		"a member":  {counting{symbols, 0}, true},
		"no memory": {counting{symbols, 1 << 30}, false},
	} {
		dec, err := hw.NewLayout(c.symbols)
		if err != nil {
			t.Fatal(err)
		}
		sys, err := dec.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		threads := sys.Threads()
		if len(threads) < 30 {
			t.Errorf("%s: %d threads", name, len(threads))
		}
		for _, o := range threads {
			if o.Problem != "" {
				t.Errorf("%s: %s: %s", name, o.Name, o.Problem)
			}
			switch got := o.Thread.Executed; {
			case c.known && (got.Name == "" || got.Number != o.Thread.UTCB):
				t.Errorf("%s: %s has executed for %+v, want %d", name, o.Name, got, o.Thread.UTCB)
			case !c.known && got != kernel.Value{}:
				t.Errorf("%s: %s has executed for %+v", name, o.Name, got)
			}
		}
	}
}

// linked is debug info of a core that was linked before its boot modules were there: its
// variables have moved by a page since.
type linked struct{ kernel.Symbols }

func (l linked) Variable(name string) (debuginfo.Variable, error) {
	v, err := l.Symbols.Variable(name)
	v.Addr -= 0x1000
	return v, err
}

// Core is found where its variables have moved to, too, and all that stands beside them.
func TestLinkedBeforeItsModules(t *testing.T) {
	for _, name := range []string{"genode-26.02-x86_64.thaw", "genode-24.05-x86_64.thaw", "genode-18.02-x86_64.thaw"} {
		symbols, dec, m := recorded(t, name)
		moved, err := hw.NewLayout(linked{symbols})
		if err != nil {
			t.Fatal(err)
		}
		want, err := dec.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := moved.Decode(m)
		if err != nil || !slices.Equal(oracle.Rows(got), oracle.Rows(want)) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a, b := got.Running(0), want.Running(0); a.ID != b.ID || a.Thread.Source != b.Thread.Source {
			t.Errorf("%s: %s by %s, want %s by %s", name, a.Name, a.Thread.Source, b.Name, b.Thread.Source)
		}
	}
}
