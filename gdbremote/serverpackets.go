package gdbremote

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// serverPackets maps how packets begin to what answers them; the longest
// beginning that fits counts. The argument is the rest of the packet.
var serverPackets map[string]func(*serverSession, string) ([]byte, error)

func init() { // not in the declaration: answer itself looks into the table
	serverPackets = map[string]func(*serverSession, string) ([]byte, error){
		"qSupported":                 (*serverSession).supported,
		"QStartNoAckMode":            (*serverSession).startNoAck,
		"vCont":                      (*serverSession).vCont,
		"vCont?":                     fixed("vCont;c;C;s;S"),
		"?":                          (*serverSession).why,
		"QThreadSuffixSupported":     func(s *serverSession, _ string) ([]byte, error) { s.isLLDB = true; return nil, nil },
		"qAttached":                  fixed("1"), // gdb leaves by D then, and by k else
		"qC":                         func(s *serverSession, _ string) ([]byte, error) { return []byte("QC" + s.current().String()), nil },
		"qfThreadInfo":               (*serverSession).threads,
		"qsThreadInfo":               fixed("l"),
		"qThreadExtraInfo,":          (*serverSession).threadExtra,
		"qThreadStopInfo":            (*serverSession).threadStop,
		"T":                          (*serverSession).alive,
		"Hg":                         selects(func(s *serverSession) *ThreadID { return &s.thread }),
		"Hc":                         selects(func(s *serverSession) *ThreadID { return &s.runs }),
		"qXfer:features:read:":       (*serverSession).transfer,
		"qXfer:libraries:read:":      libraries("library-list", segments),
		"qXfer:libraries-svr4:read:": libraries("library-list-svr4", linked),
		"qXfer:threads:read:":        (*serverSession).transferThreads,
		"qXfer:exec-file:read:":      (*serverSession).transferFile,
		"qOffsets":                   (*serverSession).offsets,
		"g":                          (*serverSession).readRegisters,
		"p":                          (*serverSession).readRegister,
		"P":                          (*serverSession).writeRegister,
		"m":                          (*serverSession).readMemory,
		"M":                          (*serverSession).writeMemory,
		"Z":                          func(s *serverSession, a string) ([]byte, error) { return s.breakpoint(a, true) },
		"z":                          func(s *serverSession, a string) ([]byte, error) { return s.breakpoint(a, false) },
		"qRcmd,":                     (*serverSession).monitor,
		"qqemu.PhyMemMode":           (*serverSession).askMode,
		"Qqemu.PhyMemMode:":          (*serverSession).setMode,
		"c":                          func(s *serverSession, _ string) ([]byte, error) { return s.resume(ActionContinue, s.runs) },
		"s":                          func(s *serverSession, _ string) ([]byte, error) { return s.resume(ActionStep, s.runs) },
		"bc":                         func(s *serverSession, _ string) ([]byte, error) { return s.reverse(ActionReverseContinue) },
		"bs":                         func(s *serverSession, _ string) ([]byte, error) { return s.reverse(ActionReverseStep) },
		"D":                          (*serverSession).detach,
		"k":                          func(*serverSession, string) ([]byte, error) { return nil, errLeave },
	}
}

func fixed(answer string) func(*serverSession, string) ([]byte, error) {
	return func(*serverSession, string) ([]byte, error) { return []byte(answer), nil }
}

// longestPacket bounds how packets of the table begin.
const longestPacket = len("qXfer:libraries-svr4:read:")

// answer finds and runs a packet's function. Packets nobody knows get the empty
// answer.
func (s *serverSession) answer(p []byte) ([]byte, error) {
	for n := min(len(p), longestPacket); n > 0; n-- {
		if f := serverPackets[string(p[:n])]; f != nil {
			return f(s, string(p[n:]))
		}
	}
	return nil, nil
}

var okAnswer = []byte("OK")

// errorAnswer is what the client is told of an error.
func errorAnswer(err error) []byte {
	switch {
	case err == nil:
		return okAnswer
	case errors.Is(err, ErrUnsupported):
		return nil
	case errors.Is(err, ErrMemory):
		return []byte("E14")
	case errors.Is(err, ErrNotInserted), errors.Is(err, ErrProtocol):
		return []byte("E22")
	}
	return []byte("E01")
}

func (s *serverSession) packetSize() int {
	if s.PacketSize > 0 {
		return s.PacketSize
	}
	return 4096
}

func (s *serverSession) supported(string) ([]byte, error) {
	b := fmt.Appendf(nil, "PacketSize=%x;qXfer:features:read+;vContSupported+;multiprocess+", s.packetSize())
	if s.reverses() {
		b = append(b, ";ReverseStep+;ReverseContinue+"...)
	}
	if _, ok := s.Handler.(ThreadDescriber); ok {
		b = append(b, ";qXfer:threads:read+"...)
	}
	if _, ok := s.Handler.(Librarian); ok {
		b = append(b, ";qXfer:libraries:read+;qXfer:libraries-svr4:read+"...)
	}
	if _, ok := s.Handler.(Executer); ok {
		b = append(b, ";qXfer:exec-file:read+"...)
	}
	if s.NoAckMode {
		b = append(b, ";QStartNoAckMode+"...)
	}
	return b, nil
}

func (s *serverSession) reverses() bool {
	r, ok := s.Handler.(Reverser)
	return ok && r.Reverse()
}

func (s *serverSession) startNoAck(string) ([]byte, error) {
	if !s.NoAckMode {
		return nil, nil
	}
	s.noAck = true
	return okAnswer, nil
}

// current is the thread that g, m and others are about.
func (s *serverSession) current() ThreadID {
	if s.thread.TID > 0 {
		return s.thread
	}
	if id := s.Handler.LastStop().Thread; !id.IsZero() {
		return id
	}
	return s.Handler.Threads()[0]
}

func (s *serverSession) threads(string) ([]byte, error) {
	var names []string
	for _, id := range s.Handler.Threads() {
		names = append(names, id.String())
	}
	return []byte("m" + strings.Join(names, ",")), nil
}

func (s *serverSession) threadExtra(arg string) ([]byte, error) {
	id, err := s.known(arg)
	n, ok := s.Handler.(ThreadNamer)
	if err != nil || !ok {
		return errorAnswer(err)[:0], nil
	}
	return appendHex(nil, []byte(n.ThreadExtra(id))), nil
}

// threadStop is what lldb asks of each thread: why it stopped, and its name.
func (s *serverSession) threadStop(arg string) ([]byte, error) {
	id, err := s.known(arg)
	if _, ok := s.Handler.(ThreadDescriber); err != nil || !ok {
		return errorAnswer(err)[:0], nil
	}
	stop := Stop{Thread: id}
	if last := s.Handler.LastStop(); id == last.Thread {
		stop.Signal = last.Signal
	}
	return s.stopPacket(stop), nil
}

// why tells the stop at which the client comes. lldb (19, say) asks for libraries only
// where a stop says that they have changed; gdb would take that for no stop at all.
func (s *serverSession) why(string) ([]byte, error) {
	packet := s.stopPacket(s.Handler.LastStop())
	if _, ok := s.Handler.(Librarian); ok && s.isLLDB {
		packet = append(packet, "library:;"...)
	}
	return packet, nil
}

// stopPacket is the stop with the thread's name, which lldb looks for there.
func (s *serverSession) stopPacket(stop Stop) []byte {
	packet := []byte(stop.packet())
	h, ok := s.Handler.(ThreadDescriber)
	if !ok || stop.Exited || stop.Thread.IsZero() {
		return packet
	}
	if name := h.DescribeThread(stop.Thread).Name; name != "" {
		packet = append(appendHex(append(packet, "hexname:"...), []byte(name)), ';')
	}
	return packet
}

func (s *serverSession) alive(arg string) ([]byte, error) {
	_, err := s.known(arg)
	return errorAnswer(err), nil
}

// known is a thread id that the handler has, or one that stands for any. Any of a
// process is its first.
func (s *serverSession) known(arg string) (ThreadID, error) {
	id, err := ParseThreadID(arg)
	if err != nil || id.TID <= 0 && id.PID <= 0 {
		return ThreadID{}, err
	}
	for _, t := range s.Handler.Threads() {
		if (id.TID <= 0 || t.TID == id.TID) && (id.PID <= 0 || t.PID == id.PID) {
			return t, nil
		}
	}
	return id, fmt.Errorf("thread %v: %w", id, ErrProtocol)
}

// selects notes the thread that packets to come are about.
func selects(which func(*serverSession) *ThreadID) func(*serverSession, string) ([]byte, error) {
	return func(s *serverSession, arg string) ([]byte, error) {
		id, err := s.known(arg)
		if err == nil {
			*which(s) = id
		}
		return errorAnswer(err), nil
	}
}

// monitor sends a command's output as O packets of what fits.
func (s *serverSession) monitor(arg string) ([]byte, error) {
	m, ok := s.Handler.(Monitorer)
	command, err := hex.DecodeString(arg)
	if !ok || err != nil {
		return errorAnswer(err)[:0], nil
	}
	out, err := m.Monitor(string(command))
	for chunk := range slices.Chunk([]byte(out), max(s.packetSize()/2-8, 8)) {
		if err := s.send(appendHex([]byte("O"), chunk)); err != nil {
			return nil, err
		}
	}
	return errorAnswer(err), nil
}

func (s *serverSession) hasPhysical() bool {
	p, ok := s.Handler.(PhysicalReader)
	return ok && p.HasPhysical()
}

func (s *serverSession) askMode(string) ([]byte, error) {
	if !s.hasPhysical() {
		return nil, nil
	}
	return strconv.AppendInt(nil, int64(s.mode), 10), nil
}

func (s *serverSession) setMode(arg string) ([]byte, error) {
	if !s.hasPhysical() {
		return nil, nil
	}
	s.mode = Virtual
	if arg != "0" {
		s.mode = Physical
	}
	return okAnswer, nil
}

// vCont answers ";ACTION[:THREAD]...". What is asked for is "step this one", with or without
// "continue the others", which lldb says one by one and before it, or "continue".
func (s *serverSession) vCont(arg string) ([]byte, error) {
	actions := strings.Split(strings.TrimPrefix(arg, ";"), ";")
	var goesOn ThreadID
	for _, a := range actions {
		name, thread, _ := strings.Cut(a, ":")
		id := ThreadID{}
		if thread != "" {
			var err error
			if id, err = s.known(thread); err != nil {
				return errorAnswer(err), nil
			}
		}
		steps := name == "s" || strings.HasPrefix(name, "S")
		switch goes := name == "c" || strings.HasPrefix(name, "C"); {
		case goes && thread == "": // all that was not named before
			return s.resume(ActionContinue, id)
		case steps && len(actions) > 1:
			return s.resume(ActionStepAmong, id)
		case steps:
			return s.resume(ActionStep, id)
		case !goes:
			return nil, nil
		case goesOn.IsZero():
			goesOn = id
		}
	}
	return s.resume(ActionContinue, goesOn)
}

// reverse runs backwards, if the handler can.
func (s *serverSession) reverse(action Action) ([]byte, error) {
	if !s.reverses() {
		return nil, nil
	}
	return s.resume(action, s.runs)
}

// detach answers "" or ";PID": the client leaves with the last process.
func (s *serverSession) detach(arg string) ([]byte, error) {
	if pid, err := strconv.ParseInt(strings.TrimPrefix(arg, ";"), 16, 64); err == nil && arg != "" {
		if s.left == nil {
			s.left = map[int64]bool{}
		}
		s.left[pid] = true
		if slices.ContainsFunc(s.Handler.Threads(), func(t ThreadID) bool { return !s.left[t.PID] }) {
			return okAnswer, nil
		}
	}
	if err := s.send(bytes.Clone(okAnswer)); err != nil {
		return nil, err
	}
	return nil, errLeave
}
