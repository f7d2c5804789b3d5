package scenario

import (
	"strings"
	"testing"

	"thaw/scenarios"
)

const drafted = `# mine
name: x
components:
  k: {kernel: true, files: [k]}
  c: {files: [c]}
child: c

# what I looked up
phases:
  - {name: p, component: c, function: A::save}
  - name: r
    component: c
    function: A::B::restore # by hand
    once: true
    phases:
      - {name: one, function: A::B::one}
      - {name: said, log: "a * b"}
      - {name: three, function: A::B::three, optional: true}

# the end
complete: {component: c, function: A::B::restore}
`

func calls(string) []string { return []string{"A::B::one", "A::B::two", "A::B::three"} }

// A draft's phases come and go, in the order of the calls, and the rest of the file stays
// as it was written.
func TestDraft(t *testing.T) {
	s, err := Parse("x", []byte(drafted))
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDraft(s)
	if err != nil || d.Changed || !d.Has("c", "A::B::one") || d.Has("k", "A::B::one") {
		t.Fatalf("%+v, %v", d, err)
	}
	if text, err := d.Text(); err != nil || string(text) != drafted {
		t.Errorf("an unchanged draft is not its file: %v\n%s", err, text)
	}
	more := d.Toggle("c", "A::B::two", calls).Toggle("c", "other", calls)
	if d.Changed || d.Has("c", "A::B::two") {
		t.Error("the first draft has changed")
	}
	want := strings.Replace(drafted, `      - {name: one, function: A::B::one}
      - {name: said, log: "a * b"}
      - {name: three, function: A::B::three, optional: true}
`, `      - {name: one, function: "A::B::one"}
      - {name: said, log: a * b}
      - {name: two, function: "A::B::two"}
      - {name: three, function: "A::B::three", optional: true}
  - {name: other, component: c, function: other}
`, 1)
	want = strings.Replace(strings.Replace(want, "A::B::restore # by hand", `"A::B::restore"`, 1), "function: A::save", `function: "A::save"`, 1)
	if text, err := more.Text(); err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	saved := more.Saved()
	if text, err := saved.Text(); err != nil || string(text) != want || saved.Changed {
		t.Errorf("saved: %v\n%s", err, text)
	}
	// What is inside a phase that is taken out takes its place.
	out := more.Toggle("c", "A::B::restore", calls)
	if n := len(out.Phases()); n != 6 || !out.Has("c", "A::B::two") || out.Has("c", "A::B::restore") {
		t.Errorf("%d phases: %+v", n, out.Phases())
	}
	none := out
	for _, f := range []string{"A::save", "A::B::one", "A::B::two", "A::B::three", "other"} {
		none = none.Toggle("c", f, calls)
	}
	if _, err := none.Text(); err != nil {
		t.Errorf("one phase is left: %v", err)
	}
	// `once` goes with the last phase that it is about.
	if s, err = Parse("x", []byte(strings.Replace(drafted, `      - {name: said, log: "a * b"}`+"\n", "", 1))); err != nil {
		t.Fatal(err)
	}
	if d, err = NewDraft(s); err != nil {
		t.Fatal(err)
	}
	if text, err := d.Toggle("c", "A::B::one", calls).Toggle("c", "A::B::three", calls).Text(); err != nil || strings.Contains(string(text), "once") {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := NewDraft(Plain()); err == nil || !strings.Contains(err.Error(), "--scenario new") {
		t.Errorf("no scenario: %v", err)
	}
	for _, oneLine := range []string{"{name: x, components: {c: {kernel: true}}, child: c, phases: [{name: p, component: c, function: f}], complete: {component: c, function: f}}"} {
		s, err := Parse("x", []byte(oneLine))
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDraft(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Toggle("c", "g", calls).Text(); err == nil || !strings.Contains(err.Error(), "one line") {
			t.Errorf("in one line: %v", err)
		}
	}
}

// Every scenario that comes with thaw can be changed, and stays one.
func TestDraftOfScenarios(t *testing.T) {
	n := 0
	for _, name := range scenarios.Names() {
		data, err := scenarios.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewDraft(s)
		if err != nil {
			continue // it has no phases
		}
		n++
		text, err := d.Toggle("rtcr", "Rtcr::Restorer::_new", calls).Toggle("rtcr", "Rtcr::Restorer::_new", calls).Text()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := Parse(name, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var before, after []string
		EachPhase(s.Phases, 0, func(p *PhaseSpec, _ int) { before = append(before, p.Name+p.Component+p.Function) })
		EachPhase(again.Phases, 0, func(p *PhaseSpec, _ int) { after = append(after, p.Name+p.Component+p.Function) })
		if strings.Join(before, "\n") != strings.Join(after, "\n") || again.Stored == nil || again.Complete != s.Complete || len(again.Expect) != len(s.Expect) {
			t.Errorf("%s is another one:\n%s", name, text)
		}
	}
	if n < 2 {
		t.Errorf("%d scenarios have phases", n)
	}
}
