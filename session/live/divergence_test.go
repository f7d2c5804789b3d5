package live_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/recording"
	"thaw/session"
	"thaw/session/view"
)

// untilEntered walks until a thread has come back to user mode.
func untilEntered(t *testing.T, e *session.Engine, name string) {
	t.Helper()
	ctx := deadline(t)
	for {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
		for _, v := range e.View().Verdicts {
			if v.Name == name && v.Entered.Known {
				return
			}
		}
	}
}

// Where ep parts from its original: by its ip, by a register, by what stands in
// a slot, or not at all.
func TestDivergence(t *testing.T) {
	for bug, want := range map[string]struct {
		parted      bool
		by          string
		last        string // text of the last common instruction
		ends        [2]string
		slot, other string // of the restored, and of the original
	}{
		"state-ignored":     {true, "instruction", "", [2]string{"system call", "system call"}, "", "core/timer"},
		"partial-registers": {true, "instruction", "mov (%r10),%rdx", [2]string{"system call", "page fault at 0x8000"}, "", "core/timer"},
		"wrong-object":      {true, "capability slot", "int $0x80", [2]string{"system call", "system call"}, "sheep_counter/ep", "core/timer"},
		"fixed":             {false, "", "int $0x80", [2]string{"system call", "system call"}, "core/timer", "core/timer"},
	} {
		t.Run(bug, func(t *testing.T) {
			ctx := deadline(t)
			e, vm := openLab(ctx, t, "bug="+bug, true)
			untilEntered(t, e, "ep")
			was := e.View().Snapshot.CPU
			before := verdictOf(t, e.View(), "ep")
			ram := readRAM(t, vm.RAMPath())
			if err := e.Diverge(ctx, before.Thread); err != nil {
				t.Fatal(err)
			}
			now := e.View()
			v := verdictOf(t, now, "ep")
			d := v.Divergence
			if d == nil || d.Problem != "" || d.Parted != want.parted || d.By != want.by || d.Text != want.last || d.Original != v.Original {
				t.Fatalf("divergence %+v", d)
			}
			for i, p := range d.Paths {
				if p.End != want.ends[i] || p.Instructions < max(d.Common, 1) {
					t.Errorf("path %d: %+v", i, p)
				}
			}
			for i, want := range []string{want.other, want.slot} {
				if s := d.Paths[i].Slot; (s == nil) != (want == "") || s != nil && s.Receiver != want {
					t.Errorf("path %d invokes %+v, want %q", i, s, want)
				}
			}
			if bug == "state-ignored" && (d.Common != 0 || d.Registers[0] != view.RegisterPair{Name: "ip", Original: v.Requested.IP, Restored: v.Entered.IP}) {
				t.Errorf("%d common instructions, registers %+v", d.Common, d.Registers)
			}
			if len(d.Lines()) == 0 || !slices.Contains(v.Evidence, d.Lines()[0]) {
				t.Errorf("the evidence tells nothing of it: %q", v.Evidence)
			}

			// No trace is left.
			if v.Verdict != before.Verdict || v.Entered.IP != before.Entered.IP {
				t.Errorf("the verdict was %s, is %s", before.Verdict, v.Verdict)
			}
			if is := now.Snapshot.CPU; !slices.Equal(was, is) {
				t.Errorf("registers were %v, are %v", was, is)
			}
			if n, first := differ(ram, readRAM(t, vm.RAMPath())); n > 0 {
				t.Errorf("%d words of memory differ, the first at %#x", n, first)
			}
			if err := e.RunAll(ctx, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func readRAM(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// differ counts the words that differ in more than the marks that the processor
// leaves in page tables: accessed and dirty.
func differ(a, b []byte) (n, first int) {
	const marks = 0x60
	for i := 0; i+8 <= len(a); i += 8 {
		if bytes.Equal(a[i:i+8], b[i:i+8]) {
			continue
		}
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x&^marks != 0 {
			if n++; n == 1 {
				first = i
			}
		}
	}
	return n, first
}

// A thread that does not run, or that nobody requested, is not compared.
func TestDivergenceNeedsTheThread(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	v := untilComplete(ctx, t, e)
	stops := v.Stops
	if err := e.Diverge(ctx, verdictOf(t, v, "ep").Thread); err == nil || !strings.Contains(err.Error(), "does not run in user mode") {
		t.Errorf("a thread that waits: %v", err)
	}
	if err := e.Diverge(ctx, 0xffff); err == nil || e.View().Stops != stops {
		t.Errorf("a thread that is not there: %v", err)
	}
}

// What was found goes into the recording, and the code that was executed for it
// does not.
func TestDivergenceIsRecorded(t *testing.T) {
	ctx := deadline(t)
	path := filepath.Join(t.TempDir(), "session.thaw")
	var w *recording.Writer
	e, _ := openLabWith(ctx, t, "", true, recordTo(t, path, &w))
	untilEntered(t, e, "ep")
	if err := e.Diverge(ctx, verdictOf(t, e.View(), "ep").Thread); err != nil {
		t.Fatal(err)
	}
	v := e.View()
	if err := errors.Join(e.Close(ctx), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, rec := openReplay(t, path)
	noCode(t, rec)
	again, err := r.View(r.Stops())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(verdictOf(t, v, "ep").Divergence, verdictOf(t, again, "ep").Divergence); diff != "" {
		t.Errorf("divergence (-live +replay):\n%s", diff)
	}
}
