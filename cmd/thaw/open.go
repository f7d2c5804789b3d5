package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/session/target"
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
	if gone := (*target.Gone)(nil); errors.As(err, &gone) {
		return fmt.Errorf("%w (QEMU's option -no-shutdown keeps a guest that ends)", err)
	}
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
func (o *programFiles) loadLook() (map[string]*debuginfo.File, error) {
	return o.loadAll(scenario.Plain())
}

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
