package session

import (
	"testing"

	"thaw/session/view"
)

func phasesOf(depths ...int) []view.Phase {
	var out []view.Phase
	for i, d := range depths {
		out = append(out, view.Phase{Name: string(rune('a' + i)), Depth: d})
	}
	return out
}

func TestPhaseStates(t *testing.T) {
	l := &phaseLine{list: phasesOf(0, 1, 1, 0, 1, 2, 1)}
	states := func() string {
		out := ""
		for _, p := range l.list {
			out += string("nCds"[p.State])
		}
		return out
	}
	for _, step := range []struct {
		enter int
		want  string
	}{
		{0, "Cnnnnnn"}, {1, "CCnnnnn"}, {2, "CdCnnnn"}, {3, "dddCnnn"}, {5, "dddCsCn"}, {6, "dddCsdC"},
		{4, "dddCCdd"}, // phases may come again
	} {
		l.enter(step.enter, 1)
		if got := states(); got != step.want {
			t.Errorf("after entering %d: %s, want %s", step.enter, got, step.want)
		}
	}
	if l.list[4].Hits != 1 || l.current() != "e" {
		t.Errorf("phase e: %d hits, current %q", l.list[4].Hits, l.current())
	}
}
