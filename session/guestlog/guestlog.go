// Package guestlog keeps the guest's LOG of a session, however long it gets: the first
// lines, which tell how it began, and the newest. What is between goes into a file.
//
// It knows lines. It must not know where they come from, or who shows them.
package guestlog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"thaw/session/view"
)

// Bounds on what is kept in memory. Lines are left out some at a time, so that what is
// shown stays as it is for a while.
const (
	mostLines = 100_000
	firstKept = 20_000
	atOnce    = 10_000
	mostBytes = 32 << 20
	mostFile  = 1 << 30 // bytes of the file
)

// Book is the LOG so far. Any goroutine may use it.
type Book struct {
	// From is asked for new lines.
	From func() []string
	// Recorded says that a recording has all lines, too.
	Recorded bool
	// Dir is where the file goes, "" for the usual place of temporary files.
	Dir string

	mu    sync.Mutex
	lines []string
	gap   view.LogGap
	bytes int
	bare  bool     // there is no file
	file  *os.File // nil: none is written
	path  string   // of the file, "": there was none
	size  int      // bytes that it holds
	backs []back
}

// back is where in the file the guest went back to its first lines.
type back struct{ at, line int }

// Since returns the lines behind the first n, as far as they are kept.
func (b *Book) Since(n int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.lines[b.index(n):])
}

// index is where the line behind the first n is kept, or the next one that is.
func (b *Book) index(n int) int {
	if n > b.gap.At {
		n = max(n-b.gap.Lines, b.gap.At)
	}
	return min(max(n, 0), len(b.lines))
}

// All returns what is kept of the lines so far, and where there are more. They are not
// changed any more.
func (b *Book) All() ([]string, view.LogGap) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines[:len(b.lines):len(b.lines)], b.gap
}

// Count is how many lines came so far.
func (b *Book) Count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.lines) + b.gap.Lines
}

// Last is the newest line with something in it, of the last few.
func (b *Book) Last() string {
	const few = 8
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.lines) - 1; i >= max(len(b.lines)-few, 0); i-- {
		if text := strings.TrimSpace(b.lines[i]); text != "" {
			return text
		}
	}
	return ""
}

// Take asks for new lines, and says whether there were any.
func (b *Book) Take() bool {
	lines := b.From()
	if len(lines) > 0 {
		b.Add(lines)
	}
	return len(lines) > 0
}

// Add takes new lines.
func (b *Book) Add(lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, lines...)
	for _, l := range lines {
		b.bytes += len(l)
	}
	if b.file != nil {
		b.spill(lines)
	}
	if len(b.lines) <= mostLines && b.bytes <= mostBytes {
		return
	}
	if b.gap.Lines == 0 {
		b.gap.At = min(firstKept, len(b.lines)/4)
		b.begin()
	}
	n := min(max(len(b.lines)-mostLines+atOnce, len(b.lines)/10), len(b.lines)-b.gap.At)
	for _, l := range b.lines[b.gap.At : b.gap.At+n] {
		b.bytes -= len(l)
	}
	b.gap.Lines += n
	b.lines = slices.Concat(b.lines[:b.gap.At], b.lines[b.gap.At+n:])
}

// begin opens the file, and puts all lines so far into it.
func (b *Book) begin() {
	if b.Recorded {
		b.gap.Where = "the recording has them"
	}
	if b.bare {
		return
	}
	var err error
	if b.file, err = os.CreateTemp(b.Dir, "thaw-log-*.txt"); err != nil {
		b.file = nil
		b.where(fmt.Sprintf("they are lost: %v", err))
		return
	}
	b.path = b.file.Name()
	b.where(fmt.Sprintf("until the session ends %s has the whole LOG", b.path))
	b.spill(b.lines)
}

// where tells where the lines are that are left out, unless a recording has them.
func (b *Book) where(text string) {
	if !b.Recorded {
		b.gap.Where = text
	}
}

// spill writes lines into the file.
func (b *Book) spill(lines []string) {
	text := strings.Join(lines, "\n") + "\n"
	err := fmt.Errorf("it would get larger than %d MiB", mostFile>>20)
	if b.size+len(text) <= mostFile {
		if _, err = b.file.WriteString(text); err == nil {
			b.size += len(text)
		}
	}
	if err != nil {
		b.where(fmt.Sprintf("%s has the LOG up to here, and no more: %v", b.path, err))
		b.file.Close()
		b.file = nil
	}
}

// Cut keeps the first n lines, as the guest went back to where it had written those. Lists
// that were handed out are not changed.
func (b *Book) Cut(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n >= len(b.lines)+b.gap.Lines {
		return
	}
	b.lines = slices.Clone(b.lines[:b.index(n)])
	b.gap.Lines = min(b.gap.Lines, max(n-b.gap.At, 0))
	b.bytes = 0
	for _, l := range b.lines {
		b.bytes += len(l)
	}
	if b.file != nil {
		b.backs = append(b.backs, back{b.size, n})
		b.spill([]string{fmt.Sprintf("(thaw: the guest went back to line %d)", n)})
	}
}

// Close removes the file.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path == "" {
		return nil
	}
	if b.file != nil {
		b.file.Close()
	}
	err := os.Remove(b.path)
	b.file, b.path = nil, ""
	return err
}

// Kept is what a book would keep of lines that are all there.
func Kept(lines []string) ([]string, view.LogGap) {
	b := Book{Recorded: true, bare: true}
	b.Add(lines)
	return b.All()
}
