package ui

import (
	"fmt"
	"strings"
	"testing"

	"thaw/session/view"
)

// fakeDrafter is a session whose scenario can be changed.
type fakeDrafter struct{ fakePeeker }

func (f fakeDrafter) TogglePhase(component, function string) {
	f.call("toggle " + component + ": " + function)
	f.draft(func(d *view.Draft) {
		key := view.PhaseKey(component, function)
		d.In = map[string]bool{key: !d.In[key]}
		d.Changed = true
		d.Phases = append([]view.Phase{{Name: function}}, d.Phases...)
	})
}

func (f fakeDrafter) SaveScenario(path string) {
	f.call("save " + path)
	f.draft(func(d *view.Draft) { d.Changed, d.Saved = false, path })
}

func (f fakeDrafter) draft(change func(*view.Draft)) {
	v := *f.View()
	d := *v.Draft
	change(&d)
	v.Draft = &d
	f.publish(&v)
}

func (f fakeDrafter) Ask(q view.Query) {
	f.call(fmt.Sprintf("%s %s", q.Kind, q.Expr))
	v := *f.View()
	v.Peek = &view.Peek{Query: q, Title: "functions " + q.Expr, Functions: []view.PeekFunction{
		{Component: "rtcr", Name: "Rtcr::Restorer::restore", Place: view.Place{File: "/src/restorer.cc", Line: 9}, Inlined: 2},
		{Component: "rtcr", Name: "Rtcr::Restorer::\x1b[31m_evil", Place: view.Place{Addr: 0x1000}}}}
	f.publish(&v)
}

// A user makes a function a phase, looks at the scenario and saves it under a name,
// without leaving the screen.
func TestFunctions(t *testing.T) {
	v := *viewComplete()
	v.Draft = &view.Draft{In: map[string]bool{view.PhaseKey("rtcr", "Rtcr::Restorer::restore"): true}, Name: "rtcr.yaml", Lines: []string{"name: rtcr", "phases: \x1b[31m"}}
	fake := newFake(&v)
	r := startRobotAt(t, fake, fakeDrafter{fakePeeker{fake}}, Options{}, 120, 40)
	r.typed(":functions Restorer::*")
	f := r.expect("Enter phase or not")
	for _, want := range []string{"✓     Rtcr::Restorer::restore", "restorer.cc:9", "2×", "Enter phase or not", "s save"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("%q is not shown:\n%s", want, f.text())
		}
	}
	r.press("Enter")
	r.expect("the scenario has 1 phase now; s saves it")
	r.press("Down", " ")
	if f := r.expect("the scenario has 2 phases now"); strings.Contains(f.text(), "✓     Rtcr::Restorer::restore") || !strings.Contains(f.text(), "▸ ✓ ") {
		t.Errorf("marks are as they were:\n%s", f.text())
	}
	r.press("s")
	r.expect("save the scenario as")
	r.press("Ctrl-U")
	for _, c := range "/tmp/mine" {
		r.press(string(c))
	}
	r.expect("Enter writes /tmp/mine.yaml")
	r.press("Enter")
	r.expect("saved: begin with --scenario /tmp/mine.yaml")
	for _, want := range []string{"functions Restorer::*", "toggle rtcr: Rtcr::Restorer::restore", "save /tmp/mine.yaml"} {
		if !strings.Contains(fake.called(), want) {
			t.Errorf("%q was not asked for: %s", want, fake.called())
		}
	}
	r.press("Esc")
	r.typed(":scenario")
	if f := r.expect("scenario, 2 phases, saved as /tmp/mine.yaml"); !strings.Contains(f.text(), "name: rtcr") {
		t.Errorf("its text is not shown:\n%s", f.text())
	}
	r.press("Enter")
	r.expect("save the scenario as")
	r.press("Esc", "Esc")
	r.press("q")
}

// Where nothing can be changed, the commands say why.
func TestNoScenarioToChange(t *testing.T) {
	for _, c := range []struct {
		ctrl func(*fakeController) Controller
		want string
	}{
		{func(f *fakeController) Controller { return f }, "cannot be changed"},
		{func(f *fakeController) Controller { return fakeDrafter{fakePeeker{f}} }, "there is no scenario to change: begin with --scenario new"},
		{func(f *fakeController) Controller { return fakePlayer{fakeSeeker{f}} }, "a recording has the scenario of its session"},
	} {
		fake := newFake(viewComplete())
		r := startRobotAt(t, fake, c.ctrl(fake), Options{}, 120, 40)
		r.typed(":scenario")
		r.expect(c.want)
		r.press("Esc", "q")
	}
}
