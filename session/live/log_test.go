package live

import (
	"errors"
	"strings"
	"testing"
	"time"

	"thaw/testwait"
	"thaw/words"
)

// taken waits until a guest's serial line has come to its end, and takes the lines.
func taken(t *testing.T, text string, times int) []string {
	t.Helper()
	l := newLogLines(&repeated{text: text, left: times})
	testwait.Until(t, time.Minute, "the end of a serial line", l.ended)
	return l.take()
}

// repeated is a text a number of times.
type repeated struct {
	text string
	left int
}

func (r *repeated) Read(b []byte) (int, error) {
	n := 0
	for r.left > 0 && len(r.text) <= len(b)-n {
		n += copy(b[n:], r.text)
		r.left--
	}
	if r.left == 0 {
		return n, errors.New("the guest has ended")
	}
	return n, nil
}

// What a guest writes between two looks is all there, however many lines it is; only a
// flood is cut, and says so.
func TestLinesBetweenTwoLooks(t *testing.T) {
	if lines := taken(t, "[init -> rtcr] a line of usual length\n", 150_000); len(lines) != 150_000 {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	long := strings.Repeat("x", maxLine-1) + "\n"
	all := 2 * maxWaiting / len(long)
	lines := taken(t, long, all)
	last := lines[len(lines)-1]
	if kept := len(lines) - 1; kept > maxWaiting/len(long) || !strings.Contains(last, words.Count(all-kept, "more line")+" came faster") {
		t.Errorf("of %d lines %d are kept, the last is %q", all, kept, last)
	}
}
