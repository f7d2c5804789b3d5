// Package stubtest makes recordings for tests, of the lab guest and by hand,
// and runs the system's gdb.
//
// It knows how a session is driven and recorded. It must not know what is
// tested with the recordings.
package stubtest

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/memory"
	"thaw/recording"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/scenario"
)

// Limit is how long a test may take.
const Limit = 90 * time.Second

// Lab walks the lab guest through its scenario, records that, and opens the
// recording.
func Lab(t *testing.T) (*session.Replay, *recording.Recording) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	path := filepath.Join(t.TempDir(), "lab.thaw")
	if err := record(ctx, path); err != nil {
		t.Fatal(err)
	}
	rec, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return Replay(t, rec), rec
}

// Replay makes another replay of a recording: one serves one goroutine.
func Replay(t *testing.T, rec *recording.Recording) *session.Replay {
	t.Helper()
	_, r := decoded(t, rec)
	return r
}

// decoded is a recording's decoder, and its replay.
func decoded(t *testing.T, rec *recording.Recording) (kernel.Decoder, *session.Replay) {
	t.Helper()
	dec, paging := Decoder(t, rec)
	r, err := session.NewReplay(rec, dec, paging)
	if err != nil {
		t.Fatal(err)
	}
	return dec, r
}

// Decoder is the decoder of a recording's kernel, with the page tables of its machine.
func Decoder(t testing.TB, rec *recording.Recording) (kernel.Decoder, memory.Paging) {
	t.Helper()
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	dec, paging, err := kernels.Open(symbols, core)
	if err != nil {
		t.Fatal(err)
	}
	return dec, paging
}

// record writes a recording of the lab guest.
func record(ctx context.Context, path string) (err error) {
	dir, err := guest.Build(ctx)
	if err != nil {
		return err
	}
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		return err
	}
	s, err := scenario.Parse(scenarios.Default, text)
	if err != nil {
		return err
	}
	files := map[string]*debuginfo.File{}
	for name, file := range map[string]string{"kernel": guest.Kernel, "core": "core", "rtcr": "rtcr", "sheep_counter": "sheep_counter"} {
		if files[name], err = debuginfo.Load(filepath.Join(dir, file), "", nil); err != nil {
			return err
		}
	}
	decoder, paging, err := kernels.Open(files["kernel"].Tap(), nil)
	if err != nil {
		return err
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, SharedRAM: true})
	if err != nil {
		return err
	}
	defer vm.Stop(context.Background())
	target, err := live.Attach(ctx, vm.GDB(), live.Options{VM: vm, Serial: vm.Serial()})
	if err != nil {
		return err
	}
	w, err := recording.Create(path, false, recording.About{Scenario: text}, files)
	if err != nil {
		return err
	}
	e, err := session.Open(ctx, session.Config{Target: target, Decoder: decoder, Paging: paging, Scenario: s, Files: files, Recorder: w})
	if err != nil {
		return err
	}
	if err := walk(ctx, e); err != nil {
		return err
	}
	if err := e.Close(ctx); err != nil {
		return err
	}
	return w.Close()
}

// walk runs a scenario to its end.
func walk(ctx context.Context, e *session.Engine) error {
	if err := e.Begin(ctx); err != nil {
		return err
	}
	for {
		if err := e.NextPhase(ctx); err != nil {
			return err
		}
		if e.View().Finished {
			return nil
		}
	}
}

// GDB runs gdb with commands and gives what it says. Of several programs the
// first that is installed is run.
func GDB(t *testing.T, programs []string, commands ...string) string {
	t.Helper()
	program := ""
	for _, p := range programs {
		if path, err := exec.LookPath(p); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatalf("none of %q is installed: `make deps` installs them", programs)
	}
	ctx, cancel := context.WithTimeout(context.Background(), Limit)
	defer cancel()
	args := []string{"-batch", "-nx", "-ex", "set width 0", "-ex", "set height 0", "-ex", "set debuginfod enabled off"}
	for _, c := range commands {
		args = append(args, "-ex", c)
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Logf("gdb: %v", err) // a last command that failed, mostly: the output tells
	}
	return string(out)
}
