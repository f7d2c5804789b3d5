package report

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"thaw/session/view"
)

func checkResults() []CheckResult {
	wrong := fixtureStory().View
	good := *wrong
	good.Caps = nil
	return []CheckResult{
		{Name: "lab:state-ignored", Scenario: "rtcr-2016", Variant: "default", View: &good, Duration: 754 * time.Millisecond},
		{Name: "lab:fixed", Scenario: "rtcr-2016", Variant: "fixed", View: wrong, Duration: 1200 * time.Millisecond, Failures: []string{
			"thread ep: expected applied, found ignored",
			"thread worker: expected applied, but no such thread was seen",
			"5 capabilities differ, expected none",
			`scenario rtcr-2016 has no expectations for "x"`}},
		{Name: "broken.thaw", Scenario: "rtcr-2016", Variant: "default", Err: errors.New("reading broken.thaw: it ends in the middle\nof a block")},
	}
}

func TestJUnitGolden(t *testing.T) {
	golden(t, "junit.xml", func(w io.Writer) error { return JUnit(w, checkResults()) })
}

func decodeJUnit(t *testing.T, results []CheckResult) xmlSuites {
	t.Helper()
	out := written(t, func(w io.Writer) error { return JUnit(w, results) })
	var all xmlSuites
	if err := xml.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	return all
}

func TestJUnitCounts(t *testing.T) {
	all := decodeJUnit(t, checkResults())
	if all.Tests != 12 || all.Failures != 4 || all.Errors != 1 || all.Time != "1.954" {
		t.Errorf("%d tests, %d failures, %d errors, %s s", all.Tests, all.Failures, all.Errors, all.Time)
	}
	for _, c := range []struct {
		suite int
		cases string // with F for a failure, E for an error
	}{
		{0, "run to the end, thread sheep_counter, thread ep, thread signal handler"},
		{1, "run to the end, thread sheep_counter, F thread ep, thread signal handler, F thread worker, F expectations, F capabilities"},
		{2, "E run to the end"},
	} {
		var got []string
		for _, x := range all.Suites[c.suite].Cases {
			name := x.Name
			if x.Failure != nil {
				name = "F " + name
			}
			if x.Error != nil {
				name = "E " + name
			}
			got = append(got, name)
		}
		if s := strings.Join(got, ", "); s != c.cases {
			t.Errorf("suite %d:\n got %s\nwant %s", c.suite, s, c.cases)
		}
	}
	ep := all.Suites[1].Cases[2].Failure
	if ep.Message != "thread ep: expected applied, found ignored" || !strings.Contains(ep.Text, "stays in core's pager copy") {
		t.Errorf("ep's failure is %+v", ep)
	}
	if class := all.Suites[2].Cases[0].Class; class != "thaw.broken_thaw" {
		t.Errorf("class is %q", class)
	}
}

func TestJUnitIsValidWhateverBytesCome(t *testing.T) {
	var b []byte
	for i := range 256 {
		b = append(b, byte(i))
	}
	all := string(b) + "\ufffe\uffff\U0010ffff]]>&<\"'"
	v := &view.View{Session: view.Session{Scenario: all, Target: all}, Result: view.Result{
		Verdicts: []view.ThreadVerdict{{Name: all, Cause: all}},
		Caps:     &view.CapDiff{Missing: []view.SlotCap{{Type: all, Receiver: all}}},
	}}
	suites := decodeJUnit(t, []CheckResult{{Name: all, Scenario: all, Variant: all, View: v, Err: errors.New(all),
		Failures: []string{"thread " + all + ": expected applied, found ignored", all, "capabilities " + all}}})
	if n := len(suites.Suites[0].Cases); n != 4 {
		t.Errorf("%d cases, want the run, the thread, the rest and the capabilities", n)
	}
}

func TestThreadNamesWithColons(t *testing.T) {
	v := &view.View{Result: view.Result{Verdicts: []view.ThreadVerdict{{Name: "a: expected b", Verdict: view.Ignored}}}}
	s := decodeJUnit(t, []CheckResult{{Name: "x", View: v, Failures: []string{"thread a: expected b: expected applied, found ignored"}}})
	if len(s.Suites[0].Cases) != 2 || s.Suites[0].Cases[1].Failure == nil {
		t.Errorf("cases %+v, want the failure at the thread", s.Suites[0].Cases)
	}
}

func TestJUnitOfNothing(t *testing.T) {
	if all := decodeJUnit(t, nil); all.Tests != 0 || len(all.Suites) != 0 {
		t.Errorf("%+v", all)
	}
}
