package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"thaw/session/view"
)

// CheckResult is what one check came to.
type CheckResult struct {
	Name     string // "lab:overwritten", the address, the recording
	Scenario string
	Variant  string     // of the scenario's expectations
	View     *view.View // of the last stop; nil if it could not run
	Expected string     // what the scenario expects, in words; "" nothing
	Forced   string     // what became of a thread whose state was forced, "" none
	Failures []string   // as Scenario.Failures tells them
	Err      error      // why it could not run or did not come to its end
	Duration time.Duration
}

// The elements of JUnit's XML, as far as GitLab and Jenkins read them.
type (
	xmlSuites struct {
		XMLName  xml.Name   `xml:"testsuites"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Time     string     `xml:"time,attr"`
		Suites   []xmlSuite `xml:"testsuite"`
	}
	xmlSuite struct {
		Name       string        `xml:"name,attr"`
		Tests      int           `xml:"tests,attr"`
		Failures   int           `xml:"failures,attr"`
		Errors     int           `xml:"errors,attr"`
		Skipped    int           `xml:"skipped,attr"`
		Time       string        `xml:"time,attr"`
		Properties []xmlProperty `xml:"properties>property"`
		Cases      []xmlCase     `xml:"testcase"`
		Out        *xmlOut       `xml:"system-out"`
	}
	xmlProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	xmlCase struct {
		Class   string   `xml:"classname,attr"`
		Name    string   `xml:"name,attr"`
		Time    string   `xml:"time,attr"`
		Failure *xmlFail `xml:"failure"`
		Error   *xmlFail `xml:"error"`
	}
	xmlFail struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"` // clean: there, encoding/xml lets invalid characters pass
	}
	xmlOut struct {
		Text string `xml:",cdata"`
	}
)

// JUnit prints checks as JUnit XML: a suite for each, and in it a case for the
// run itself, one for each thread, one for the capabilities, and one for
// whatever else is not as expected. It is valid XML whatever the guest's names
// hold.
func JUnit(w io.Writer, results []CheckResult) error {
	all := xmlSuites{Name: "thaw"}
	var total time.Duration
	for i := range results {
		s, err := suiteOf(&results[i])
		if err != nil {
			return err
		}
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		total += results[i].Duration
		all.Suites = append(all.Suites, s)
	}
	all.Time = xmlTime(total)
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	b.WriteByte('\n')
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}

func xmlTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

func suiteOf(r *CheckResult) (xmlSuite, error) {
	s := xmlSuite{Name: clean(r.Name), Time: xmlTime(r.Duration), Properties: []xmlProperty{
		{"scenario", clean(r.Scenario)}, {"expectations", clean(r.Variant)}}}
	class := clean("thaw." + strings.ReplaceAll(r.Name, ".", "_")) // Jenkins takes what is before the last dot for a package
	s.Cases = append(s.Cases, runCase(r))
	for _, g := range groups(r) {
		c := xmlCase{Name: clean(g.name)}
		if len(g.failures) > 0 {
			c.Failure = &xmlFail{Message: clean(strings.Join(g.failures, "; ")), Type: g.kind, Text: lines(g.failures) + g.details()}
		}
		s.Cases = append(s.Cases, c)
	}
	for i := range s.Cases {
		c := &s.Cases[i]
		c.Class = class
		if c.Time == "" {
			c.Time = xmlTime(0) // the run's time is in its own case
		}
		s.Tests++
		if c.Failure != nil {
			s.Failures++
		}
		if c.Error != nil {
			s.Errors++
		}
	}
	if r.View != nil {
		var out strings.Builder
		if err := Check(&out, r.View); err != nil {
			return s, err
		}
		s.Out = &xmlOut{out.String()}
	}
	return s, nil
}

// runCase says whether the check came to its end.
func runCase(r *CheckResult) xmlCase {
	c := xmlCase{Name: "run to the end", Time: xmlTime(r.Duration)}
	switch {
	case r.Err != nil:
		c.Error = &xmlFail{Message: clean(r.Err.Error()), Type: "could not run", Text: cleanLines(r.Err.Error())}
	case r.View == nil:
		c.Error = &xmlFail{Message: "nothing was seen of it", Type: "could not run"}
	}
	return c
}

// group is a part of a scenario's expectations.
type group struct {
	name, kind string
	verdict    *view.ThreadVerdict
	caps       *view.CapDiff
	failures   []string
}

// groups sorts a check's failures by what they are about: the threads that were
// seen, threads that were expected only, the capabilities, the rest.
func groups(r *CheckResult) []*group {
	var out []*group
	find := func(name, kind string) *group {
		i := slices.IndexFunc(out, func(g *group) bool { return g.name == name })
		if i < 0 {
			out = append(out, &group{name: name, kind: kind})
			i = len(out) - 1
		}
		return out[i]
	}
	caps := &group{name: "capabilities", kind: "capabilities"}
	if r.View != nil {
		for i := range r.View.Verdicts {
			t := &r.View.Verdicts[i]
			if g := find("thread "+t.Name, "verdict"); g.verdict == nil {
				g.verdict = t
			}
		}
		caps.caps = r.View.Caps
	}
	for _, f := range r.Failures {
		name, isThread := threadOfFailure(f)
		switch {
		case isThread:
			g := find(name, "verdict")
			g.failures = append(g.failures, f)
		case strings.Contains(f, "capabilities"):
			caps.failures = append(caps.failures, f)
		default:
			g := find("expectations", "expectations")
			g.failures = append(g.failures, f)
		}
	}
	if caps.caps != nil || len(caps.failures) > 0 {
		out = append(out, caps)
	}
	return out
}

// threadOfFailure is "thread NAME" of "thread NAME: expected …". A name may hold
// a colon itself.
func threadOfFailure(f string) (name string, ok bool) {
	i := strings.LastIndex(f, ": expected ")
	if i < 0 || !strings.HasPrefix(f, "thread ") {
		return "", false
	}
	return f[:i], true
}

// details tells why a group failed, below the failures themselves.
func (g *group) details() string {
	var b strings.Builder
	p := &printer{w: &b}
	switch {
	case g.verdict != nil:
		p.verdict(g.verdict)
	case g.kind == "capabilities":
		p.caps(g.caps)
	}
	return b.String()
}

func lines(ss []string) string {
	var b strings.Builder
	for _, s := range ss {
		b.WriteString(clean(s) + "\n")
	}
	return b.String()
}

// cleanLines cleans a text and keeps its lines.
func cleanLines(s string) string { return lines(strings.Split(s, "\n")) }
