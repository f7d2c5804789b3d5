package session

import (
	"strings"
	"testing"

	"thaw/session/view"
)

// line is a phase line whose phases a text tells, each a letter: in a group, in capitals.
func line(letters string) *phaseLine {
	l := &phaseLine{}
	for _, r := range letters {
		p := view.Phase{Name: string(r)}
		if strings.ToUpper(string(r)) == string(r) {
			p.Group = 1
		}
		l.list = append(l.list, p)
	}
	return l
}

func told(list []view.Phase) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name+" "+p.State.String())
	}
	return strings.Join(out, ", ")
}

// Phases by a pattern come in the order of the run: none is skipped for another, and they
// are shown as they came.
func TestPhasesOfAGroup(t *testing.T) {
	l := line("aBCDe")
	for i, n := range []int{0, 3, 1} {
		l.enter(n, i+1)
	}
	if got, want := told(l.shown()), "a done, D done, B current, C next, e next"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	l.enter(4, 9)
	if got, want := told(l.shown()), "a done, D done, B done, C skipped, e current"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := told(l.list), "a done, B done, C skipped, D done, e current"; got != want {
		t.Errorf("the list itself is %s, want %s", got, want)
	}
}

// A line of the LOG that came before what was seen first takes nothing back.
func TestPhaseBehind(t *testing.T) {
	l := line("abc")
	l.enter(2, 5)
	if !l.isBehind(0) || l.isBehind(2) {
		t.Error("which phases are behind")
	}
	l.noteBehind(0, 6)
	if got, want := told(l.shown()), "a done, b skipped, c current"; got != want || l.list[0].Hits != 1 || l.list[0].Stop != 6 {
		t.Errorf("%s, want %s: %+v", got, want, l.list[0])
	}
}

// Within a phase that says so each phase stops the guest once, and is counted further:
// anew as that phase is entered again.
func TestPhasesOnce(t *testing.T) {
	l := line("aRbcz")
	l.list[1].Group, l.list[1].Once = 0, true
	l.list[2].Depth, l.list[3].Depth = 1, 2
	stops := func(order string) string {
		var b strings.Builder
		for _, r := range order {
			if n := strings.IndexRune("aRbcz", r); l.enter(n, 1) != nil {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	if got, want := stops("aaRbcccbczzRbbc"), "aaRbczzRbc"; got != want {
		t.Errorf("stops %s, want %s", got, want)
	}
	if got := l.list[3].Hits; got != 5 {
		t.Errorf("a phase that came 5 times was counted %d times", got)
	}
}
