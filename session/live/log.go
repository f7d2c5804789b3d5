package live

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"thaw/readfile"
	"thaw/words"
)

// logLines collects a guest's serial output by lines, in the background.
type logLines struct {
	mu      sync.Mutex
	lines   []string
	bytes   int         // that the lines take
	lost    int         // lines that came faster than they were taken
	readers int         // that have not ended
	file    *serialFile // nil if it is not a file
}

// newLogLines reads r until its end. The goroutine ends with the reader, which
// its owner closes.
func newLogLines(r io.Reader) *logLines {
	l := &logLines{}
	if r != nil {
		l.follow(r)
	}
	return l
}

// ended says that nothing is read any more.
func (l *logLines) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.readers == 0 && l.file == nil
}

// follow reads r until its end; a file has none.
func (l *logLines) follow(r io.Reader) {
	if f, ok := r.(*serialFile); ok {
		l.file = f
		return
	}
	l.count(1)
	go func() {
		defer l.count(-1)
		var lines splitter
		buf := make([]byte, 4096)
		for {
			n, err := r.Read(buf)
			l.add(lines.split(buf[:n])...)
			if err != nil {
				l.add(lines.rest()...)
				return
			}
		}
	}()
}

func (l *logLines) count(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers += by
}

func (l *logLines) add(lines ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, line := range lines {
		if l.bytes > maxWaiting || l.lost > 0 { // a gap has one place: at the end
			l.lost += len(lines) - n
			return
		}
		l.lines, l.bytes = append(l.lines, line), l.bytes+len(line)+perLine
	}
}

func (l *logLines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.lines
	if l.lost > 0 {
		out = append(out, fmt.Sprintf("(thaw: %s came faster than they were read)", words.Count(l.lost, "more line")))
	}
	l.lines, l.bytes, l.lost = nil, 0, 0
	if l.file != nil {
		out = append(out, l.file.lines()...)
	}
	return out
}

func dialUnix(path string) (io.ReadCloser, error) {
	c, err := net.Dial("unix", readfile.Socket(path))
	if err != nil {
		return nil, fmt.Errorf("opening the guest's serial line: %w", err)
	}
	return c, nil
}

// OpenSerial opens a guest's serial line: a unix socket, or a file, which is followed
// as it grows.
func OpenSerial(path string) (io.ReadCloser, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening the guest's serial line: %w", err)
	}
	switch {
	case st.Mode()&os.ModeSocket != 0:
		return dialUnix(path)
	case st.Mode().IsRegular():
		return openSerialFile(path)
	case st.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) == 0:
		return nil, fmt.Errorf("opening the guest's serial line: %s is %s", path, readfile.Kind(st.Mode()))
	}
	// A pipe or a terminal, which has somebody at its other end only later.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the guest's serial line: %w", err)
	}
	return f, nil
}
