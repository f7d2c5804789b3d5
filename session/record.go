package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/evidence"
	"thaw/session/view"
	"thaw/words"
)

// PageSize is the size of recorded pages, in bytes.
const PageSize = 4096

// Page is a page of physical memory as it was at a stop.
type Page struct {
	Addr  uint64 // a multiple of PageSize
	Data  []byte
	Known *memory.Mask // which bytes were recorded, nil for all; the others are 0
}

// StopRecord is a stop as a recording keeps it: all that cannot be read again
// from the recorded pages and debug info. Kernel objects, verdicts and the
// capability diff are not in it; a replay works them out anew.
type StopRecord struct {
	Number int  `json:"number"` // of the snapshot
	Aside  bool `json:"aside,omitempty"`
	// Aside: not a stop of the history, but a state that evidence refers to.

	Time   time.Duration `json:"time"` // since the session began, in ns
	Reason string        `json:"reason"`
	Phase  string        `json:"phase,omitempty"`

	CPU  int         `json:"cpu"` // that stopped
	CPUs []CPURecord `json:"cpus"`

	view.Words
	// Scope is what names mean where the processor stopped, in the program that is there.
	Scope *debuginfo.Place `json:"scope,omitempty"`
	// Stacks are the backtraces of threads in user mode, of those that are not what
	// they were at the record before. An empty one is not known.
	Stacks map[kernel.ID][]view.Frame `json:"stacks,omitempty"`

	Phases      []view.Phase          `json:"phases,omitempty"`
	Breakpoints []view.BreakpointInfo `json:"breakpoints,omitempty"`
	Evidence    *evidence.Evidence    `json:"evidence,omitempty"`
	// Records (counted from 1, in the order of the recording) with the original
	// child as the restore began and with the restored one as it was complete;
	// 0 if that has not come.
	Before int `json:"before,omitempty"`
	After  int `json:"after,omitempty"`

	LogRecord
}

// LogRecord is what the guest said since the record before.
type LogRecord struct {
	Log []string `json:"log,omitempty"` // lines since the record before
	// LogCut is set if the guest went back: only the first LogKept lines of those
	// in the records before were written where it came to.
	LogCut  bool `json:"logCut,omitempty"`
	LogKept int  `json:"logKept,omitempty"`
}

// CPURecord is a processor's state at a stop.
type CPURecord struct {
	Registers []kernel.Register `json:"registers"`          // of up to 64 bits, under GDB's names, in its order
	KernelSP  uint64            `json:"kernelSP,omitempty"` // see kernel.CPU
}

// Recorder keeps what a session sees. After an error other than a WaitingError it
// is not called again.
type Recorder interface {
	// Stop keeps a stop with the pages that the model read at it.
	Stop(s *StopRecord, pages []Page) error
	// More keeps pages that were looked at after a stop, by the number of its record (from 1).
	More(record int, pages []Page) error
	// Notes keeps the user's notes, all of them each time.
	Notes(notes []view.Note) error
	// Questions keeps the origins that were asked for, all of them each time.
	Questions(all []view.Question) error
	// Log keeps LOG lines that came after the last stop.
	Log(lines []string) error
}

// Mover is a Recorder that can go on in another file.
type Mover interface{ Move(path string) error }

// WaitingError says that a recorder keeps in memory what it cannot write, and will
// try again.
type WaitingError struct {
	Err   error
	Stops int // that wait
}

func (e *WaitingError) Error() string {
	return fmt.Sprintf("%v (%s in memory)", e.Err, words.Count(e.Stops, "stop"))
}
func (e *WaitingError) Unwrap() error { return e.Err }

// recording is the engine's side of a recorder.
type recording struct {
	*parts // of the session that is recorded

	to       Recorder
	err      error           // it failed: nothing is recorded any more, unless it waits
	withCode bool            // record pages with machine code, too
	code     *codePages      // recognises them
	pages    map[uint64]bool // that were read since the last record
	reads    memory.Trace    // what of them
	looks    looks
	sparse   bool // keep only that
	records  int
	snaps    map[*view.Snapshot]int     // record of a snapshot that evidence refers to
	stacks   map[kernel.ID][]view.Frame // of threads, as they were recorded last
	logged   int                        // LOG lines that were recorded
	cut      bool                       // fewer than before, since the guest went back
	noted    int                        // changes of the notes that were recorded
}

func newRecording(to Recorder, comps map[string]*components.Component, withCode, sparse bool) (*recording, error) {
	r := &recording{to: to, withCode: withCode, pages: map[uint64]bool{}, snaps: map[*view.Snapshot]int{}, reads: memory.Trace{}, stacks: map[kernel.ID][]view.Frame{}, sparse: sparse}
	var err error
	if !withCode {
		r.code, err = newCodePages(comps)
	}
	return r, err
}

// Trace makes a view note what is read.
func (r *recording) Trace(v *memory.View) {
	if r.goesOn() {
		v.TraceReads(r.reads)
	}
}

// Read notes which pages a view fetched, before it is dropped.
func (r *recording) Read(v *memory.View) {
	if !r.goesOn() || v == nil {
		return
	}
	for _, a := range v.Touched() {
		r.pages[a&^(PageSize-1)] = true
	}
}

// keep records a snapshot that was just taken; m is nil for one aside.
func (r *recording) keep(s *view.Snapshot, m *moment) {
	if !r.goesOn() {
		return
	}
	rec := &StopRecord{Number: s.Number, Aside: m == nil, Time: s.Time, Reason: s.Reason, Phase: s.Phase, CPU: r.m.Stopped, Words: s.Words}
	for i, regs := range r.m.Regs {
		rec.CPUs = append(rec.CPUs, CPURecord{Registers: r.m.Arch.All(regs), KernelSP: r.m.CPUs()[i].KernelSP})
	}
	r.records++
	r.snaps[s] = r.records
	if m != nil {
		rec.Scope = r.names(s)
		rec.Phases, rec.Breakpoints, rec.Evidence = m.Phases, m.Breakpoints, &r.obs.Ev
		rec.Before, rec.After = r.snaps[r.obs.Ev.Before], r.snaps[r.obs.Ev.After]
		r.forget(&r.obs.Ev)
	}
	if r.cut {
		rec.LogCut, rec.LogKept, r.cut = true, r.logged, false
	}
	lines := r.log.Since(r.logged)
	r.logged += len(lines)
	rec.Log = lines
	rec.Stacks = r.changedStacks(s)
	r.keepTypes(s.Frames)
	for _, frames := range rec.Stacks {
		r.keepTypes(frames)
	}
	pages, err := r.readPages()
	if err == nil {
		err = r.to.Stop(rec, pages)
		r.looks.after(r.records, m != nil, pages)
	}
	r.fail(err)
}

// maxStacks bounds the threads whose backtraces are recorded at a stop.
const maxStacks = 256

// changedStacks unwinds the stacks of threads in user mode, so that a replay can
// show them, and what was read for that is recorded. It returns those that are not
// what they were.
func (r *recording) changedStacks(s *view.Snapshot) map[kernel.ID][]view.Frame {
	changed := map[kernel.ID][]view.Frame{}
	for i, o := range s.System.Threads() {
		if i == maxStacks {
			break
		}
		frames := r.userFrames(s, o)
		if !slices.Equal(frames, r.stacks[o.ID]) {
			r.stacks[o.ID], changed[o.ID] = frames, frames
		}
	}
	return changed
}

// forget lets go of all snapshots that evidence cannot refer to any more.
func (r *recording) forget(ev *evidence.Evidence) {
	for s := range r.snaps {
		if s != ev.Before && s != ev.After {
			delete(r.snaps, s)
		}
	}
}

// remember knows the snapshots again that an earlier state refers to.
func (r *recording) remember(s *state) {
	if r != nil && s.before != 0 {
		r.snaps[s.ev.Before] = s.before
	}
	if r != nil && s.after != 0 {
		r.snaps[s.ev.After] = s.after
	}
}

// whereDropped says where stops are that the history has dropped.
func (r *recording) whereDropped() string {
	if !r.goesOn() {
		return ""
	}
	return "; the recording holds them"
}

// cutLog is told that only so many LOG lines are left.
func (r *recording) cutLog(lines int) {
	if r != nil && lines < r.logged {
		r.logged, r.cut = lines, true
	}
}

// goesOn says whether there is a recorder to be called.
func (r *recording) goesOn() bool { return r != nil && (r.err == nil || r.waits()) }

// waits says whether the recorder keeps in memory what it cannot write.
func (r *recording) waits() bool {
	var w *WaitingError
	return errors.As(r.err, &w)
}

// fail notes how the last call of the recorder ended.
func (r *recording) fail(err error) {
	if r.err = err; err != nil {
		r.err = fmt.Errorf("recording: %w", err)
	}
}

// trouble is why what is seen is not in the recording's file, "" if it is.
func (r *recording) trouble() string {
	if r == nil || r.err == nil {
		return ""
	}
	return r.err.Error()
}

// move goes on recording in another new file.
func (r *recording) move(path string) error {
	switch m, ok := r.recorder().(Mover); {
	case !ok || !r.goesOn():
		return errors.New("nothing is recorded that could go on in another file")
	default:
		if err := m.Move(path); err != nil {
			return err
		}
		r.err = nil
		return nil
	}
}

// recorder is nil if nothing is recorded.
func (r *recording) recorder() Recorder {
	if r == nil {
		return nil
	}
	return r.to
}

// readPages reads the pages that the model has read since the last record, as
// they are now. Of pages with machine code only what was read is kept, unless
// code is wanted: kernels have pages with both code and data.
func (r *recording) readPages() ([]Page, error) {
	r.readLooks()
	// All that the model is made of, though most of it was decoded at an earlier stop.
	r.m.Mirror.Each(func(addr uint64) { r.pages[addr&^(PageSize-1)] = true })
	r.m.Mirror.Trace(r.reads)
	if r.withCode {
		r.Read(r.m.Text)
	}
	return r.fetch(true)
}

// fetch reads the pages that are noted, those with machine code only if they are wanted.
func (r *recording) fetch(code bool) ([]Page, error) {
	addrs := make([]uint64, 0, len(r.pages))
	for a := range r.pages {
		addrs = append(addrs, a)
	}
	slices.Sort(addrs)
	clear(r.pages)
	reqs := make([]memory.Request, 0, len(addrs))
	for _, a := range addrs {
		reqs = append(reqs, memory.Request{Addr: a, Buf: make([]byte, PageSize)})
	}
	if err := r.m.ReadPhysical(reqs); err != nil {
		return nil, err
	}
	var pages []Page
	for _, q := range reqs {
		if q.Err != nil {
			continue
		}
		p := Page{Addr: q.Addr, Data: q.Buf}
		hasCode := r.code.in(q.Buf)
		if hasCode && !code {
			continue
		}
		if r.sparse || hasCode {
			p.Known = r.reads.Blank(q.Addr, q.Buf)
		}
		pages = append(pages, p)
	}
	clear(r.reads)
	return pages, nil
}

// keepRest records what came after the last stop.
func (r *recording) keepRest() {
	if !r.goesOn() {
		return
	}
	r.log.Take()
	if lines := r.log.Since(r.logged); len(lines) > 0 {
		r.logged += len(lines)
		r.fail(r.to.Log(lines))
	}
	r.keepNotes()
}

// keepNotes records the notes, and what was asked, if they changed.
func (r *recording) keepNotes() {
	if !r.goesOn() {
		return
	}
	if n := r.notes.version(); n != r.noted {
		r.noted = n
		r.fail(r.to.Notes(r.notes.all()))
	}
	if q := r.questions; q.added != q.recorded && r.goesOn() {
		q.recorded = q.added
		r.fail(r.to.Questions(q.all))
	}
}
