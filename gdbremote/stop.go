package gdbremote

import (
	"fmt"
	"strconv"
	"strings"
)

// Signals QEMU uses to say why it stopped.
const (
	SignalInterrupt = 2 // Interrupt, or a pause through QEMU's monitor or QMP
	SignalQuit      = 3 // the guest was shut down
	SignalTrap      = 5 // breakpoint, watchpoint or step
	SignalAbort     = 6 // QEMU's internal error
)

// Reasons a Stop may have.
const (
	ReasonInterrupt  = "interrupt"
	ReasonTrap       = "trap" // a breakpoint or a step; QEMU does not say which
	ReasonBreakpoint = "breakpoint"
	ReasonWatch      = "watchpoint"
	ReasonReplayLog  = "replay log ends" // reverse execution reached an end of the recording
	ReasonExit       = "exit"
	ReasonSignal     = "signal"
)

// Stop is a stop reply.
type Stop struct {
	Signal   int      // GDB's signal number
	Thread   ThreadID // zero if the stub did not say
	Reason   string   // one of the Reason constants
	Watch    *WatchHit
	Exited   bool // the stub's process ended; ExitCode holds its status or signal
	ExitCode int
	Raw      string // the packet
}

// WatchHit is the watchpoint that a Stop is due to.
type WatchHit struct {
	Kind BreakKind // WatchWrite, WatchRead or WatchAccess
	Addr uint64    // virtual address, as the stub reports it
}

// isStop recognises stop packets by their shape. No answer to a request of
// this package has it.
func isStop(p []byte) bool {
	if len(p) < 3 || !isHex(p[1]) || !isHex(p[2]) {
		return false
	}
	return p[0] == 'T' || p[0] == 'S' || p[0] == 'W' || p[0] == 'X'
}

var watchKinds = map[string]BreakKind{
	"watch":  WatchWrite,
	"rwatch": WatchRead,
	"awatch": WatchAccess,
}

// parseStop reads a stop packet; fields it does not know are left out.
func parseStop(p []byte) (Stop, error) {
	if !isStop(p) {
		return Stop{}, fmt.Errorf("stop reply %q: %w", shorten(p, 60), ErrProtocol)
	}
	number := int(unhex(p[1])<<4 | unhex(p[2]))
	s := Stop{Raw: string(p), Signal: number, Reason: ReasonSignal}
	switch p[0] {
	case 'W', 'X':
		s.Exited, s.ExitCode, s.Reason = true, number, ReasonExit
		if p[0] == 'W' {
			s.Signal = 0
		}
		return s, nil
	case 'T':
		s.fields(string(p[3:]))
	}
	if s.Reason == ReasonSignal {
		switch number {
		case SignalInterrupt:
			s.Reason = ReasonInterrupt
		case SignalTrap:
			s.Reason = ReasonTrap
		}
	}
	return s, nil
}

// fields reads the name:value pairs of a T packet.
func (s *Stop) fields(list string) {
	for pair := range strings.SplitSeq(list, ";") {
		name, value, _ := strings.Cut(pair, ":")
		switch name {
		case "thread":
			if id, err := ParseThreadID(value); err == nil {
				s.Thread = id
			}
		case "swbreak", "hwbreak":
			s.Reason = ReasonBreakpoint
		case "replaylog":
			s.Reason = ReasonReplayLog
		default:
			if kind, ok := watchKinds[name]; ok {
				if addr, err := strconv.ParseUint(value, 16, 64); err == nil {
					s.Reason = ReasonWatch
					s.Watch = &WatchHit{Kind: kind, Addr: addr}
				}
			}
		}
	}
}

// String is a short text for logs.
func (s Stop) String() string {
	switch {
	case s.Exited:
		return fmt.Sprintf("exit %d", s.ExitCode)
	case s.Watch != nil:
		return fmt.Sprintf("%s %s at %#x, vCPU %v", s.Reason, s.Watch.Kind, s.Watch.Addr, s.Thread)
	}
	return fmt.Sprintf("%s (signal %d), vCPU %v", s.Reason, s.Signal, s.Thread)
}

// noteStop records a stop.
func (c *exchange) noteStop(s Stop) {
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	c.lastStop = s
}

// noteUnasked records a stop packet that came where none was expected.
func (c *exchange) noteUnasked(p []byte) {
	s, err := parseStop(p)
	if err != nil {
		return
	}
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	c.lastStop = s
	c.unasked++
	c.changes.Add(1)
	c.currentSet = false
}
