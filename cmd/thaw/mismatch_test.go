package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/report"
	"thaw/session/view"
)

// runningLab is a lab guest that nobody debugs, and that has restored its
// child.
func runningLab(t *testing.T) *qemu.VM {
	t.Helper()
	return runningKernel(t, guest.Kernel)
}

func runningKernel(t *testing.T, file string) *qemu.VM {
	t.Helper()
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, file), MemoryMB: 64, Running: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	readUntil(t, vm.Serial(), "Resto::", "1 sheep")
	return vm
}

// A snapshot shows the guest and leaves it running.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--caps")
	for _, s := range []string{"sheep_counter", "signal handler", "rcv_wait", "Timer::Session_client::msleep", "task ", "* Gate"} {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("%q is not in the snapshot", s)
		}
	}
	r = thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--json")
	var out report.SnapshotJSON
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != exitOK {
		t.Fatalf("exit code %d: %v\n%s", r.code, err, r.stderr)
	}
	names := map[string]int{}
	for _, o := range out.Objects {
		if o.Thread != nil {
			names[o.Name]++
		}
	}
	if names["sheep_counter"] != 2 || names["ep"] != 3 || len(out.Problems) > 0 {
		t.Errorf("threads %v, problems %q", names, out.Problems)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps") // it runs on
	t.Run("looked at", func(t *testing.T) { lookedAt(t, vm) })
	t.Run("served", func(t *testing.T) { checkServed(t, vm) })
	readUntil(t, vm.Serial(), "sheep") // and still does
}

// Another build of the kernel than the one that runs: every offset could be
// wrong, so nothing is shown.
func TestOtherKernel(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(guestDir, "fiasco.image"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	for i := text.Offset; i < text.Offset+text.Size; i++ {
		data[i] ^= 0x55
	}
	other := filepath.Join(t.TempDir(), "fiasco.image")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	vm := runningLab(t)
	r := thaw(t, "snapshot", vm.GDB(), "--kernel", other)
	if r.code != exitFailed || !strings.Contains(r.stderr, "the running kernel is not "+other) || !strings.Contains(r.stderr, "give the kernel ELF of the system that runs") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
}

// more is one more function in every file of a program.
const more = `#ifndef __ASSEMBLER__
[[gnu::used]] static int one_more(int a) { return a * 3 + 1; }
#endif
`

// otherBuild builds programs of the lab guest with one more function: in every file,
// or in the last one only.
func otherBuild(t *testing.T, last bool) (dir string) {
	t.Helper()
	dir = t.TempDir()
	header := filepath.Join(dir, "more.h")
	if err := os.WriteFile(header, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	extra, programs := "EXTRA=-include "+header, []string{filepath.Join(dir, "core"), filepath.Join(dir, "rtcr"), filepath.Join(dir, "sheep_counter")}
	if last {
		if err := guest.BuildIn(t.Context(), dir, extra, filepath.Join(dir, "o", "base", "base.o")); err != nil {
			t.Fatal(err)
		}
		extra = "EXTRA="
	}
	if err := guest.BuildIn(t.Context(), dir, append(programs, extra)...); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A file that is not that of the program which runs gives no verdict, and one
// sentence: an older or newer build with one function more, or another program.
func TestOtherPrograms(t *testing.T) {
	t.Parallel()
	stale, late := otherBuild(t, false), otherBuild(t, true)
	for _, c := range []struct{ component, file string }{
		{"core", filepath.Join(stale, "core")},
		{"core", filepath.Join(late, "core")},
		{"rtcr", filepath.Join(stale, "rtcr")},
		{"rtcr", filepath.Join(late, "rtcr")},
		{"sheep_counter", filepath.Join(stale, "sheep_counter")},
		{"sheep_counter", filepath.Join(guestDir, "rtcr")},
	} {
		t.Run(c.component+" "+filepath.Base(filepath.Dir(c.file))+" "+filepath.Base(c.file), func(t *testing.T) {
			t.Parallel()
			r := thaw(t, onLab("check", "lab:fixed", "--json", "--symbols", c.component+"="+c.file)...)
			out := decodeCheck(t, r)
			if r.code != exitFailed || out.Expected || len(out.Mismatches) != 1 {
				t.Fatalf("exit code %d, expected %v, mismatches %+v\n%s", r.code, out.Expected, out.Mismatches, r.stderr)
			}
			m := out.Mismatches[0]
			for _, s := range []string{"what runs as " + c.component + " (task ", "is not " + c.file, "its text differs at 0x", "give the file of the system that runs with --symbols " + c.component + "=FILE"} {
				if !strings.Contains(m.Text, s) || !strings.Contains(r.stderr, s) {
					t.Errorf("%q is not told:\n%s\n%s", s, m.Text, r.stderr)
				}
			}
			if m.Component != c.component || m.File != c.file || m.Task == "0" {
				t.Errorf("%+v", m)
			}
			for _, th := range out.Threads {
				if th.Verdict != view.Unknown || th.Cause != m.Text || th.Requested != nil || th.Entered != nil {
					t.Errorf("%s: %s: %s", th.Name, th.Verdict, th.Cause)
				}
			}
		})
	}
}

// A core whose data lies elsewhere, as Genode's tools link it again with the boot
// modules, is the program that runs.
func TestRelinkedCore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	core := filepath.Join(dir, "core")
	if err := guest.BuildIn(t.Context(), dir, "LINK=-Wl,--defsym=data_gap=0x1c0", core); err != nil {
		t.Fatal(err)
	}
	text := func(path string) []byte {
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		b, err := f.Section(".text").Data()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a, b := text(core), text(filepath.Join(guestDir, "core"))
	if bytes.Equal(a, b) || len(a) != len(b) {
		t.Fatal("the text of both builds is the same, or of another length: this tests nothing")
	}
	r := thaw(t, onLab("check", "lab:fixed", "--symbols", "core="+core)...)
	if r.code != exitOK || strings.Count(r.stdout, "= APPLIED") != 3 {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

// doctor and snapshot tell of a file that is another program's, too.
func TestDoctorOtherProgram(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	file := filepath.Join(otherBuild(t, false), "sheep_counter")
	for _, command := range []string{"doctor", "snapshot"} {
		r := thaw(t, command, vm.GDB(), "--build", guestDir, "--symbols", "sheep_counter="+file)
		if r.code != exitFailed || !strings.Contains(r.stdout+r.stderr, "what runs as sheep_counter (task ") || !strings.Contains(r.stdout+r.stderr, "is not "+file) {
			t.Errorf("%s: exit code %d\n%s%s", command, r.code, r.stdout, r.stderr)
		}
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps") // it runs on
}

// A guest of another kernel than the build's is told from one that has not booted,
// whatever is asked of it, and in one sentence that says what to do: at once where it
// runs already, soon after its boot else.
func TestOtherSystem(t *testing.T) {
	t.Parallel()
	other := filepath.Join(guestDir, "hw")
	told := func(t *testing.T, vm *qemu.VM, args ...string) {
		t.Helper()
		r := thaw(t, append([]string{args[0], vm.GDB(), "--build", other}, args[1:]...)...)
		for _, s := range []string{"the guest runs another kernel than " + filepath.Join(other, "core.elf"), "give the build directory or the kernel ELF of the system that runs"} {
			if r.code != exitFailed || !strings.Contains(r.stdout+r.stderr, s) {
				t.Errorf("%s: exit code %d, and %q is not told:\n%s%s", args, r.code, s, r.stdout, r.stderr)
			}
		}
	}
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		vm := runningLab(t)
		told(t, vm, "doctor")
		told(t, vm, "snapshot")
		told(t, vm, "check", "--for", "10m")
		told(t, vm, "check", "--scenario", "lab-hw")
		told(t, vm, "record", "--scenario", "lab-hw", "-o", filepath.Join(t.TempDir(), "x.thaw"))
		told(t, vm, "query-run", "len(threads)", "--scenario", "lab-hw")
		readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps") // it runs on
	})
	t.Run("frozen", func(t *testing.T) {
		t.Parallel()
		vm := frozenLab(t)
		told(t, vm, "check", "--scenario", "lab-hw", "--timeout", "10m")
	})
}
