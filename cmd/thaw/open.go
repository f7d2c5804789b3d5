package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/session/watch"
	"thaw/words"
)

// opened is a session with what must be closed after it.
type opened struct {
	engine  *session.Engine
	target  *live.Target
	writer  *recording.Writer            // nil if nothing is recorded
	abort   func()                       // ends what is being read
	watched func() (watch.Kernel, error) // makes what reads the kernel's objects while the guest runs
	closers []func() error
}

func (o *opened) close(ctx context.Context) error {
	errs := []error{}
	if o.engine != nil {
		errs = append(errs, o.engine.Close(ctx))
	}
	if o.writer != nil {
		errs = append(errs, o.writer.Close())
	}
	for i := len(o.closers) - 1; i >= 0; i-- {
		errs = append(errs, o.closers[i]())
	}
	return errors.Join(errs...)
}

// goOn adds to the loss of a connection what to do about it.
func (o *opened) goOn(err error) error {
	if err == nil || !o.engine.View().Lost {
		return err
	}
	how := "the guest may stand, and is not lost: the same command attaches again and begins with what comes next"
	if o.writer != nil {
		if _, stops := o.writer.Size(); stops > 0 {
			how += fmt.Sprintf("; %s holds the %s so far, so give another name then", o.writer.Path(), words.Count(stops, "stop"))
		}
	}
	return fmt.Errorf("%w (%s)", err, how)
}

func componentNames(s *scenario.Scenario) []string {
	names := make([]string, 0, len(s.Components))
	for n := range s.Components {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// loading is what is told while debug info is loaded.
const loading = "loading debug info"

// openLab starts the lab guest and a session on it.
func (o *options) openLab(ctx context.Context, s *scenario.Scenario, bug string) (*opened, error) {
	return o.openLabRun(ctx, s, bug, labRun{})
}

// labRun says where and how a run of the lab guest is kept.
type labRun struct {
	run  *qemu.Run // nil: it is not
	mode qemu.Mode
	end  uint64 // of a replayed run, in instructions
}

// openLabRun is openLab for a run that is recorded, replayed or kept in VM
// snapshots.
func (o *options) openLabRun(ctx context.Context, s *scenario.Scenario, bug string, r labRun) (*opened, error) {
	dir, err := o.guestDir()
	if err != nil {
		return nil, err
	}
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) {
		if o.scenario == noScenario {
			look := *o
			look.build = dir
			return look.loadAll(s)
		}
		return o.loadFiles(s, dir)
	})
	if err != nil {
		return nil, err
	}
	o.sources = append(o.sources, filepath.Dir(dir)) // of a checkout
	cfg := qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, SharedRAM: !o.noShare, ICount: guest.Clock, Run: r.run, Mode: r.mode}
	if bug != "" {
		cfg.Append = "bug=" + bug
	}
	done := busy(ctx, "starting the lab guest")
	vm, err := qemu.Start(ctx, cfg)
	done()
	if err != nil {
		return nil, fmt.Errorf("starting the lab guest: %w", err)
	}
	name := "lab guest"
	if bug != "" {
		name += ", bug=" + bug
	}
	op, err := o.openTarget(ctx, s, files, vm.GDB(), live.Options{Name: name, VM: vm, StubOnly: o.noShare, Serial: vm.Serial(), End: r.end}, recording.About{Guest: "lab guest", Variant: bug})
	if err != nil {
		return nil, errors.Join(err, vm.Stop(context.WithoutCancel(ctx)))
	}
	return op, nil
}

// guestDir finds the built lab guest.
func (o *options) guestDir() (string, error) {
	candidates := []string{o.guest}
	if o.guest == "" {
		candidates = []string{filepath.Join("guest", "build")}
		if exe, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(exe), "guest", "build"), filepath.Join(filepath.Dir(exe), "..", "guest", "build"), filepath.Join(filepath.Dir(exe), "..", "share", "thaw", "guest"))
		}
	}
	for _, c := range candidates {
		if _, err := os.Stat(filepath.Join(c, guest.Kernel)); err == nil {
			return c, nil
		}
	}
	return "", fmt.Errorf("the lab guest is not built (looked in %s): run `make guest` in thaw's folder, or name its directory with --guest", strings.Join(candidates, ", "))
}

// openAddr attaches to a guest that runs already, for a scenario.
func (o *options) openAddr(ctx context.Context, s *scenario.Scenario, addr string) (*opened, error) {
	if o.scenario == noScenario {
		return o.openLook(ctx, s, addr)
	}
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) { return o.loadFiles(s, o.build) })
	if err != nil {
		return nil, err
	}
	return o.openWith(ctx, s, files, addr)
}

// openLook attaches to a guest that runs already, to look at it once: of the
// scenario only the kernel's name counts.
func (o *options) openLook(ctx context.Context, s *scenario.Scenario, addr string) (*opened, error) {
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) { return o.loadAll(s) })
	if err != nil {
		return nil, err
	}
	return o.openWith(ctx, s, files, addr)
}

// loadLook loads all programs for looking at a system that no scenario describes.
func (o *options) loadLook() (map[string]*debuginfo.File, error) { return o.loadAll(scenario.Plain()) }

func (o *options) openWith(ctx context.Context, s *scenario.Scenario, files map[string]*debuginfo.File, addr string) (*opened, error) {
	var err error
	var serial io.ReadCloser
	if o.serial != "" {
		if serial, err = live.OpenSerial(o.serial); err != nil {
			return nil, err
		}
	}
	lo := live.Options{RAM: o.ram, StubOnly: o.noShare}
	if serial != nil {
		lo.Serial, lo.OpenSerial = serial, func() (io.ReadCloser, error) { return live.OpenSerial(o.serial) }
	}
	op, err := o.openTarget(ctx, s, files, addr, lo, recording.About{Variant: o.expect})
	if err != nil {
		if serial != nil {
			err = errors.Join(err, serial.Close())
		}
		return nil, err
	}
	if serial != nil {
		op.closers = append(op.closers, serial.Close)
	}
	return op, nil
}

// coreOf is the debug info of Genode's core, nil where there is none.
func coreOf(files map[string]*debuginfo.File) kernel.Symbols {
	if f := files[kernel.Core]; f != nil {
		return f.Tap()
	}
	return nil
}

// openTarget attaches and opens the session; about is for its recording, if one
// is wanted.
func (o *options) openTarget(ctx context.Context, s *scenario.Scenario, files map[string]*debuginfo.File, addr string, lo live.Options, about recording.About) (*opened, error) {
	defer busy(ctx, "attaching to %s", addr)()
	kernelFile := files[s.KernelName()]
	decoder, paging, err := kernels.Open(kernelFile.Tap(), coreOf(files))
	if err != nil {
		return nil, err
	}
	gdb, closeLog, err := o.gdbOptions()
	if err != nil {
		return nil, err
	}
	lo.GDB = gdb
	target, err := live.Attach(ctx, addr, lo)
	if err != nil {
		return nil, errors.Join(err, closeLog())
	}
	if target.Machine() != kernelFile.Machine() {
		err := fmt.Errorf("the guest's processor is %v, but %s is for %v: give the kernel ELF of the system that runs", target.Machine(), kernelFile.Path(), kernelFile.Machine())
		return nil, errors.Join(err, target.Close(ctx), closeLog())
	}
	context.AfterFunc(ctx, target.Abort)
	leave := func(err error) error {
		return errors.Join(err, target.Close(ctx), closeLog())
	}
	cfg := session.Config{Target: target, Decoder: decoder, Paging: paging, Scenario: s, Files: files, WithCode: o.withCode, Sparse: o.sparse, Divergence: o.diverge, Sources: o.sources, VMSnapshots: o.snapshots}
	op := &opened{target: target, abort: target.Abort, watched: func() (watch.Kernel, error) { return watchedOf(kernelFile, files) }, closers: []func() error{closeLog}}
	if o.record != "" {
		about.By, about.Scenario, about.Target, about.Sparse = version(), s.Text(), cmp.Or(o.title, target.Name()), o.sparse
		if op.writer, err = recording.Create(o.record, o.force, about, files); err != nil {
			return nil, leave(orForce(err))
		}
		cfg.Recorder = op.writer
	}
	if op.engine, err = session.Open(ctx, cfg); err != nil {
		if op.writer != nil {
			err = errors.Join(err, op.writer.Close())
		}
		return nil, leave(err)
	}
	return op, nil
}
