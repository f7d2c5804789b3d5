package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// A key that means nothing is answered: in the panes, in a window, in a question, and in
// what is typed.
func TestEveryKeyIsAnswered(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	status := func() string { return draw(t, u, 80, 24).text() }
	for _, c := range []struct {
		keys []string
		want string
	}{
		{[]string{"2", "Q"}, "Q does nothing here; ? lists all keys"},
		{[]string{" "}, "Space does nothing here; ? lists all keys"},
		{[]string{"4", "Enter", "Q"}, "Q does nothing here: Esc goes back"},
		{[]string{"e", "Tab"}, "Tab does nothing here; Enter writes"},
		{[]string{"Esc", "Esc", "/", "Tab", "M", "PgDn"}, "PgDn does nothing here"},
		{[]string{"Esc", "ask", " "}, "Space is no answer; y: go; n, Esc: stay"},
		{[]string{"j", "x"}, "x is no answer; y: go; n, Esc: stay"},
	} {
		for _, k := range c.keys {
			if k == "ask" {
				u.line.confirm("really?", "go", "stay", func() { t.Error("another key than y was taken for it") })
				continue
			}
			press(u, k)
		}
		if got := status(); !strings.Contains(got, c.want) {
			t.Errorf("after %q %q is not said:\n%s", c.keys, c.want, got)
		}
	}
}

// Before the first stop the key is named that does something: n does not where there are no
// phases.
func TestFirstKeyIsNamed(t *testing.T) {
	for phases, want := range map[int]string{0: ":break sets a breakpoint, c lets", 1: "Press n to run to the first phase"} {
		v := &view.View{Session: view.Session{State: view.Stopped}}
		v.Phases = make([]view.Phase, phases)
		u := newDrawn(t, newFake(v), v, Options{})
		if got := draw(t, u, 120, 40).text(); !strings.Contains(got, want) {
			t.Errorf("with %d phases %q is not said:\n%s", phases, want, got)
		}
	}
}

// A question and the path that is about to be written are read whole at 80 columns.
func TestPromptsAreWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a-long-name-", 8), strings.Repeat("another-", 6))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	joined := func() string {
		return strings.NewReplacer("STOPPED", "", "│", "", "\n", "", " ", "").Replace(draw(t, u, 80, 24).text())
	}
	press(u, "4", "g", "Enter", "e")
	path := filepath.Join(dir, "task-1ef-stop33.txt")
	if got := joined(); !strings.Contains(got, "Enterwrites"+path) {
		t.Errorf("not the whole of %s:\n%s", path, draw(t, u, 80, 24).text())
	}
	press(u, "Enter")
	if got := joined(); !strings.Contains(got, "writtento"+path) {
		t.Errorf("not the whole of %s after Enter:\n%s", path, draw(t, u, 80, 24).text())
	}
	u.line.confirm("execute signal handler 4e and its original up to their next system call, and put all back?", "execute", "not", func() {})
	if got := joined(); !strings.Contains(got, "andputallback?") || !strings.Contains(got, "y:execute;n,Esc:not") {
		t.Errorf("the question is cut:\n%s", draw(t, u, 80, 24).text())
	}
}

// A label never touches what it says, however long it is.
func TestFacts(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	o := &kernel.Object{Kind: "Context", Values: []kernel.Value{{Name: "acknowledged", Text: "yes"}}, Links: []kernel.Link{{Name: "a label of twenty ch", None: "nobody"}}}
	snap := &view.Snapshot{System: &kernel.System{}}
	for _, l := range u.th.objectLines(snap, o, 76) {
		for _, label := range []string{"acknowledged", "a label of twenty ch"} {
			if rest, ok := strings.CutPrefix(lineText(l), label); ok && !strings.HasPrefix(rest, "  ") {
				t.Errorf("%q", lineText(l))
			}
		}
	}
}

// The top line tells how many other differences there are before it tells the scenario.
func TestTopLineTellsTheLoss(t *testing.T) {
	v := viewComplete()
	for i := range v.Verdicts {
		v.Verdicts[i].Verdict = view.Applied
	}
	v.Target = "bug=blocked-receive"
	u := newDrawn(t, newFake(v), v, Options{})
	for w, want := range map[int]string{80: "= all applied, ≠ ", 120: "= all restored states applied, ≠ "} {
		if got := draw(t, u, w, 40).line(0); !strings.Contains(got, want) || !strings.Contains(got, "blocked-receive") {
			t.Errorf("%d columns: %q", w, got)
		}
	}
}
