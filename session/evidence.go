package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"thaw/kernel"
	"thaw/memory"
)

// evidence is what was seen of the restored threads so far. Everything in it
// carries a sequence number, so that rules can tell before from after.
type evidence struct {
	original kernel.ID // task of the checkpointed child, 0 until known
	stored   []storedThread
	storedAt int                    // snapshot that belongs to stored
	before   *Snapshot              // the original as the restore begins
	after    *Snapshot              // as the restore is complete
	tracks   map[uint64]*track      // by thread object
	order    []*track               // in order of their first request
	watches  map[uint64]*track      // by watched address
	ops      map[uint64][]operation // by thread object
	complete bool
	finished bool // nothing more is expected
}

func newEvidence() evidence {
	return evidence{tracks: map[uint64]*track{}, watches: map[uint64]*track{}, ops: map[uint64][]operation{}}
}

// storedThread is a checkpointed thread's state as the restorer holds it.
type storedThread struct {
	name      string
	addr      uint64 // of the stored element, in the restorer
	ip, sp    uint64
	registers []kernel.Register
	where     string
	at        instant
}

// instant says when something was seen.
type instant struct {
	seq  int
	stop int // the next snapshot's number
	time time.Duration
}

// track is the evidence about one thread whose state was requested.
type track struct {
	id       kernel.ID
	block    uint64 // address of the thread object
	name     string
	task     kernel.ID
	taskRoot uint64
	program  string // that its task runs, "" if unknown
	requests []request
	writes   []write
	entered  *entry

	armed                  bool
	ipAddr, spAddr         uint64 // of the saved frame
	contIPAddr, contSPAddr uint64
	frame, cont            saved // as last seen
}

// saved is a user ip and sp as the kernel keeps them.
type saved struct{ ip, sp uint64 }

// request is one request to set the thread's state.
type request struct {
	at        instant
	function  string
	ip, sp    uint64
	registers []kernel.Register
	thread    kernel.Thread // the thread's state as the request came
	copy      *stateCopy
}

// stateCopy is where the requesting function keeps the state.
type stateCopy struct {
	name           string
	ipAddr, spAddr uint64
	size           int
	beforeIP       uint64
	ip, sp         uint64
	read           bool // ip and sp are those after the function returned
	problem        string
}

// write is one change of the saved user state.
type write struct {
	at    instant
	what  kernel.Source // frame or _exc_cont
	place Place         // what wrote
	addr  uint64
	old   saved
	saved
	restores bool // only puts back what the continuation had kept
}

// operation is one kernel operation on a thread.
type operation struct {
	at              instant
	name            string
	ip, sp          uint64
	setsIP, setsSP  bool
	cancel, trigger bool
	state           []string // flags of the thread before
}

// entry is the first return to user mode after the request.
type entry struct {
	at        instant
	ip, sp    uint64
	registers []kernel.Register
	place     Place
}

func (t *track) request() *request {
	if len(t.requests) == 0 {
		return nil
	}
	return &t.requests[len(t.requests)-1]
}

// changed says whether anything but the kernel's own way through an exception
// changed the saved state since the last request.
func (t *track) changed() bool {
	q := t.request()
	return slices.ContainsFunc(t.writes, func(w write) bool {
		return w.at.seq > q.at.seq && !w.restores && w.saved != saved{q.thread.IP, q.thread.SP}
	})
}

func (e *Engine) now() instant {
	e.seq++
	return instant{seq: e.seq, stop: len(e.history) + 1, time: time.Since(e.started)}
}

// arm watches a thread's saved user ip. A write shows who changes it; a read
// by the thread's own way out of the kernel is its return to user mode, caught
// before any interrupt can overwrite the frame again.
func (e *Engine) arm(ctx context.Context, t *track) error {
	if t.armed {
		return nil
	}
	for _, w := range e.watchesOf(t) {
		if err := e.target.SetWatch(ctx, w.kind, w.addr, e.ptrSize()); err != nil {
			return fmt.Errorf("watching the saved state of thread %s %s: %w", t.id, t.name, err)
		}
		e.ev.watches[w.addr] = t
	}
	t.armed = true
	return nil
}

func (e *Engine) disarm(ctx context.Context, t *track) error {
	if !t.armed {
		return nil
	}
	t.armed = false
	for _, w := range e.watchesOf(t) {
		delete(e.ev.watches, w.addr)
		if err := e.target.ClearWatch(ctx, w.kind, w.addr, e.ptrSize()); err != nil {
			return fmt.Errorf("no longer watching thread %s %s: %w", t.id, t.name, err)
		}
	}
	return nil
}

func (e *Engine) disarmAll(ctx context.Context) error {
	for _, t := range e.ev.order {
		if err := e.disarm(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

type watch struct {
	kind WatchKind
	addr uint64
}

func (e *Engine) watchesOf(t *track) []watch {
	w := []watch{{WatchWrite, t.ipAddr}, {WatchRead, t.ipAddr}, {WatchWrite, t.spAddr}, {WatchWrite, t.contIPAddr}}
	if t.contSPAddr != t.spAddr { // on ARM the continuation has no sp of its own
		w = append(w, watch{WatchWrite, t.contSPAddr})
	}
	return w
}

func (e *Engine) ptrSize() int { return e.kernelComponent().file.PtrSize() }

// readSaved reads a thread's saved user state at the current stop.
func (e *Engine) readSaved(t *track) (ip, sp, contIP, contSP uint64, err error) {
	space, err := e.dec.KernelSpace(e.m)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	for _, w := range []struct {
		addr uint64
		dst  *uint64
	}{{t.ipAddr, &ip}, {t.spAddr, &sp}, {t.contIPAddr, &contIP}, {t.contSPAddr, &contSP}} {
		if *w.dst, err = memory.Uint(space, w.addr, e.ptrSize()); err != nil {
			return 0, 0, 0, 0, fmt.Errorf("reading the saved state of thread %s %s: %w", t.id, t.name, err)
		}
	}
	return ip, sp, contIP, contSP, nil
}

// maxExit is how many instructions a kernel may take from reading the saved ip
// to user mode.
const maxExit = 64

// watchHit looks at an access to a thread's saved state.
func (e *Engine) watchHit(ctx context.Context, stop TargetStop) (*event, error) {
	t := e.ev.watches[stop.WatchAddr]
	if t == nil {
		return nil, nil // left over from a watch that is gone
	}
	if e.arch.watchFirst {
		// Executed under its own watchpoint, the instruction would stop for ever.
		if err := e.disarm(ctx, t); err != nil {
			return nil, err
		}
		if err := e.stepKernel(ctx, t); err != nil {
			return nil, err
		}
	}
	var written uint64
	if stop.WatchKind == WatchWrite {
		written = stop.WatchAddr
	}
	ev, entered, err := e.observe(ctx, t, written)
	if !entered && err == nil {
		ev, entered, err = e.followOut(ctx, t, stop)
	}
	if !entered && err == nil {
		err = e.arm(ctx, t)
	}
	return ev, err
}

// followOut goes with a thread that reads its own saved ip: most likely it is
// on its way out of the kernel. Single steps take no interrupts, so the frame
// stays as it is until user mode.
func (e *Engine) followOut(ctx context.Context, t *track, stop TargetStop) (*event, bool, error) {
	block, err := e.currentBlock(ctx)
	if err != nil || stop.WatchKind != WatchRead || block != t.block {
		return nil, false, err
	}
	if err := e.disarm(ctx, t); err != nil {
		return nil, false, err
	}
	for range maxExit {
		if err := e.stepKernel(ctx, t); err != nil {
			return nil, false, err
		}
		if ev, entered, err := e.observe(ctx, t, 0); entered || err != nil {
			return ev, entered, err
		}
		if len(e.probes[e.m.CPUs[e.cpu].IP]) > 0 {
			break // the caller handles it as a breakpoint
		}
	}
	return nil, false, nil
}

// stepKernel executes one instruction on a thread's way through the kernel.
func (e *Engine) stepKernel(ctx context.Context, t *track) error {
	s, err := e.target.Step(ctx, e.cpu)
	if err != nil {
		return fmt.Errorf("following thread %s %s through the kernel: %w", t.id, t.name, err)
	}
	if s.Ended {
		return fmt.Errorf("the guest is gone: %s", s.Why)
	}
	return e.look(ctx, s.CPU)
}

// observe notes what changed in a thread's saved state, and whether the thread
// has come back to user mode. written is the address that a watchpoint saw
// written, 0 if none did.
func (e *Engine) observe(ctx context.Context, t *track, written uint64) (ev *event, entered bool, err error) {
	cpu := e.m.CPUs[e.cpu]
	if cpu.User {
		if cpu.Root != t.taskRoot {
			return nil, false, nil
		}
		ev, err := e.enter(ctx, t)
		return ev, true, err
	}
	ip, sp, contIP, contSP, err := e.readSaved(t)
	if err != nil {
		return nil, false, err
	}
	frame, cont := saved{ip, sp}, saved{contIP, contSP}
	at := write{at: e.now(), place: e.kernelComponent().place(cpu.IP), restores: frame == t.cont}
	t.note(at, kernel.SourceFrame, t.ipAddr, &t.frame, frame, written == t.ipAddr || written == t.spAddr)
	at.restores = false
	t.note(at, kernel.SourceContinuation, t.contIPAddr, &t.cont, cont, written == t.contIPAddr)
	return nil, false, nil
}

// note compares saved state with what it was; hit says that it was written for
// certain, be it with the same values. ip and sp are written one after the
// other: a second half by the same function belongs to the write before.
func (t *track) note(w write, what kernel.Source, addr uint64, was *saved, is saved, hit bool) {
	if is == *was && !hit {
		return
	}
	w.what, w.addr, w.old, w.saved = what, addr, *was, is
	*was = is
	if n := len(t.writes); n > 0 {
		last := &t.writes[n-1]
		second := last.ip == is.ip || last.sp == is.sp
		if last.what == what && last.place.Function == w.place.Function && second {
			last.saved, last.restores = is, w.restores
			return
		}
	}
	t.writes = append(t.writes, w)
}

// enter notes a thread's first return to user mode.
func (e *Engine) enter(ctx context.Context, t *track) (*event, error) {
	cpu := e.m.CPUs[e.cpu]
	t.entered = &entry{at: e.now(), ip: cpu.IP, sp: cpu.SP, registers: cpu.Registers, place: e.comps[t.program].place(cpu.IP)}
	if err := e.disarm(ctx, t); err != nil {
		return nil, err
	}
	return &event{reason: fmt.Sprintf("%s (thread %s) returns to user mode at %s", t.name, t.id, t.entered.place)}, nil
}
