package sel4_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/oracle"
	"thaw/recording"
	"thaw/recording/stub/stubtest"
)

var real2602 = filepath.Join("testdata", "genode-26.02-x86_64.thaw")

// Memory of a real system decodes to just what an independent reader saw at the same
// stop. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) { stubtest.Real(t, "seL4", oracle.Rows) }

// Damaged memory is decoded as far as it goes, within bounds, and what is wrong is told.
func TestDecodeNoise(t *testing.T) { stubtest.Noise(t, real2602, 20) }

// What is asked of one thread at little cost is what the whole model says, the place that
// counts stands first, and waits lead to who ends them.
func TestThreads(t *testing.T) {
	_, dec, r := stubtest.Open(t, real2602)
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	sys, err := dec.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	waits := map[string]string{ // what the state says, and where it leads
		"caller1": "BlockedOnReply calls TCB mute_ep", "caller2": "BlockedOnSend sends to Endpoint ", "blocker": "BlockedOnNotification waits at Notification ",
		"paused": "Inactive waits for", "pager_ep": "BlockedOnReceive receives from Endpoint ", "spinner": "Running",
	}
	seen := map[kernel.Source]int{}
	for _, o := range sys.Threads() {
		th := o.Thread
		got := strings.TrimSpace(th.StateString() + " " + th.Wait.Verb)
		if to := sys.WaitedFor(th); to != nil {
			got += " " + string(to.Kind) + " " + to.Name
		}
		if want, ok := waits[o.Name]; ok && got != want {
			t.Errorf("%s: %q, want %q", o.Name, got, want)
		}
		delete(waits, o.Name)
		if len(th.Places) == 0 || th.Source == kernel.SourceNone {
			continue
		}
		seen[th.Source]++
		if in := dec.(kernel.Keeper).KeptIn(m, o.Addr); in != th.Source {
			t.Errorf("%s is kept in %s, asked alone in %s", o.Name, th.Source, in)
		}
		if kept := th.Kept(); kept != nil && kept.Name != th.Places[0].Name {
			t.Errorf("%s: %s counts, and the first place is %s", o.Name, kept.Name, th.Places[0].Name)
		}
	}
	if len(waits) > 0 || len(seen) != 3 || seen[kernel.SourceCPU] != 1 {
		t.Errorf("not seen: %v; places seen: %v", waits, seen)
	}
	if o := sys.Running(0); o == nil || dec.CurrentThread(m, 0) != o.Addr || sys.PDByRoot(m.CPUs[0].Root) != sys.Object(o.Thread.PD) {
		t.Errorf("running: %+v", o)
	}
}

// other is debug info of a kernel, but for one type.
type other struct {
	kernel.Symbols
	without string
	size    int64
}

func (o other) Type(name string) (*debuginfo.Type, error) {
	t, err := o.Symbols.Type(name)
	if name != o.without || err != nil {
		return t, err
	}
	if o.size == 0 {
		return nil, errors.New("no type " + name)
	}
	return &debuginfo.Type{Name: name, Kind: t.Kind, Size: o.size}, nil
}

// A configuration whose bit fields are not known is refused, with what is other about it.
func TestOtherConfigurations(t *testing.T) {
	rec, err := recording.Open(real2602)
	if err != nil {
		t.Fatal(err)
	}
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	for typ, size := range map[string]int64{"thread_state": 32, "notification": 64, "cap_tag": 0, "debug_tcb": 0} {
		_, _, err := kernels.Open(other{symbols, typ, size}, core)
		if err == nil || !strings.Contains(err.Error(), typ) {
			t.Errorf("%s of %d bytes: %v", typ, size, err)
		}
	}
	if _, _, err := kernels.Open(symbols, nil); err != nil {
		t.Errorf("without core: %v", err)
	}
}

// moved is debug info of a core whose variables moved as it was linked again.
type moved struct {
	kernel.Symbols
	by uint64
}

func (m moved) Variable(name string) (debuginfo.Variable, error) {
	v, err := m.Symbols.Variable(name)
	v.Addr += m.by
	return v, err
}

// Core's list of threads is found near the place where its file says, if the names in it
// are those in the threads' stacks.
func TestMovedCore(t *testing.T) {
	rec, err := recording.Open(real2602)
	if err != nil {
		t.Fatal(err)
	}
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	_, _, r := stubtest.Open(t, real2602)
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	for by, want := range map[int64]string{0: "init -> probe", 0x100: "init -> probe", -0x1f8: "init -> probe", 0x4000: ""} {
		dec, _, err := kernels.Open(symbols, moved{core, uint64(by)})
		if err != nil {
			t.Fatal(err)
		}
		sys, err := dec.Decode(m)
		if err != nil {
			t.Fatal(err)
		}
		pd := ""
		for _, o := range sys.Threads() {
			if o.Name == "spinner" {
				pd = sys.Object(o.Thread.PD).Name
			}
		}
		if pd != want || (want == "") != slices.ContainsFunc(sys.Problems, func(p string) bool { return strings.Contains(p, "linked again") }) {
			t.Errorf("moved by %#x: spinner belongs to %q, problems %q", by, pd, sys.Problems)
		}
	}
}
