// Package stub shows a recording to debuggers that speak the GDB remote
// protocol, such as stock gdb: the recorded processors are its threads, the
// recorded stops the history it goes forward and back through.
//
// It knows replays and the names and sizes of processors' registers. It must
// not know how packets look (gdbremote does), how recordings are stored, or any
// particular kernel.
//
// What a debugger should know:
//
//   - A recording holds stops and nothing between them. Continue, stepi and any
//     other way to run go to the next stop, their reverse forms to the one
//     before; behind the last and before the first stop the history ends.
//   - Breakpoints are taken, and change nothing: every stop stops. gdb steps off
//     a breakpoint before it continues, and so passes one stop more where a
//     breakpoint stands at the shown ip. Watchpoints are refused; gdb's software
//     watchpoints (set can-use-hw-watchpoints 0) compare stop by stop.
//   - Memory is what was recorded, through the page tables of the processor;
//     the rest is an error (E14). Recordings leave out machine code.
//   - Nothing can be changed.
package stub

import (
	"context"
	"errors"
	"fmt"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
)

// Stub answers a gdbremote.Server from a recording. It begins at the first
// stop; a client finds it at the stop where the one before has left it. It is
// not for use by two servers at a time.
type Stub struct {
	replay *session.Replay
	stops  []*session.StopRecord // the history; stop N at N-1
	layout *Layout
	xml    []byte

	at      int // shown stop, from 1
	machine kernel.Machine
	spaces  []*memory.Space // by processor
}

// New makes a stub of a recording and its replay, which belongs to the stub from
// then on. The error is for a processor that gdb would not know.
func New(r *session.Replay, rec session.Recorded) (*Stub, error) {
	s := &Stub{replay: r}
	for _, record := range rec.Records() {
		if !record.Aside {
			s.stops = append(s.stops, record)
		}
	}
	program := rec.Program(rec.Scenario().KernelName())
	if program == nil {
		return nil, fmt.Errorf("%s holds no debug info of the kernel", rec.Name())
	}
	var err error
	var seen [][]kernel.Register
	for _, record := range s.stops {
		for _, c := range record.CPUs {
			seen = append(seen, c.Registers)
		}
	}
	if s.layout, err = NewLayout(program.Machine(), seen...); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Name(), err)
	}
	s.xml = s.layout.Document()
	return s, s.show(1)
}

// Stop is the number of the stop that is shown, from 1.
func (s *Stub) Stop() int { return s.at }

// show goes to a stop, counted from 1. What is shown stays if it fails.
func (s *Stub) show(stop int) error {
	m, err := s.replay.Machine(stop)
	if err != nil {
		return err
	}
	s.at, s.machine, s.spaces = stop, m, nil
	for cpu := range m.CPUs {
		s.spaces = append(s.spaces, m.Space(cpu))
	}
	return nil
}

// Record is the shown stop.
func (s *Stub) Record() *session.StopRecord { return s.stops[s.at-1] }

// process is the protocol's process that all processors are threads of.
const process = 1

// thread is a processor as the protocol calls it: they count from 1 there.
func thread(cpu int) gdbremote.ThreadID {
	return gdbremote.ThreadID{PID: process, TID: int64(cpu) + 1}
}

// cpu is the processor that the protocol calls a thread.
func (s *Stub) cpu(id gdbremote.ThreadID) (int, error) {
	if id.TID < 1 || id.TID > int64(len(s.machine.CPUs)) {
		return 0, fmt.Errorf("stop %d has processors 1 to %d, not %v: %w", s.at, len(s.machine.CPUs), id, gdbremote.ErrProtocol)
	}
	return int(id.TID) - 1, nil
}

// Threads lists the processors of the shown stop.
func (s *Stub) Threads() []gdbremote.ThreadID {
	var ids []gdbremote.ThreadID
	for cpu := range s.machine.CPUs {
		ids = append(ids, thread(cpu))
	}
	return ids
}

// LastStop says which processor stopped.
func (s *Stub) LastStop() gdbremote.Stop {
	return gdbremote.Stop{Signal: gdbremote.SignalTrap, Thread: thread(s.Record().CPU)}
}

// TargetFile is the target description.
func (s *Stub) TargetFile(name string) ([]byte, bool) { return s.xml, name == "target.xml" }

// ReadRegisters gives all registers of the target description, and says which bytes of
// them were recorded; the others are zero.
func (s *Stub) ReadRegisters(id gdbremote.ThreadID) (values []byte, known []bool, err error) {
	cpu, err := s.cpu(id)
	if err != nil {
		return nil, nil, err
	}
	values, known = s.layout.Bytes(s.Record().CPUs[cpu].Registers)
	return values, known, nil
}

// FindRegister says where a register is in ReadRegisters' answer.
func (s *Stub) FindRegister(number int) (from, to int, ok bool) { return s.layout.Find(number) }

// HasPhysical says that ReadMemory knows physical addresses.
func (s *Stub) HasPhysical() bool { return true }

// ReadMemory reads what was recorded, virtual addresses through the page tables
// that the processor uses. The error is a gdbremote.ErrMemory where any of it
// is not mapped or was not recorded.
func (s *Stub) ReadMemory(id gdbremote.ThreadID, mode gdbremote.AddressMode, addr uint64, buf []byte) error {
	cpu, err := s.cpu(id)
	if err != nil {
		return err
	}
	from := s.machine.Phys
	if mode == gdbremote.Virtual {
		from = s.spaces[cpu]
	}
	if err := from.ReadMemory(addr, buf); err != nil {
		return fmt.Errorf("stop %d: %w: %w", s.at, err, gdbremote.ErrMemory)
	}
	return nil
}

// errReadOnly refuses to change anything. The refusal must be an answer: gdb
// takes silence about a write for a success.
var errReadOnly = errors.New("a recording cannot be changed")

// WriteMemory refuses.
func (s *Stub) WriteMemory(gdbremote.ThreadID, gdbremote.AddressMode, uint64, []byte) error {
	return errReadOnly
}

// WriteRegister refuses.
func (s *Stub) WriteRegister(gdbremote.ThreadID, int, []byte) error { return errReadOnly }

// SetBreakpoint takes breakpoints, which gdb needs for its own purposes too:
// the next recorded stop comes anyway. A watchpoint that never fires would be a
// lie, so those are refused.
func (s *Stub) SetBreakpoint(b gdbremote.Breakpoint, _ bool) error {
	if b.Kind == gdbremote.SoftwareBreak || b.Kind == gdbremote.HardwareBreak {
		return nil
	}
	return gdbremote.ErrUnsupported
}

// Reverse says that the history can be walked backwards.
func (s *Stub) Reverse() bool { return true }

// direction is how far each way to run goes, in stops.
var direction = map[gdbremote.Action]int{
	gdbremote.ActionContinue: 1, gdbremote.ActionStep: 1, gdbremote.ActionStepAmong: 1,
	gdbremote.ActionReverseContinue: -1, gdbremote.ActionReverseStep: -1,
}

// Resume goes to the next stop or the one before. At an end of the history it
// stays, and the answer says which end.
func (s *Stub) Resume(_ context.Context, action gdbremote.Action, _ gdbremote.ThreadID) (gdbremote.Stop, error) {
	next := s.at + direction[action]
	switch {
	case next < 1:
		return s.historyEnds("begin"), nil
	case next > len(s.stops):
		return s.historyEnds("end"), nil
	}
	if err := s.show(next); err != nil {
		return gdbremote.Stop{}, err
	}
	return s.LastStop(), nil
}

// historyEnds is the answer to running on from an end of the recording, which
// is called "begin" or "end".
func (s *Stub) historyEnds(end string) gdbremote.Stop {
	stop := s.LastStop()
	stop.Reason = gdbremote.ReasonReplayLog
	stop.Raw = fmt.Sprintf("T%02xthread:%v;replaylog:%s;", stop.Signal, stop.Thread, end)
	return stop
}
