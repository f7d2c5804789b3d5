package session

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// evidence is what was seen of the restored threads so far. Everything in it
// carries a sequence number, so that rules can tell before from after.
type evidence struct {
	Original   kernel.ID // task of the checkpointed child, 0 until known
	Stored     []storedThread
	StoredAt   int                    // snapshot that belongs to stored
	before     *view.Snapshot         // the original as the restore begins
	after      *view.Snapshot         // as the restore is complete
	tracks     map[uint64]*track      // by thread object
	Threads    []*track               // in order of their first request
	watches    map[uint64]*track      // by watched address
	Operations map[uint64][]operation // by thread object
	Dropped    map[uint64]int         `json:",omitempty"` // by thread object: what was seen and is not kept any more
	Complete   bool
	Finished   bool // nothing more is expected
	Format     int  // of this structure in recordings: evidenceFormat

	Late       string          `json:",omitempty"` // why the beginning of the restore cannot be seen, "" if it can
	Mismatches []view.Mismatch `json:",omitempty"` // files that are not those of the programs that run
	Unproved   []string        `json:",omitempty"` // components whose files were found in no task so far
	Gaps       []gap           `json:",omitempty"` // what could not be had

	memory *childMemory     // the original's, as it was checkpointed
	mapped []attachment     // the original's, as the first phase began: detached dataspaces are not mapped later
	Memory *view.MemoryDiff // nil until both were read
	Waits  []waiting        // of the original's threads, as the first phase began

	old json.RawMessage // evidence of an older format, see upgrade
}

func newEvidence() evidence {
	return evidence{Format: evidenceFormat, tracks: map[uint64]*track{}, watches: map[uint64]*track{}, Operations: map[uint64][]operation{}, Dropped: map[uint64]int{}}
}

// storedThread is a checkpointed thread's state as the restorer holds it.
type storedThread struct {
	Name      string
	Addr      uint64 // of the stored element, in the restorer
	IP, SP    uint64
	Registers []kernel.Register
	Source    string
	At        instant
	Problem   string `json:",omitempty"` // why ip, sp and registers are not known, "" if they are
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

	Divergence *view.Divergence `json:",omitempty"` // from its original, nil if that was not asked for

	regions *regionMap // what is attached to its task, nil if not known

	armed  bool
	Places []kept // where the kernel keeps its user state, the usual place first
}

// kept is one of these places.
type kept struct {
	Name           kernel.Source
	IPAddr, SPAddr uint64
	saved          // as last seen
}

// keptIn are the places of a thread that stay.
func keptIn(t *kernel.Thread) []kept {
	var out []kept
	for _, p := range t.Places {
		if !p.Passing {
			out = append(out, kept{p.Name, p.IPAddr, p.SPAddr, saved{p.IP, p.SP}})
		}
	}
	return out
}

// counting is the index of the place that holds a thread's user state: the last
// one that counts by what stands there.
func counting(p *kernel.Platform, places []kept, is []saved) int {
	n := 0
	for i := range places {
		if p.Place(places[i].Name).Counts(is[i].IP) {
			n = i
		}
	}
	return n
}

// lastSeen is what was seen last in each place of a thread's user state.
func (t *track) lastSeen() []saved {
	out := make([]saved, len(t.Places))
	for i := range t.Places {
		out[i] = t.Places[i].saved
	}
	return out
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

	Problem     string `json:",omitempty"` // why ip and sp are not known, "" if they are
	NoRegisters string `json:",omitempty"` // why the registers are not
}

// asks tells the request in a sentence.
func (q *request) asks() string {
	if q.Problem != "" {
		return fmt.Sprintf("%s asks for a state that is not known: %s", q.Function, q.Problem)
	}
	return fmt.Sprintf("%s asks for ip %#x, sp %#x", q.Function, q.IP, q.SP)
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
	Where kernel.Source // name of the place
	Place view.Place    // what wrote
	Addr  uint64
	Old   saved
	saved
	Restores bool // only puts back what the kernel had put aside
	Frames   []view.Frame
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
	State           []string // of the thread before
	Exception       bool     // it was in one
	Problem         string   `json:",omitempty"` // why ip, sp and flags are not known, "" if they are
}

// entry is the first return to user mode after the request.
type entry struct {
	At        instant
	IP, SP    uint64
	Registers []kernel.Register
	Place     view.Place
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

// readSaved reads a thread's saved user state at the current stop, in each place.
func (e *Engine) readSaved(t *track) ([]saved, error) {
	space, err := e.dec.KernelSpace(e.m)
	if err != nil {
		return nil, err
	}
	all := make([]saved, len(t.Places))
	for i, p := range t.Places {
		if all[i].IP, err = memory.Uint(space, p.IPAddr, e.ptrSize()); err == nil {
			all[i].SP, err = memory.Uint(space, p.SPAddr, e.ptrSize())
		}
		if err != nil {
			return nil, fmt.Errorf("reading the saved state of thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	return all, nil
}

// observe notes what changed in a thread's saved state, and whether the thread
// has come back to user mode. written is the address that a watchpoint saw
// written, 0 if none did.
func (e *Engine) observe(ctx context.Context, t *track, written uint64) (ev *event, entered bool, err error) {
	cpu := e.m.CPUs[e.cpu]
	if cpu.User {
		if runs, err := e.runsHere(ctx, t); !runs || err != nil {
			return nil, false, err
		}
		ev, err := e.enter(ctx, t)
		return ev, true, err
	}
	all, err := e.readSaved(t)
	if err != nil {
		return nil, false, err
	}
	at, added, platform := write{At: e.now(), Place: e.kernelComponent().place(cpu.IP)}, 0, e.dec.Platform()
	for i := range t.Places {
		p := &t.Places[i]
		usual := !platform.Place(p.Name).Aside
		at.Restores = usual && slices.ContainsFunc(t.Places, func(k kept) bool { return platform.Place(k.Name).Aside && k.saved == all[i] })
		added += e.noteWrite(t, at, p, all[i], written == p.IPAddr || usual && written == p.SPAddr)
	}
	if added > 0 {
		t.writesBy(added, e.backtrace(e.kernelComponent()))
	}
	return nil, false, nil
}

// runsHere says whether the stopped processor, in user mode, runs a thread. Its
// task may be another one than at the request: the kernel has a thread that was
// never started in its own, until somebody binds it.
func (e *Engine) runsHere(ctx context.Context, t *track) (bool, error) {
	root := e.m.CPUs[e.cpu].Root
	block, err := e.currentBlock(ctx)
	if err != nil || block != 0 && block != t.Block {
		return false, err
	}
	if root == t.TaskRoot {
		return true, nil
	}
	sys, err := e.system(ctx)
	if err != nil {
		return false, err
	}
	o := sys.At(t.Block)
	if o == nil || o.Thread == nil || o.ID != t.ID {
		return false, nil
	}
	e.takeTask(sys, t, o)
	return root == t.TaskRoot, nil
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
func (e *Engine) noteWrite(t *track, w write, at *kept, is saved, hit bool) (added int) {
	if is == at.saved && !hit {
		return 0
	}
	w.Where, w.Addr, w.Old, w.saved = at.Name, at.IPAddr, at.saved, is
	at.saved = is
	if n := len(t.Writes); n > 0 {
		last := &t.Writes[n-1]
		second := last.IP == is.IP || last.SP == is.SP
		if last.Where == at.Name && last.Place.Function == w.Place.Function && second {
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
