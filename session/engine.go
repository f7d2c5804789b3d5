package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/evidence"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
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
	target Target
	dec    Decoder
	paging memory.Paging
	scn    *scenario.Scenario
	plat   platform
	arch   arch.Arch

	sources   []string
	comps     map[string]*component
	compNames []string
	taskComps map[taskKey]*component
	libraries map[libraryKey]bool
	roots     map[rootKey]bool

	// The current stop.
	m       kernel.Machine
	regs    []target.Registers
	cpu     int // processor that stopped
	view    *memory.View
	mirror  *memory.Mirror // what the model is made of, at all stops
	guard   guard
	skipper *skipper
	lifter  lifter
	text    *memory.View // machine code, which recordings leave out
	touched []uint64
	sys     *kernel.System // decoded at this stop, nil if not so far

	probes   map[uint64][]*probe
	infos    []*view.BreakpointInfo
	taken    visit       // last hit that belonged to a probe
	faulted  visit       // taken, but its instruction faulted: it will come again
	function string      // function whose probe is being run, "" outside
	asked    atomic.Bool // the user wants a stop
	handling bool        // what a stop means is being found out

	started  time.Time
	seq      int // orders evidence
	phases   []view.Phase
	ev       evidence.Evidence
	child    child
	watching watchList
	undo     undoing
	history  moments
	log      logBook
	notes    noteBook
	watched  []string   // watch expressions
	rec      *recording // nil: nothing is recorded
	ended    error

	snapshots bool        // VM snapshots are made
	saves     []save      // that were made
	marks     []mark      // of a recorded run, by position; the first one is at its beginning
	leaves    uint64      // thread object on its way out of the kernel that was followed here before, 0: none
	followed  uint64      // thread object that was followed out since the last mark, 0: none
	counted   bool        // QEMU records: every instruction must be executed
	own       []*probe    // the user's, while they are off the target
	travelled int         // counts guests to go back in: another one may come by Reconnect
	moving    atomic.Bool // QEMU moves the guest, and must not be interrupted

	waiting   atomic.Pointer[Waiting] // nil: nothing is waited for
	ranBefore bool                    // the kernel ran before this session

	checked bool // the running kernel was compared with its file

	divergence bool // see Config
}

// moment is a stop in the history with all that was known then.
type moment struct {
	snap     *view.Snapshot
	phases   []view.Phase
	verdicts []view.ThreadVerdict
	caps     *view.CapDiff
	memory   *view.MemoryDiff
	waits    []view.WaitChange
	watches  []view.Watch
	complete bool
	finished bool
	infos    []view.BreakpointInfo
	size     int // see moments

	event    bool   // made by an event, not by a step or an interrupt
	position uint64 // in a recorded run
	guest    int    // see Engine.travelled
	state    *state // to go on from here, nil if that cannot be
	vm       string // VM snapshot of it, "" if there is none
}

// maxLog is how many LOG lines are kept.
const maxLog = 20000

// Open starts a session on a stopped target. Where the kernel runs already it
// is compared with its file; else that is done at the first stop.
func Open(ctx context.Context, c Config) (*Engine, error) {
	a, err := arch.Of(c.Target.Machine())
	if err != nil {
		return nil, err
	}
	e := &Engine{
		target: c.Target, dec: c.Decoder, paging: c.Paging, scn: c.Scenario, arch: a,
		comps: map[string]*component{}, taskComps: map[taskKey]*component{}, libraries: map[libraryKey]bool{}, roots: map[rootKey]bool{},
		sources: c.Sources, probes: map[uint64][]*probe{}, started: time.Now(), ev: evidence.New(), child: newChild(), watching: newWatchList(), undo: undoing{}, mirror: memory.NewMirror(c.Target), skipper: newSkipper(c.Target), lifter: newLifter(),
		history:    moments{most: cmp.Or(c.MaxStops, maxMoments)},
		divergence: c.Divergence, snapshots: c.VMSnapshots,
	}
	for name, f := range c.Files {
		e.comps[name] = newComponent(name, name == c.Scenario.KernelName(), f)
	}
	e.compNames = sortedNames(e.comps)
	if c.Recorder != nil {
		var err error
		if e.rec, err = newRecording(c.Recorder, e.comps, c.WithCode, c.Sparse); err != nil {
			return nil, err
		}
	}
	if e.kernelComponent() == nil {
		return nil, errors.New("no debug info for the kernel: give its ELF")
	}
	e.guard = newGuard(e)
	if err := e.look(ctx, 0); err != nil {
		return nil, err
	}
	if e.ranBefore = e.booted(); e.ranBefore {
		if err := e.checkKernel(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// booted says whether the kernel's objects can be reached.
func (e *Engine) booted() bool {
	_, err := e.dec.KernelSpace(e.m)
	return err == nil
}

// look reads the processors after a stop and forgets memory of the last one.
func (e *Engine) look(ctx context.Context, cpu int) error {
	regs, err := e.target.CPUs(ctx)
	if err != nil {
		return fmt.Errorf("reading the registers: %w", err)
	}
	if cpu >= len(regs) {
		return fmt.Errorf("reading the registers: processor %d stopped, but the target has %d", cpu, len(regs))
	}
	if e.view != nil {
		e.rec.read(e.view)
		if t := e.view.Touched(); len(t) > 0 {
			e.touched = t
		}
	}
	e.regs, e.cpu, e.sys = regs, cpu, nil
	e.view = memory.NewView(e.target, e.target.BlockSize(), nil)
	e.rec.trace(e.view)
	e.text = memory.NewView(e.target, e.target.BlockSize(), nil)
	e.m = kernel.Machine{Phys: e.view, Paging: e.paging}
	for _, r := range regs {
		e.m.CPUs = append(e.m.CPUs, e.arch.CPU(r))
	}
	return nil
}

// system decodes the kernel's objects, once per stop: those whose memory changed
// since the last time.
func (e *Engine) system(ctx context.Context) (*kernel.System, error) {
	if e.sys != nil {
		return e.sys, nil
	}
	if err := e.findStacks(ctx); err != nil {
		return nil, err
	}
	e.rec.read(e.view)
	view := memory.NewView(e.target, e.target.BlockSize(), e.touched)
	e.rec.trace(view)
	e.view, e.m.Phys = view, view
	if err := e.mirror.Refresh(); err != nil {
		return nil, err
	}
	m := e.m
	m.Phys = e.mirror
	sys, err := e.dec.Decode(m)
	if err != nil {
		return nil, err
	}
	e.sys = sys
	return sys, nil
}

// findStacks asks for the kernel stacks of processors in user mode, which tell
// the threads that run there.
func (e *Engine) findStacks(ctx context.Context) error {
	for i := range e.m.CPUs {
		cpu := &e.m.CPUs[i]
		if !cpu.User || cpu.KernelSP != 0 {
			continue
		}
		sp, err := e.target.KernelStack(ctx, i, e.m.Space(i))
		if err != nil {
			return fmt.Errorf("finding the thread that processor %d runs: %w", i, err)
		}
		cpu.KernelSP = sp
	}
	return nil
}

// currentBlock is the thread object that the stopped processor runs, 0 if that
// cannot be told.
func (e *Engine) currentBlock(ctx context.Context) (uint64, error) {
	if err := e.findStacks(ctx); err != nil {
		return 0, err
	}
	return e.dec.CurrentThread(e.m, e.cpu), nil
}

// scope evaluates expressions of a component at the stopped processor.
func (e *Engine) scope(c *component) debuginfo.Scope {
	return debuginfo.Scope{File: c.file, Mem: e.m.Space(e.cpu), Regs: e.regs[e.cpu], PC: e.m.CPUs[e.cpu].IP, Function: e.function}
}

// Interrupt asks a running guest to stop; any goroutine may call it.
func (e *Engine) Interrupt() error {
	if e.moving.Load() {
		e.asked.Store(true) // QEMU itself is better left alone meanwhile
		return nil
	}
	e.asked.Store(true)
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
		e.keepRest()
		if !e.rec.waits() { // else the recorder's own end tells what is lost
			errs = append(errs, e.rec.err)
		}
	}
	if e.ended == nil {
		errs = append(errs, e.clear(ctx))
	} else if !e.lost() {
		_ = e.clear(ctx) // why the session ended was told, and the target is there
	}
	return errors.Join(append(errs, e.target.Close(ctx))...)
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
		if _, err := e.target.Wait(limited); err != nil {
			return fmt.Errorf("stopping the guest to remove the breakpoints: %w", err)
		}
	}
	return errors.Join(e.bare(ctx), e.dropSaves(ctx))
}

// bare takes all breakpoints and watchpoints off a stopped target.
func (e *Engine) bare(ctx context.Context) error {
	if err := e.putBack(ctx); err != nil {
		return err
	}
	if err := e.disarmAll(ctx); err != nil {
		return err
	}
	for addr, list := range e.probes {
		if err := e.target.ClearBreakpoint(ctx, addr); err != nil {
			return fmt.Errorf("removing the breakpoint at %#x: %w", addr, err)
		}
		for _, p := range list {
			if p.info.Own() {
				e.own = append(e.own, p)
			}
		}
		delete(e.probes, addr)
	}
	return nil
}
