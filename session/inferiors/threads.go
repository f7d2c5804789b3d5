package inferiors

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"thaw/gdbremote"
	"thaw/kernel"
)

// numbers are the protocol's, by id: the id itself where that is a number that debuggers
// take (gdb keeps a process's in 32 bits, and 0 stands for any), else one that no id is.
type numbers map[kernel.ID]int64

const firstNumber = math.MaxInt32 - 1<<24

func (n numbers) of(id kernel.ID) int64 {
	if id > 0 && id < processors {
		return int64(id)
	}
	if n[id] == 0 {
		n[id] = firstNumber + int64(len(n))
	}
	return n[id]
}

// thread is a thread as the protocol calls it.
func (s *Stub) thread(o *kernel.Object) gdbremote.ThreadID {
	return gdbremote.ThreadID{PID: s.pids.of(o.Thread.PD), TID: s.tids.of(o.ID)}
}

func processor(cpu int) gdbremote.ThreadID {
	return gdbremote.ThreadID{PID: processors, TID: int64(cpu) + 1}
}

// listing is who is there at a stop, by what the protocol calls them. Debuggers ask for
// each thread by itself.
type listing struct {
	shown   []gdbremote.ThreadID
	threads map[gdbremote.ThreadID]*kernel.Object
	pds     map[int64]*kernel.Object
}

// list finds who is there.
func (s *Stub) list() {
	l := listing{threads: map[gdbremote.ThreadID]*kernel.Object{}, pds: map[int64]*kernel.Object{}}
	for _, o := range s.shown.System.PDs() {
		l.pds[s.pids.of(o.ID)] = o
	}
	for _, o := range s.shown.System.Threads() {
		id := s.thread(o)
		l.threads[id] = o
		if pd := l.pds[id.PID]; pd != nil && s.shows(pd) {
			l.shown = append(l.shown, id)
		}
	}
	slices.SortStableFunc(l.shown, func(a, b gdbremote.ThreadID) int { return int(a.PID - b.PID) })
	if s.only == "" || len(l.shown) == 0 {
		for cpu := range s.shown.CPUs {
			l.shown = append(l.shown, processor(cpu))
		}
	}
	s.listing = l
}

// Threads lists those of all protection domains that there are, and the processors.
func (s *Stub) Threads() []gdbremote.ThreadID { return s.listing.shown }

// shows says whether a protection domain is shown.
func (s *Stub) shows(pd *kernel.Object) bool {
	if s.one != 0 {
		return s.one == pd.ID
	}
	return s.only == "" || s.only == s.shown.Names[pd.ID] || s.only == pd.ID.String()
}

// object is the thread that the protocol calls so, nil for a processor.
func (s *Stub) object(id gdbremote.ThreadID) (o *kernel.Object, cpu int, err error) {
	if id.PID == processors {
		if id.TID < 1 || id.TID > int64(len(s.shown.CPUs)) {
			return nil, 0, fmt.Errorf("no processor %v: %w", id, gdbremote.ErrProtocol)
		}
		return nil, int(id.TID) - 1, nil
	}
	if o := s.listing.threads[id]; o != nil {
		return o, o.Thread.CPU, nil
	}
	return nil, 0, fmt.Errorf("no thread %v at this stop: %w", id, gdbremote.ErrProtocol)
}

// DescribeThreads tells names and states.
func (s *Stub) DescribeThreads() (out []gdbremote.ThreadDescription) {
	for _, id := range s.Threads() {
		out = append(out, s.DescribeThread(id))
	}
	return out
}

// DescribeThread tells the name and state of one.
func (s *Stub) DescribeThread(id gdbremote.ThreadID) gdbremote.ThreadDescription {
	o, cpu, err := s.object(id)
	if err != nil {
		return gdbremote.ThreadDescription{ID: id, Core: -1}
	}
	d := gdbremote.ThreadDescription{ID: id, Core: -1, Extra: s.extra(o)}
	switch {
	case o == nil:
		d.Name, d.Core = fmt.Sprintf("processor %d", cpu), cpu
	default:
		if d.Name = s.name(o); o.Thread.Running {
			d.Core = o.Thread.CPU
		}
	}
	return d
}

// name is a thread's with its component.
func (s *Stub) name(o *kernel.Object) string {
	if pd := s.shown.Names[o.Thread.PD]; pd != "" {
		return pd + "/" + o.Title()
	}
	return o.Title()
}

// extra is a thread's state in words.
func (s *Stub) extra(o *kernel.Object) string {
	if o == nil {
		return "all of its registers, whatever it executes"
	}
	t := o.Thread
	text := t.StateString()
	if t.Running {
		text = fmt.Sprintf("on processor %d, %s", t.CPU, text)
	}
	if t.Waits() {
		what := t.Wait.What
		if other := s.shown.System.WaitedFor(t); other != nil {
			what = other.Title() + " " + other.ID.String()
		}
		text += ": " + strings.TrimSpace(t.Wait.Verb+" "+what)
	}
	if t.Source == kernel.SourceNone && !t.Running {
		text += "; never in user mode: it has no registers, and pc 0 stands for that"
	}
	return text
}

// ThreadExtra is a thread's name and state.
func (s *Stub) ThreadExtra(id gdbremote.ThreadID) string {
	o, cpu, err := s.object(id)
	switch {
	case err != nil:
		return ""
	case o == nil:
		return fmt.Sprintf("processor %d: %s", cpu, s.extra(nil))
	}
	return s.name(o) + ": " + s.extra(o)
}

// ExecFile is the file of a process's program.
func (s *Stub) ExecFile(pid int64) string {
	if pid == processors {
		return s.shown.Kernel
	}
	if o := s.pd(pid); o != nil {
		return s.shown.Files[o.ID]
	}
	return ""
}

// Libraries are those that a process maps.
func (s *Stub) Libraries(pid int64) []gdbremote.Library {
	if o := s.pd(pid); o != nil {
		return s.shown.Shared[o.ID]
	}
	return nil
}

// pd is the protection domain that the protocol calls a process, nil if it is none.
func (s *Stub) pd(pid int64) *kernel.Object { return s.listing.pds[pid] }

// LastStop says who ran as the guest stopped: a component's thread, else the processor.
func (s *Stub) LastStop() gdbremote.Stop {
	stop := gdbremote.Stop{Signal: gdbremote.SignalTrap, Thread: processor(s.shown.Stopped)}
	if o := s.shown.System.Running(s.shown.Stopped); o != nil {
		if id := s.thread(o); s.pd(id.PID) != nil {
			stop.Thread = id
		}
	}
	if all := s.Threads(); s.only != "" && !slices.Contains(all, stop.Thread) {
		stop.Thread = all[0] // nothing happened in what is shown: some of its threads has to be said to have stopped
	}
	return stop
}
