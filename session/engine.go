package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/change"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/guestlog"
	"thaw/session/machine"
	"thaw/session/memcompare"
	"thaw/session/observe"
	"thaw/session/scenario"
	"thaw/session/target"
)

// Config is what a session is opened with.
type Config struct {
	Target   Target
	Decoder  Decoder
	Paging   memory.Paging
	Scenario *scenario.Scenario
	Files    map[string]*debuginfo.File // debug info by component, the kernel's among them
	Recorder Recorder                   // keeps what is seen, nil if nothing is to be kept
	WithCode bool                       // recordings may hold machine code
	Sparse   bool                       // recordings hold of each page only what was read
	MaxStops int                        // most stops that the history keeps, 0 for 2000

	// Divergence says to find out where each restored thread parts from its
	// original, as it comes back to user mode.
	Divergence bool
	Sources    []string // directories to look for source files in, besides where they were
	// VMSnapshots makes a VM snapshot at every phase, to go back to.
	VMSnapshots bool
}

// Engine drives a target through a scenario and keeps what it learns. It is
// used by one goroutine, except for Interrupt.
type Engine struct {
	*parts
	*traveller
	*watcher
	*walker

	asker      *asker
	divergence bool // see Config
	ended      error
}

// Open starts a session on a stopped target. Where the kernel runs already it
// is compared with its file; else that is done at the first stop. A guest that runs
// another one is refused.
func Open(ctx context.Context, c Config) (*Engine, error) {
	a, err := arch.Of(c.Target.Machine())
	if err != nil {
		return nil, err
	}
	e := &Engine{divergence: c.Divergence, parts: &parts{
		target: c.Target, scn: c.Scenario, programs: components.New(c.Files, c.Scenario), phases: &phaseLine{},
		log: &guestlog.Book{From: c.Target.Log, Recorded: c.Recorder != nil}, history: &moments{most: cmp.Or(c.MaxStops, maxMoments)}, notes: &noteBook{}, questions: &questionBook{},
	}}
	e.asker = &asker{parts: e.parts, sources: c.Sources}
	e.walker = &walker{parts: e.parts, arrive: e.arrive}
	e.traveller = &traveller{parts: e.parts, arrive: e.arrive, snapshots: c.VMSnapshots}
	e.watcher = &watcher{e.traveller}
	if c.Recorder != nil {
		var err error
		if e.rec, err = newRecording(c.Recorder, e.programs.ByName, c.WithCode, c.Sparse); err != nil {
			return nil, err
		}
		e.rec.parts = e.parts
	}
	if e.programs.Kernel() == nil {
		return nil, errors.New("no debug info for the kernel: give its ELF")
	}
	e.m = machine.Of(c.Target, c.Decoder, c.Paging, a, e.programs.Kernel().File.PtrSize(), e.rec)
	e.programs.On(e.m)
	e.drive = e.newDriver()
	e.obs = e.newObserver()
	e.memory = memcompare.New(e.m, e.programs, e.obs, e.scn.Programs())
	e.change = change.New(c.Target, e.m, e.programs, e.drive, e.obs, e.memory)
	if err := e.m.Look(ctx, 0); err != nil {
		return nil, err
	}
	switch u := e.unfound(); {
	case u == nil:
		e.phases.ranBefore = true
		if err := e.programs.CheckKernel(); err != nil {
			return nil, err
		}
	case u.Other:
		return nil, u
	}
	return e, nil
}

// newDriver drives the target from where it stands, with nothing set.
func (e *Engine) newDriver() *drive.Driver {
	return drive.New(e.target, e.m, e.programs, func() bool { return e.reverser() != nil }, drive.Owner{
		GoesOn: e.goOn, Stopped: e.stopped, WatchHit: e.watchHit, Words: e.words, Stores: e.stores, RunEnds: e.runEnds,
		Accessed: func(ctx context.Context, stop target.Stop, before target.Registers) (*drive.Event, error) {
			return e.obs.WatchHit(ctx, stop, before)
		},
		Others: func(ctx context.Context, stop target.Stop, back map[int]*evidence.Track) (*drive.Event, error) {
			return observe.Others(ctx, e.obs, stop, back)
		},
	})
}

func (e *Engine) newObserver() *observe.Observer {
	return observe.New(e.m, e.programs, e.drive, observe.Hooks{
		Gone:   func() bool { r, ok := e.target.(Reconnecter); return ok && r.Lost() },
		Next:   func() int { return e.history.last() + 1 },
		Asked:  func(t *evidence.Track, scope debuginfo.Scope, r *kernel.Request) { e.memory.NoteRegions(t, scope, r) },
		Enters: func(ctx context.Context, t *evidence.Track) error { return e.change.Return(ctx, t) },
		Entered: func(ctx context.Context, t *evidence.Track) error {
			if !e.divergence {
				return nil
			}
			return e.change.Diverge(ctx, t, e.originalOf)
		},
	})
}

// Interrupt asks a running guest to stop; any goroutine may call it.
func (e *Engine) Interrupt() error {
	if e.moving.Load() {
		e.drive.Asked.Store(true) // QEMU itself is better left alone meanwhile
		return nil
	}
	e.drive.Asked.Store(true)
	return e.target.Interrupt()
}

// clearWithin is how long a guest may take to stop for having its breakpoints
// removed.
const clearWithin = 5 * time.Second

// Close ends the session and leaves the target as it was found, even if ctx is
// over.
func (e *Engine) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	if e.rec != nil {
		e.rec.keepRest()
		if !e.rec.waits() { // else the recorder's own end tells what is lost
			errs = append(errs, e.rec.err)
		}
	}
	if e.ended == nil {
		errs = append(errs, e.clear(ctx))
	} else if !e.lost() {
		_ = e.clear(ctx) // why the session ended was told, and the target is there
	}
	return errors.Join(append(errs, e.target.Close(ctx), e.log.Close())...)
}

// clear takes all breakpoints, watchpoints and VM snapshots off the target; one
// that still runs, since a command was cut short, is stopped first.
func (e *Engine) clear(ctx context.Context) error {
	if e.target.Running() {
		if err := e.target.Interrupt(); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, clearWithin)
		defer cancel()
		stop, err := e.target.Wait(limited)
		if err == nil && !stop.Ended {
			if err = e.m.Look(ctx, stop.CPU); err == nil {
				_, err = e.drive.Settle(ctx, stop)
			}
		}
		if err != nil {
			return fmt.Errorf("stopping the guest to remove the breakpoints: %w", err)
		}
	}
	return errors.Join(e.bare(ctx), e.dropSaves(ctx))
}
