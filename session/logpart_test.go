package session

import (
	"strings"
	"testing"
)

// LOG lines up to a stop come out as they were written, also where the guest went
// back, and only the newest.
func TestLogParts(t *testing.T) {
	a := &logPart{nil, 0, []string{"1", "2", "3"}}
	b := &logPart{a, 3, []string{"4"}}
	back := &logPart{b, 2, []string{"5"}}
	again := &logPart{back, 3, nil}
	last := &logPart{again, 1, []string{"6", "7"}}
	for _, c := range []struct {
		part *logPart
		most int
		want string
	}{{a, 9, "123"}, {b, 9, "1234"}, {back, 9, "125"}, {again, 9, "125"}, {last, 9, "167"}, {b, 2, "34"}, {back, 2, "25"}, {last, 0, ""}, {nil, 9, ""}} {
		if got := strings.Join(c.part.newest(c.most), ""); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
