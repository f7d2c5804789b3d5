package session

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/evidence"
	"thaw/session/guestlog"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
)

// Recorded is a recording that was read.
type Recorded interface {
	Name() string   // file, for messages
	Target() string // what was recorded
	Scenario() *scenario.Scenario
	Records() []*StopRecord
	// Memory is physical memory at a record (an index of Records), as far as it
	// was recorded: what was not is memory.ErrNotRecorded.
	Memory(record int) memory.Source
	// Modelled is Memory for the model, which reads just what was read for the
	// recording: it is what old recordings, which do not tell, hold of that.
	Modelled(record int) memory.Source
	// SamePage says whether a page, by its physical address, is recorded alike at two records.
	SamePage(a, b int, addr uint64) bool
	Notes() []view.Note
	Questions() []view.Question
	Log() []string // after the last record
	Components() []string
	// Program is what was taken along of a component's debug info, nil if
	// nothing was.
	Program(component string) Program
}

// Program is debug info that puts addresses in words, and evaluates expressions.
type Program interface {
	Machine() elf.Machine
	PtrSize() int
	Text() []elffile.Range
	FunctionAt(pc uint64) (name string, off uint64, ok bool)
	// Scope evaluates expressions at a place that was recorded; nil: outside of all functions.
	Scope(at *debuginfo.Place, mem debuginfo.Memory, regs debuginfo.Registers) debuginfo.Scope
	LineAt(pc uint64) (file string, line int, ok bool)
}

// Replay works out again what a session saw at its stops, from a recording. It
// is used by one goroutine at a time.
type Replay struct {
	rec    Recorded
	dec    Decoder
	paging memory.Paging
	arch   arch.Arch
	kernel Program
	stops  []int                  // records that are stops of the history
	logs   []*logPart             // LOG lines up to each stop
	log    *logPart               // all
	snaps  map[int]*view.Snapshot // by record; a few that were used last, and those that evidence refers to
	kept   []int                  // records in snaps, in order of their use
	views  map[int]*view.View
}

// maxKept bounds how many decoded snapshots a replay keeps.
const maxKept = 32

// NewReplay checks a recording and prepares its replay.
func NewReplay(rec Recorded, dec Decoder, paging memory.Paging) (*Replay, error) {
	r := &Replay{rec: rec, dec: dec, paging: paging, snaps: map[int]*view.Snapshot{}, views: map[int]*view.View{}}
	if r.kernel = rec.Program(rec.Scenario().KernelName()); r.kernel == nil {
		return nil, fmt.Errorf("%s holds no debug info of the kernel", rec.Name())
	}
	var err error
	if r.arch, err = arch.Of(r.kernel.Machine()); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Name(), err)
	}
	for i, s := range rec.Records() {
		kept := r.log.end()
		if s.LogCut {
			if s.LogKept < 0 || s.LogKept > kept {
				return nil, fmt.Errorf("%s: stop %d keeps %d LOG lines of %d", rec.Name(), s.Number, s.LogKept, kept)
			}
			kept = s.LogKept
		}
		r.log = &logPart{r.log, kept, s.Log}
		if s.Aside {
			continue
		}
		if s.CPU < 0 || s.CPU >= len(s.CPUs) || s.Before < 0 || s.Before > i+1 || s.After < 0 || s.After > i+1 || s.Evidence == nil {
			return nil, fmt.Errorf("%s: stop %d refers to what is not there", rec.Name(), s.Number)
		}
		if s.Number != len(r.stops)+1 {
			return nil, fmt.Errorf("%s: stop %d follows stop %d", rec.Name(), s.Number, len(r.stops))
		}
		if err := s.Evidence.Upgrade(dec); err != nil {
			return nil, fmt.Errorf("%s: stop %d: %w", rec.Name(), s.Number, err)
		}
		for _, t := range s.Evidence.Threads {
			if t == nil || len(t.Requests) == 0 || len(t.Places) == 0 {
				return nil, fmt.Errorf("%s: stop %d has evidence about a thread that nobody requested", rec.Name(), s.Number)
			}
		}
		r.stops = append(r.stops, i)
		r.logs = append(r.logs, r.log)
	}
	r.log = &logPart{r.log, r.log.end(), rec.Log()}
	if len(r.stops) == 0 {
		return nil, fmt.Errorf("%s holds no stop: it ended before the guest's first one", rec.Name())
	}
	return r, nil
}

// Restores lists the last stop of each restore.
func (r *Replay) Restores() (stops []int) {
	for i, record := range r.stops {
		if last := i == len(r.stops)-1; last || r.rec.Records()[record].Evidence.Number() < r.rec.Records()[r.stops[i+1]].Evidence.Number() {
			stops = append(stops, i+1)
		}
	}
	return stops
}

// Stops is how many stops the history has.
func (r *Replay) Stops() int { return len(r.stops) }

// registerList is a processor's recorded registers.
type registerList []kernel.Register

// Uint64 returns a register.
func (l registerList) Uint64(name string) (uint64, bool) {
	for _, r := range l {
		if r.Name == name {
			return r.Value, true
		}
	}
	return 0, false
}

// Names lists the registers.
func (l registerList) Names() []string {
	out := make([]string, 0, len(l))
	for _, r := range l {
		out = append(out, r.Name)
	}
	return out
}

// machine is the stopped machine of a record, with its memory.
func (r *Replay) machine(record int, phys memory.Reader) kernel.Machine {
	s := r.rec.Records()[record]
	all := make([]target.Registers, len(s.CPUs))
	for i, c := range s.CPUs {
		all[i] = registerList(c.Registers)
	}
	m := kernel.Machine{Phys: phys, Paging: r.arch.Paging(r.paging, slices.Values(all))}
	for i, c := range s.CPUs {
		cpu := r.arch.CPU(all[i])
		cpu.KernelSP = c.KernelSP
		m.CPUs = append(m.CPUs, cpu)
	}
	return m
}

// Machine is the stopped machine at a stop (counted from 1), as far as it was
// recorded.
func (r *Replay) Machine(stop int) (kernel.Machine, error) {
	if _, err := r.record(stop); err != nil {
		return kernel.Machine{}, err
	}
	record := r.stops[stop-1]
	return r.machine(record, memory.NewDirect(r.rec.Memory(record))), nil
}

// record is the record of a stop, counted from 1.
func (r *Replay) record(stop int) (*StopRecord, error) {
	if stop < 1 || stop > len(r.stops) {
		return nil, fmt.Errorf("%s has stops 1 to %d, not %d", r.rec.Name(), len(r.stops), stop)
	}
	return r.rec.Records()[r.stops[stop-1]], nil
}

// snapshot decodes a record.
func (r *Replay) snapshot(record int) (*view.Snapshot, error) {
	if s := r.snaps[record]; s != nil {
		return s, nil
	}
	s, err := r.decode(record, memory.NewDirect(r.rec.Modelled(record)))
	if err != nil {
		return nil, err
	}
	r.snaps[record] = s
	r.kept = append(r.kept, record)
	if len(r.kept) > maxKept {
		delete(r.snaps, r.kept[0])
		delete(r.views, r.kept[0])
		r.kept = slices.Delete(r.kept, 0, 1)
	}
	return s, nil
}

// decode decodes a record out of what holds its memory.
func (r *Replay) decode(record int, phys memory.Reader) (*view.Snapshot, error) {
	rec := r.rec.Records()[record]
	m := r.machine(record, phys)
	sys, err := r.dec.Decode(m)
	if err != nil {
		return nil, fmt.Errorf("%s, stop %d: %w", r.rec.Name(), rec.Number, err)
	}
	s := &view.Snapshot{Number: rec.Number, Time: rec.Time, Reason: rec.Reason, Phase: rec.Phase, System: sys,
		Words: rec.Words,
		CPU:   r.arch.All(registerList(rec.CPUs[rec.CPU].Registers))}
	evidence.NameThreads(s)
	if o := sys.Running(rec.CPU); o != nil {
		s.Thread = o.ID
	}
	return s, nil
}

// place puts an address in words.
func (r *Replay) place(program string, addr uint64) view.Place {
	p := r.rec.Program(program)
	if p == nil {
		return view.Place{Addr: addr}
	}
	place := components.PlaceIn(program, p, addr)
	if place.Function != "" {
		return place
	}
	for _, name := range r.rec.Components() { // a library that was asked instead
		if lib := r.rec.Program(name); components.Library(name) && lib != nil {
			if in := components.PlaceIn(name, lib, addr); in.Function != "" {
				return in
			}
		}
	}
	return place
}

// View is what users see of a stop, counted from 1. The same stop is the same
// view every time, as long as it is kept.
func (r *Replay) View(stop int) (*view.View, error) {
	rec, err := r.record(stop)
	if err != nil {
		return nil, err
	}
	record := r.stops[stop-1]
	snap, err := r.snapshot(record)
	if err != nil {
		return nil, err
	}
	if v := r.views[record]; v != nil {
		return v, nil
	}
	j, err := r.judge(rec, snap)
	if err != nil {
		return nil, err
	}
	v := &view.View{
		Session: view.Session{State: view.Stopped, Scenario: r.rec.Scenario().Name, Target: r.rec.Target(), Components: r.rec.Components()},
		History: view.History{Snapshot: snap, First: 1, Stops: len(r.stops), Live: stop == len(r.stops), Notes: r.rec.Notes(), Questions: r.rec.Questions()},
		Late:    j.Ev.Late, Mismatches: j.Ev.Mismatches, Result: j.Result(snap),
	}
	v.Phases, v.Breakpoints = rec.Phases, rec.Breakpoints
	log := r.logOf(stop)
	v.Log, v.LogGap = guestlog.Kept(log.newest(log.end()))
	r.views[record] = v
	return v, nil
}

// logOf is the LOG up to a stop, at the last one all of it.
func (r *Replay) logOf(stop int) *logPart {
	if stop == len(r.stops) {
		return r.log
	}
	return r.logs[stop-1]
}

// NewLog are the LOG lines that are new at a stop.
func (r *Replay) NewLog(stop int) []string {
	part, before := r.logOf(stop), (*logPart)(nil)
	if stop > 1 {
		before = r.logOf(stop - 1)
	}
	return part.newest(max(part.end()-before.end(), 0))
}

// judge weighs the evidence of a record, whose snapshot is s.
func (r *Replay) judge(rec *StopRecord, s *view.Snapshot) (*evidence.Judge, error) {
	ev := *rec.Evidence
	for _, ref := range []struct {
		record int
		to     **view.Snapshot
	}{{rec.Before, &ev.Before}, {rec.After, &ev.After}} {
		if ref.record == 0 {
			continue
		}
		if r.rec.Records()[ref.record-1] == rec {
			*ref.to = s
			continue
		}
		var err error
		if *ref.to, err = r.snapshot(ref.record - 1); err != nil {
			return nil, err
		}
	}
	if ev.Before == nil && len(ev.Stored) > 0 {
		return nil, errors.New("stored state without the state of the original child")
	}
	return &evidence.Judge{Arch: r.arch, Platform: r.dec.Platform(), Children: r.rec.Scenario().Programs(), Kernel: r.kernel.Text(), Place: r.place, Ev: &ev}, nil
}

// Snapshots decodes all stops in order.
func (r *Replay) Snapshots() ([]*view.Snapshot, error) {
	out := make([]*view.Snapshot, 0, len(r.stops))
	for _, record := range r.stops {
		s, err := r.snapshot(record)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Name is the recording's.
func (r *Replay) Name() string { return r.rec.Name() }
