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
	Original   kernel.ID // task of the checkpointed child, 0 until known
	Stored     []storedThread
	StoredAt   int                    // snapshot that belongs to stored
	before     *Snapshot              // the original as the restore begins
	after      *Snapshot              // as the restore is complete
	tracks     map[uint64]*track      // by thread object
	Threads    []*track               // in order of their first request
	watches    map[uint64]*track      // by watched address
	Operations map[uint64][]operation // by thread object
	Dropped    map[uint64]int         `json:",omitempty"` // by thread object: what was seen and is not kept any more
	Complete   bool
	Finished   bool // nothing more is expected

	memory *childMemory // the original's, as it was checkpointed
	mapped []attachment // the original's, as the first phase began: detached dataspaces are not mapped later
	Memory *MemoryDiff  // nil until both were read
	Waits  []waiting    // of the original's threads, as the first phase began
}

func newEvidence() evidence {
	return evidence{tracks: map[uint64]*track{}, watches: map[uint64]*track{}, Operations: map[uint64][]operation{}, Dropped: map[uint64]int{}}
}

// storedThread is a checkpointed thread's state as the restorer holds it.
type storedThread struct {
	Name      string
	Addr      uint64 // of the stored element, in the restorer
	IP, SP    uint64
	Registers []kernel.Register
	Source    string
	At        instant
}

// instant says when something was seen.
type instant struct {
	Seq  int
	Stop int // the next snapshot's number
	Time time.Duration
}

// track is the evidence about one thread whose state was requested.
type track struct {
	ID       kernel.ID
	Block    uint64 // address of the thread object
	Name     string
	Task     kernel.ID
	TaskRoot uint64
	Program  string // that its task runs, "" if unknown
	Requests []request
	Writes   []write
	Entered  *entry
	Forced   []forced // by us
	Copied   []write  // of the copy that the requesting function keeps

	Divergence *Divergence `json:",omitempty"` // from its original, nil if that was not asked for

	regions *regionMap // what is attached to its task, nil if not known

	armed                  bool
	IPAddr, SPAddr         uint64 // of the saved frame
	ContIPAddr, ContSPAddr uint64
	Frame, Cont            saved // as last seen
}

// saved is a user ip and sp as the kernel keeps them.
type saved struct{ IP, SP uint64 }

// request is one request to set the thread's state.
type request struct {
	At        instant
	Function  string
	IP, SP    uint64
	Registers []kernel.Register
	Thread    kernel.Thread // the thread's state as the request came
	Copy      *stateCopy
}

// stateCopy is where the requesting function keeps the state.
type stateCopy struct {
	Name           string
	IPAddr, SPAddr uint64
	Size           int
	BeforeIP       uint64
	IP, SP         uint64
	Read           bool // ip and sp are those after the function returned
	Problem        string
	Root           uint64 // page tables of the task that keeps it
	Program        string // its program
}

// write is one change of the saved user state.
type write struct {
	At    instant
	Where kernel.Source // frame or _exc_cont
	Place Place         // what wrote
	Addr  uint64
	Old   saved
	saved
	Restores bool // only puts back what the continuation had kept
	Frames   []Frame
}

// uncalled says that the write was made by code that no function called, such as
// the kernel's entry: the backtrace ends with it.
func (w *write) uncalled() bool {
	return len(w.Frames) == 2 && w.Frames[0].Note == "" && w.Frames[1].Note != ""
}

// operation is one kernel operation on a thread.
type operation struct {
	At              instant
	Name            string
	IP, SP          uint64
	SetsIP, SetsSP  bool
	Cancel, Trigger bool
	State           []string // flags of the thread before
}

// entry is the first return to user mode after the request.
type entry struct {
	At        instant
	IP, SP    uint64
	Registers []kernel.Register
	Place     Place
}

func (t *track) request() *request {
	if len(t.Requests) == 0 {
		return nil
	}
	return &t.Requests[len(t.Requests)-1]
}

// changed says whether anything but the kernel's own way through an exception
// changed the saved state since the last request.
func (t *track) changed() bool {
	q := t.request()
	return slices.ContainsFunc(t.Writes, func(w write) bool {
		return w.At.Seq > q.At.Seq && !w.Restores && w.saved != saved{q.Thread.IP, q.Thread.SP}
	})
}

func (e *Engine) now() instant {
	e.seq++
	return instant{Seq: e.seq, Stop: e.history.last() + 1, Time: time.Since(e.started)}
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
	}{{t.IPAddr, &ip}, {t.SPAddr, &sp}, {t.ContIPAddr, &contIP}, {t.ContSPAddr, &contSP}} {
		if *w.dst, err = memory.Uint(space, w.addr, e.ptrSize()); err != nil {
			return 0, 0, 0, 0, fmt.Errorf("reading the saved state of thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	return ip, sp, contIP, contSP, nil
}

// observe notes what changed in a thread's saved state, and whether the thread
// has come back to user mode. written is the address that a watchpoint saw
// written, 0 if none did.
func (e *Engine) observe(ctx context.Context, t *track, written uint64) (ev *event, entered bool, err error) {
	cpu := e.m.CPUs[e.cpu]
	if cpu.User {
		if cpu.Root != t.TaskRoot {
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
	at := write{At: e.now(), Place: e.kernelComponent().place(cpu.IP), Restores: frame == t.Cont}
	added := e.noteWrite(t, at, kernel.SourceFrame, t.IPAddr, &t.Frame, frame, written == t.IPAddr || written == t.SPAddr)
	at.Restores = false
	added += e.noteWrite(t, at, kernel.SourceContinuation, t.ContIPAddr, &t.Cont, cont, written == t.ContIPAddr)
	if added > 0 {
		t.writesBy(added, e.backtrace(e.kernelComponent()))
	}
	return nil, false, nil
}

// sourceCopy is where a requesting function keeps a state.
const sourceCopy kernel.Source = "copy"

// copyWritten notes a write to the copy of a requested state. Watchpoints are
// virtual: the same address in another task is no concern.
func (e *Engine) copyWritten(t *track, c *stateCopy) error {
	cpu := e.m.CPUs[e.cpu]
	if cpu.Root != c.Root {
		return nil
	}
	space := e.m.Space(e.cpu)
	ip, err := memory.Uint(space, c.IPAddr, c.Size)
	if err != nil {
		return fmt.Errorf("reading %s of thread %s %s: %w", c.Name, t.ID, t.Name, err)
	}
	old := saved{c.BeforeIP, 0}
	if n := len(t.Copied); n > 0 {
		old = t.Copied[n-1].saved
	}
	prog := e.comps[c.Program]
	if !cpu.User {
		prog = e.kernelComponent()
	}
	t.Copied = noteOf(&e.ev, t.Block, t.Copied, write{At: e.now(), Where: sourceCopy, Place: prog.place(cpu.IP), Addr: c.IPAddr, Old: old, saved: saved{ip, 0}, Frames: e.backtrace(prog)})
	return nil
}

// noteWrite compares saved state with what it was, and says how many writes it
// noted; hit says that it was written for certain, be it with the same values. ip
// and sp are written one after the other: a second half by the same function
// belongs to the write before.
func (e *Engine) noteWrite(t *track, w write, what kernel.Source, addr uint64, was *saved, is saved, hit bool) (added int) {
	if is == *was && !hit {
		return 0
	}
	w.Where, w.Addr, w.Old, w.saved = what, addr, *was, is
	*was = is
	if n := len(t.Writes); n > 0 {
		last := &t.Writes[n-1]
		second := last.IP == is.IP || last.SP == is.SP
		if last.Where == what && last.Place.Function == w.Place.Function && second {
			last.saved, last.Restores = is, w.Restores
			return 0
		}
	}
	t.Writes = noteOf(&e.ev, t.Block, t.Writes, w)
	return 1
}

// enter notes a thread's first return to user mode.
func (e *Engine) enter(ctx context.Context, t *track) (*event, error) {
	if err := e.forceRegisters(ctx, t); err != nil {
		return nil, err
	}
	cpu := e.m.CPUs[e.cpu]
	t.Entered = &entry{At: e.now(), IP: cpu.IP, SP: cpu.SP, Registers: cpu.Registers, Place: e.comps[t.Program].place(cpu.IP)}
	if err := e.disarm(ctx, t); err != nil {
		return nil, err
	}
	if e.divergence {
		if err := e.diverge(ctx, t); err != nil {
			return nil, err
		}
	}
	return &event{reason: fmt.Sprintf("%s (thread %s) returns to user mode at %s", t.Name, t.ID, t.Entered.Place)}, nil
}
