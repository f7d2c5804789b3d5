package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"thaw/kernel"
	"thaw/session/view"
)

// Timed is a session over time: what Perfetto is made of.
type Timed struct {
	Name  string
	Stops []*view.Snapshot // in order
	Last  *view.View       // of the last stop: phases and verdicts
	Log   [][]string       // LOG lines that are new at each of Stops
}

// Perfetto writes a time line in Chrome's trace format, which ui.perfetto.dev and
// chrome://tracing open: phases, LOG and stops, and of each thread its states as they
// were seen at the stops, with what happened to its saved state. Times are the
// session's own, in µs.
func Perfetto(w io.Writer, s *Timed) error {
	p := &perfetto{s: s, named: map[[2]uint64]bool{}, numbers: map[kernel.ID]uint64{}}
	p.phases()
	p.stops()
	p.threads()
	p.happenings()
	return json.NewEncoder(w).Encode(map[string]any{
		"displayTimeUnit": "ms",
		"otherData":       map[string]string{"recording": clean(s.Name), "states": "a thread's state is known at stops only: it is drawn until the next stop that shows another"},
		"traceEvents":     p.events,
	})
}

// traceEvent is an event of the format: ph is its kind, M names a track, X has a
// duration, i is a point in time.
type traceEvent struct {
	Name  string            `json:"name"`
	Cat   string            `json:"cat,omitempty"`
	Ph    string            `json:"ph"`
	Ts    int64             `json:"ts"`  // µs
	Dur   int64             `json:"dur"` // µs
	Pid   uint64            `json:"pid"`
	Tid   uint64            `json:"tid"`
	Scope string            `json:"s,omitempty"`
	Args  map[string]string `json:"args,omitempty"`
}

// Tracks of the session itself. Tasks and threads are numbered as they come: ids of
// kernels may be larger than the format's numbers.
const (
	sessionPid = 1 + iota
	stopsTid
	logTid
	phaseTid   // and one more for each depth
	firstTrack = 100
)

type perfetto struct {
	s      *Timed
	events []traceEvent
	named  map[[2]uint64]bool // tracks by pid and tid; tid 0 is the process

	numbers map[kernel.ID]uint64 // of tasks and threads
}

// number is a task's or thread's in the trace.
func (p *perfetto) number(id kernel.ID) uint64 {
	n, ok := p.numbers[id]
	if !ok {
		n = firstTrack + uint64(len(p.numbers))
		p.numbers[id] = n
	}
	return n
}

// track names a track and its process once.
func (p *perfetto) track(pid uint64, process string, tid uint64, thread string) {
	for _, t := range []struct {
		tid        uint64
		what, name string
	}{{0, "process_name", process}, {tid, "thread_name", thread}} {
		if key := [2]uint64{pid, t.tid}; !p.named[key] {
			p.named[key] = true
			p.events = append(p.events, traceEvent{Name: t.what, Ph: "M", Pid: pid, Tid: t.tid, Args: map[string]string{"name": clean(t.name)}})
		}
	}
}

// timeOf is when a stop was.
func (p *perfetto) timeOf(stop int) (time.Duration, bool) {
	i := slices.IndexFunc(p.s.Stops, func(s *view.Snapshot) bool { return s.Number == stop })
	if i < 0 {
		return 0, false
	}
	return p.s.Stops[i].Time, true
}

// end is the time of the last stop.
func (p *perfetto) end() time.Duration {
	if n := len(p.s.Stops); n > 0 {
		return p.s.Stops[n-1].Time
	}
	return 0
}

func (p *perfetto) phases() {
	if p.s.Last == nil {
		return
	}
	all := p.s.Last.Phases
	for i, ph := range all {
		from, ok := p.timeOf(ph.Stop)
		if !ok {
			continue
		}
		to, ok := p.timeOf(phaseEnd(all, i, p.s.Last.Stops))
		if !ok {
			to = p.end()
		}
		tid := uint64(phaseTid + indent(ph.Depth))
		p.track(sessionPid, "session", tid, fmt.Sprintf("phases, depth %d", indent(ph.Depth)))
		p.events = append(p.events, traceEvent{Name: clean(ph.Name), Cat: "phase", Ph: "X", Ts: from.Microseconds(), Dur: (to - from).Microseconds(), Pid: sessionPid, Tid: tid,
			Args: map[string]string{"function": clean(ph.Function), "state": ph.State.String(), "entered": count(ph.Hits, "time")}})
	}
}

func (p *perfetto) stops() {
	for i, s := range p.s.Stops {
		p.track(sessionPid, "session", stopsTid, "stops")
		p.point(sessionPid, stopsTid, s.Time, "stop", fmt.Sprintf("stop %d: %s", s.Number, s.Reason), map[string]string{"at": clean(s.PC.String())})
		if i >= len(p.s.Log) {
			continue
		}
		for _, line := range p.s.Log[i] {
			p.track(sessionPid, "session", logTid, "LOG")
			p.point(sessionPid, logTid, s.Time, "LOG", line, nil)
		}
	}
}

// point adds a point in time.
func (p *perfetto) point(pid, tid uint64, at time.Duration, cat, name string, args map[string]string) {
	p.events = append(p.events, traceEvent{Name: clean(name), Cat: cat, Ph: "i", Ts: at.Microseconds(), Pid: pid, Tid: tid, Scope: "t", Args: args})
}

// span is a thread's state from a stop on.
type span struct {
	state string
	from  time.Duration
	pid   uint64
}

// threads draws the states of all threads, as long as stops show the same.
func (p *perfetto) threads() {
	open := map[kernel.ID]span{}
	closes := func(id kernel.ID, at time.Duration) {
		if s, ok := open[id]; ok {
			p.events = append(p.events, traceEvent{Name: clean(s.state), Cat: "state", Ph: "X", Ts: s.from.Microseconds(), Dur: (at - s.from).Microseconds(), Pid: s.pid, Tid: p.number(id)})
			delete(open, id)
		}
	}
	for _, snap := range p.s.Stops {
		seen := map[kernel.ID]bool{}
		for _, o := range objectsOf(snap) {
			if o.Thread == nil {
				continue
			}
			seen[o.ID] = true
			state := stateOf(snap, o)
			if s, ok := open[o.ID]; ok && s.state == state {
				continue
			}
			closes(o.ID, snap.Time)
			pd := o.Thread.PD
			p.track(p.number(pd), fmt.Sprintf("%s (%s)", snap.TaskName(pd), pd), p.number(o.ID), fmt.Sprintf("%s (%s)", o.Name, o.ID))
			open[o.ID] = span{state, snap.Time, p.number(pd)}
		}
		for _, id := range slices.Sorted(maps.Keys(open)) {
			if !seen[id] {
				closes(id, snap.Time)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(open)) {
		closes(id, p.end())
	}
}

func objectsOf(s *view.Snapshot) []*kernel.Object {
	if s.System == nil {
		return nil
	}
	return s.System.Objects
}

// stateOf is a thread's state with what it waits for.
func stateOf(s *view.Snapshot, o *kernel.Object) string {
	state := o.Thread.StateString()
	if o.Thread.Running {
		state = "running, " + state
	}
	if !o.Thread.Waits() {
		return state
	}
	what := o.Thread.Wait.What
	if other := s.System.WaitedFor(o.Thread); other != nil {
		what = other.Title() + " " + other.ID.String()
	}
	return strings.TrimSpace(state + ": " + o.Thread.Wait.Verb + " " + what)
}

// happenings are the requests, operations, writes and returns to user mode of the
// restored threads.
func (p *perfetto) happenings() {
	if p.s.Last == nil {
		return
	}
	for i := range p.s.Last.Verdicts {
		v := &p.s.Last.Verdicts[i]
		if v.Thread == 0 {
			continue
		}
		pid, tid := p.number(v.Task), p.number(v.Thread)
		p.track(pid, fmt.Sprintf("%s (%s)", v.TaskName, v.Task), tid, fmt.Sprintf("%s (%s)", threadName(v), v.Thread))
		for _, h := range v.History {
			p.point(pid, tid, h.Time, h.What, h.What+": "+h.Text, map[string]string{"by": clean(h.Place.String()), "before stop": fmt.Sprint(h.Stop)})
		}
		p.point(pid, tid, p.end(), "verdict", string(v.Verdict)+": "+v.Cause, nil)
	}
}
