package nova_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/recording/stub/stubtest"
)

// machine is what was recorded of a real system, and its decoder.
func machine(t *testing.T, file string) (kernel.Decoder, kernel.Machine) {
	t.Helper()
	_, dec, r := stubtest.Open(t, filepath.Join("testdata", file))
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	return dec, m
}

// What is asked of one thread at little cost is what the whole model says, and the place
// that counts stands first.
func TestKept(t *testing.T) {
	for file, cpus := range map[string]int{"genode-26.02-x86_64.thaw": 1, "genode-26.02-x86_64-smp.thaw": 2} {
		dec, m := machine(t, file)
		sys, err := dec.Decode(m)
		if err != nil || len(m.CPUs) != cpus {
			t.Fatalf("%s: %d processors, %v", file, len(m.CPUs), err)
		}
		seen := map[kernel.Source]int{}
		for _, o := range sys.Threads() {
			if len(o.Thread.Places) == 0 || o.Thread.Source == kernel.SourceNone {
				continue
			}
			seen[o.Thread.Source]++
			if in := dec.(kernel.Keeper).KeptIn(m, o.Addr); in != o.Thread.Source {
				t.Errorf("%s: %s is kept in %s, asked alone in %s", file, o.Name, o.Thread.Source, in)
			}
			if kept := o.Thread.Kept(); kept != nil && (kept.Name != o.Thread.Places[0].Name || kept.IP != o.Thread.IP) {
				t.Errorf("%s: %s: %+v counts, and the first place is %+v", file, o.Name, kept, o.Thread.Places[0])
			}
		}
		if seen[kernel.SourceCPU] == 0 || len(seen) != 3 {
			t.Errorf("%s: places seen: %v", file, seen)
		}
		for n, cpu := range m.CPUs {
			switch pd := sys.PDByRoot(cpu.Root); {
			case pd == nil:
				t.Errorf("%s: processor %d uses nobody's page tables", file, n)
			case sys.Running(n) == nil || sys.Running(n).Thread.PD != pd.ID:
				t.Errorf("%s: processor %d runs %v in %s", file, n, sys.Running(n), pd.Name)
			}
		}
	}
}

// Waits are told in words that say what keeps a thread.
func TestWaits(t *testing.T) {
	dec, m := machine(t, "genode-26.02-x86_64.thaw")
	sys, err := dec.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]kernel.Wait{
		"caller1": {Verb: "calls"}, "caller2": {Verb: "calls", Blocked: "waiting to call"},
		"blocker": {Verb: "waits at", Blocked: "at a semaphore"}, "paused": {Verb: "waits at", Blocked: "paused"},
		"pager": {Verb: "receives from"}, "spinner": {},
	} {
		found := false
		for _, o := range sys.Threads() {
			if o.Name != name {
				continue
			}
			found = true
			w := o.Thread.Wait
			if w.Verb != want.Verb || w.Blocked != want.Blocked {
				t.Errorf("%s: %+v", name, w)
			}
			if to := sys.WaitedFor(o.Thread); want.Verb == "calls" && (to == nil || to.Name != "mute_ep") {
				t.Errorf("%s calls %v", name, to)
			}
		}
		if !found {
			t.Errorf("no thread %s", name)
		}
	}
}

// stranger is debug info of another core.
type stranger struct{ kernel.Symbols }

func (stranger) Type(name string) (*debuginfo.Type, error) { return nil, errors.New("no type " + name) }

// Without what core knows, or with that of another core, there are the same objects, and
// no names, which is told.
func TestNoNames(t *testing.T) {
	rec, err := recording.Open(filepath.Join("testdata", "genode-26.02-x86_64.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	named, m := machine(t, "genode-26.02-x86_64.thaw")
	want, err := named.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		core kernel.Symbols
		told string
	}{{nil, "give --build DIRECTORY or --symbols core=FILE"}, {stranger{core}, "give core of this system"}} {
		dec, _, err := kernels.Open(symbols, c.core)
		if err != nil {
			t.Fatal(err)
		}
		sys, err := dec.Decode(m)
		if err != nil || len(sys.Objects) != len(want.Objects) || len(sys.Problems) != 1 || !strings.Contains(fmt.Sprint(sys.Problems[0]), c.told) {
			t.Errorf("%v, problems %q, want %q", err, sys.Problems, c.told)
			continue
		}
		for _, o := range sys.Threads() {
			if o.Name != "" || o.Thread.Source != want.Object(o.ID).Thread.Source {
				t.Errorf("%s %q", o.ID, o.Name)
			}
		}
	}
}
