package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"thaw/printable"
	"thaw/session/view"
)

func written(t *testing.T, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever the form, nothing of the guest's may steer a terminal or turn the
// writing direction.
func TestNoFormPassesControlCharacters(t *testing.T) {
	s := hostileStory()
	snap := snapshotOf(1, hostile, fixtureObjects())
	snap.System.Objects[0].Name = hostile
	snap.Tasks = nil
	d := Compare(snap, snapshotOf(2, hostile, nil), true)
	d.Pages = []PageChange{{Where: hostile}}
	for name, write := range map[string]func(io.Writer) error{
		"Markdown":           func(w io.Writer) error { return Markdown(w, s) },
		"HTML":               func(w io.Writer) error { return HTML(w, s) },
		"Check":              func(w io.Writer) error { return Check(w, s.View) },
		"Snapshot":           func(w io.Writer) error { return Snapshot(w, snap, true) },
		"Diff":               func(w io.Writer) error { return Diff(w, d) },
		"JSON of a check":    func(w io.Writer) error { return JSON(w, NewCheckJSON(s.View, []string{hostile})) },
		"JSON of a snapshot": func(w io.Writer) error { return JSON(w, NewSnapshotJSON(snap)) },
		"JUnit": func(w io.Writer) error {
			return JUnit(w, []CheckResult{{Name: hostile, View: s.View, Failures: []string{"thread " + hostile + ": expected x, found y"}}})
		},
	} {
		out := written(t, write)
		if !utf8.ValidString(out) {
			t.Errorf("%s: no valid UTF-8", name)
		}
		for _, r := range out {
			if r != '\n' && !printable.Rune(r) {
				t.Errorf("%s holds %U", name, r)
				break
			}
		}
	}
}

// A snapshot tells in both forms what could not be read, of whatever object.
func TestSnapshotTellsProblems(t *testing.T) {
	snap := snapshotOf(1, "stop", fixtureObjects())
	snap.System.Problems = []string{"the list runs into itself"}
	snap.System.Objects[0].Problem = "reading its name: no end"
	for _, o := range snap.System.Objects {
		if o.PD != nil {
			o.PD.Problem = "the table is cut short"
			break
		}
	}
	for form, out := range map[string]string{
		"text": written(t, func(w io.Writer) error { return Snapshot(w, snap, false) }),
		"JSON": written(t, func(w io.Writer) error { return JSON(w, NewSnapshotJSON(snap).Problems) }),
	} {
		for _, want := range []string{"runs into itself", snap.System.Objects[0].ID.String() + " at ", "no end", "cut short"} {
			if !strings.Contains(out, want) {
				t.Errorf("the %s lacks %q:\n%s", form, want, out)
			}
		}
	}
}

// outside tells what stands outside code spans and code blocks.
func outside(markdown string) string {
	var b strings.Builder
	fence := ""
	for line := range strings.SplitSeq(markdown, "\n") {
		trimmed := strings.TrimLeft(line, " ")
		ticks := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3 && strings.TrimSpace(trimmed) == ticks+"text":
			fence = ticks
			continue
		case fence != "" && len(ticks) >= len(fence) && strings.TrimSpace(trimmed) == ticks:
			fence = ""
			continue
		case fence != "":
			continue
		}
		b.WriteString(withoutSpans(line) + "\n")
	}
	return b.String()
}

// withoutSpans removes code spans by CommonMark's rule: a run of backticks up to
// the next run of the same length.
func withoutSpans(line string) string {
	runs := regexp.MustCompile("`+").FindAllStringIndex(line, -1)
	var b strings.Builder
	at := 0
	for i := 0; i < len(runs); i++ {
		for j := i + 1; j < len(runs); j++ {
			if runs[j][1]-runs[j][0] == runs[i][1]-runs[i][0] {
				b.WriteString(line[at:runs[i][0]] + "X")
				at, i = runs[j][1], j
				break
			}
		}
	}
	return b.String() + line[at:]
}

func TestMarkdownKeepsGuestTextInCode(t *testing.T) {
	out := outside(written(t, func(w io.Writer) error { return Markdown(w, hostileStory()) }))
	for line := range strings.SplitSeq(out, "\n") {
		if strings.ContainsAny(line, "<@[]`&") || strings.Contains(line, "http") {
			t.Errorf("guest text stands outside code: %s", line)
		}
	}
}

// A pipe that is not escaped would begin another cell, in code spans too.
func TestMarkdownTablesHaveTheirColumns(t *testing.T) {
	columns, rows := 0, 0
	for line := range strings.SplitSeq(written(t, func(w io.Writer) error { return Markdown(w, hostileStory()) }), "\n") {
		if !strings.HasPrefix(line, "| ") {
			columns = 0
			continue
		}
		n := strings.Count(line, "|") - strings.Count(line, `\|`)
		if columns == 0 {
			columns = n
		}
		if rows++; n != columns {
			t.Errorf("%d pipes where the table's head has %d: %s", n, columns, line)
		}
	}
	if rows < 10 {
		t.Errorf("only %d rows were seen", rows)
	}
}

func TestProse(t *testing.T) {
	for in, want := range map[string]string{
		"it is (still) blocked, isn't it?":              "it is (still) blocked, isn't it?",
		"asks for ip 0x1f, sp 0x2.":                     "asks for ip `0x1f`, sp `0x2`.",
		"copy (Thread::_pager->state): gone":            "copy (`Thread::_pager->state`): gone",
		"by Thread::state(Thread_state) then":           "by `Thread::state(Thread_state)` then",
		"two\nlines\tof  text":                          "two lines of text",
		"see www.e.example or http://e.example/x, @all": "see `www.e.example` or `http://e.example/x`, `@all`",
		"*bold* _it_ #1 a|b <b> [x](y) ~s~ \\":          "`*bold*` `_it_` `#1` `a|b` `<b>` `[x](y)` `~s~` `\\`",
		"tick ` and ``two``":                            "tick `` ` `` and ``` ``two`` ```",
		"plain::name":                                   "`plain::name`",
	} {
		if got := prose(in); got != want {
			t.Errorf("prose(%q)\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{"": "—", "  ": "—", "ep": "`ep`", "a`b": "``a`b``", "`": "`` ` ``", "a``": "``` a`` ```"} {
		if got := code(in); got != want {
			t.Errorf("code(%q) is %q, want %q", in, got, want)
		}
	}
}

// GitHub takes no more than 65,536 characters.
func TestMarkdownStaysPostable(t *testing.T) {
	s := fixtureStory()
	v := *s.View
	long := strings.Repeat("x", 10000)
	for range 100 {
		v.Log = append(v.Log, long)
	}
	d := view.CapDiff{}
	for i := range 2000 {
		d.Missing = append(d.Missing, view.SlotCap{Slot: uint64(i), Type: "Gate", Receiver: "core/pager_ep"})
	}
	v.Caps, s.View = &d, &v
	out := written(t, func(w io.Writer) error { return Markdown(w, s) })
	if n := utf8.RuneCountInString(out); n > 65536 {
		t.Errorf("%d characters", n)
	}
	for _, want := range []string{"2000 missing", "… and 1940 more."} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
}

func TestHTMLIsSelfContained(t *testing.T) {
	for name, s := range map[string]*Story{"story": fixtureStory(), "hostile": hostileStory()} {
		out := written(t, func(w io.Writer) error { return HTML(w, s) })
		for _, bad := range []string{"<script", "<link", "<img", "<iframe", "src=", "href=", "@import", "url(", "ZgotmplZ"} {
			if strings.Contains(out, bad) {
				t.Errorf("%s: the page holds %q", name, bad)
			}
		}
		policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(out)
		if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; style-src 'unsafe-inline'") {
			t.Errorf("%s: the policy is %q", name, policy)
		}
		if i, j := strings.Index(out, "Content-Security-Policy"), strings.Index(out, "<title>"); i > j {
			t.Errorf("%s: guest text stands in front of the policy", name)
		}
	}
}

func TestHTMLTells(t *testing.T) {
	out := written(t, func(w io.Writer) error { return HTML(w, fixtureStory()) })
	for _, want := range []string{
		"1 of 3 threads lost its state: ep (ignored).", "lost between requested and kernel", `class="line lost"`, "✗ lost",
		"1014ce5 ≠", "401ff9a0", "✗ ep", "rtcr/child ep → none", "signal_proxy", "recording sheep.thaw made with thaw", "prefers-color-scheme: dark", "@media print",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// closed fails after n bytes.
type closed struct{ n int }

func (c *closed) Write(b []byte) (int, error) {
	if c.n -= len(b); c.n < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

func TestWriteErrorsAreReported(t *testing.T) {
	s := fixtureStory()
	d := Compare(snapshotOf(1, "", fixtureObjects()), snapshotOf(2, "", nil), true)
	for name, write := range map[string]func(io.Writer) error{
		"Markdown": func(w io.Writer) error { return Markdown(w, s) },
		"HTML":     func(w io.Writer) error { return HTML(w, s) },
		"JUnit":    func(w io.Writer) error { return JUnit(w, []CheckResult{{Name: "x"}}) },
		"Diff":     func(w io.Writer) error { return Diff(w, d) },
		"DiffJSON": func(w io.Writer) error { return DiffJSON(w, d) },
	} {
		if err := write(&closed{20}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestHTMLIsBalanced(t *testing.T) {
	for name, s := range map[string]*Story{"story": fixtureStory(), "hostile": hostileStory(), "empty": NewStory(nil, nil, nil, "")} {
		out := written(t, func(w io.Writer) error { return HTML(w, s) })
		out = regexp.MustCompile(`<(meta[^>]*|wbr)>`).ReplaceAllString(out, "")
		out = regexp.MustCompile(`<td class="num">|<!DOCTYPE html>`).ReplaceAllStringFunc(out, func(s string) string {
			if strings.HasPrefix(s, "<!") {
				return ""
			}
			return s
		})
		d := xml.NewDecoder(strings.NewReader(out))
		d.Entity = xml.HTMLEntity
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}
