package live

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"thaw/printable"
	"thaw/readfile"
)

// serialFile is a file that QEMU writes the guest's serial line to (-serial
// file:PATH), followed as it grows: nobody is woken when it does, so it is looked
// at when the LOG is asked for. A QEMU that is started again empties it, or
// makes another one.
type serialFile struct {
	path string

	mu    sync.Mutex
	f     *os.File // nil once it is closed
	at    int64    // where to go on
	begun splitter // has a line whose end was not written so far
}

// Bounds on how much of a file is read: of what was written before, and at a time.
const (
	mostBefore = 1 << 20
	mostAtOnce = 4 << 20
)

// openSerialFile begins with the newest lines of a file.
func openSerialFile(path string) (*serialFile, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the guest's serial line %s: %w", path, err)
	}
	s := &serialFile{path: path, f: f}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the guest's serial line: %w", err), f.Close())
	}
	if s.at = max(st.Size()-mostBefore, 0); s.at > 0 {
		s.skipLine() // begins somewhere in the middle
	}
	return s, nil
}

// skipLine goes to the end of the line that it is in.
func (s *serialFile) skipLine() {
	buf := make([]byte, maxLine)
	n, _ := s.f.ReadAt(buf, s.at)
	if end := bytes.IndexByte(buf[:n], '\n'); end >= 0 {
		s.at += int64(end) + 1
	}
}

// Read implements io.Reader.
func (s *serialFile) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return 0, os.ErrClosed
	}
	n, err := s.f.ReadAt(p, s.at)
	s.at += int64(n)
	return n, err
}

// Close implements io.Closer.
func (s *serialFile) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	f := s.f
	s.f = nil
	return f.Close()
}

// lines are those that were written since the last call. What cannot be read is
// not there.
func (s *serialFile) lines() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	s.again()
	buf := make([]byte, 64<<10)
	for total := 0; total < mostAtOnce; {
		n, err := s.f.ReadAt(buf, s.at)
		out, s.at, total = append(out, s.begun.split(buf[:n])...), s.at+int64(n), total+n
		if err != nil || n == 0 {
			break
		}
	}
	return out
}

// again begins at the start of a file that was emptied or replaced.
func (s *serialFile) again() {
	mine, err := s.f.Stat()
	if err != nil {
		return
	}
	if now, err := os.Stat(s.path); err == nil && now.Mode().IsRegular() && !os.SameFile(mine, now) {
		if f, err := readfile.Open(s.path); err == nil {
			s.f.Close()
			s.f, s.at, s.begun = f, 0, splitter{}
			return
		}
	}
	if mine.Size() < s.at {
		s.at, s.begun = 0, splitter{}
	}
}

// splitter cuts what is read piece by piece into lines for a terminal.
type splitter struct{ begun []byte }

// split is the lines that end in a piece.
func (s *splitter) split(piece []byte) (out []string) {
	data := append(s.begun, piece...)
	for {
		end := bytes.IndexByte(data[:min(len(data), maxLine)], '\n') + 1
		if end == 0 && len(data) >= maxLine {
			end = maxLine // the rest goes into the next line
		}
		if end == 0 {
			s.begun = bytes.Clone(data)
			return out
		}
		out, data = append(out, printable.Line(string(data[:end]))), data[end:]
	}
}

// rest is a last line without an end, if there is one.
func (s *splitter) rest() []string {
	if len(s.begun) == 0 {
		return nil
	}
	return []string{printable.Line(string(s.begun))}
}

// Bounds on what a guest may write.
const (
	maxLine    = 1000     // bytes of a line; the rest goes into the next
	maxWaiting = 64 << 20 // bytes of the lines that wait to be taken
	perLine    = 32       // bytes of memory for each, beside its own
)
