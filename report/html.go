package report

import (
	_ "embed" // the page's template and style
	"fmt"
	"html/template"
	"io"
	"strings"

	"thaw/session/view"
)

// htmlLogLines is the part of the LOG that stands open in the page; the lines
// before it, up to htmlLogMost, unfold.
const (
	htmlLogLines = 40
	htmlLogMost  = 5000
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// HTML prints a story as one page that needs nothing else: no script, no image,
// no font, and a policy in it that allows none. It follows the reader's light
// or dark setting and prints.
func HTML(w io.Writer, s *Story) error {
	if err := pageTemplate.Execute(w, newPage(s)); err != nil {
		return fmt.Errorf("writing the HTML report: %w", err)
	}
	return nil
}

// page is what the template shows. Its strings are plain text, clean but not
// escaped: the template does that.
type page struct {
	Style template.CSS
	pageHead
	Threads     []pageThread
	Notes       []pageNote
	Origins     []pageOrigin
	Time        *timeLine
	Caps        *pageCaps
	NoCaps      string
	Memory      *pageMemory
	Waits       []string
	Log         *pageLog         // nil: without lines
	Breakpoints *pageBreakpoints // nil: none
	Stops       []pageStop
	Made        string
}

// pageHead is what all threads come to.
type pageHead struct {
	Title, Text, Source string
	Subject             string
	Summary, Progress   string
	Failure             string
	Tone                string
	Tallies             []tally
}

type pageLog struct {
	Lines, Cut    int // in all, and before the earlier ones
	Last, Earlier []string
}

type pageBreakpoints struct {
	Rows []pageBreakpoint
	Sum  string
}

// pageOrigin is memory that was asked about.
type pageOrigin struct {
	Word, Why string
	Stop      int
	Steps     []originRow
}

type pageThread struct {
	Name, Identity, Word, Glyph, Tone string
	Lost                              string
	Stages                            []pageStage
	Cause, Advice, Rule               string
	Evidence                          []string
}

// pageStage is a stage with the gap behind it.
type pageStage struct {
	Name    string
	Known   bool
	Missing string
	Values  []stageValue
	Place   []string // in pieces between which a line may break
	Full    string   // the same with parameters and source line
	Stop    string
	Time    string
	Source  []string
	Gap     view.Gap // "" behind the last
	GapText string
}

type pageNote struct {
	Stop       int
	Time, Text string
}

type pageCaps struct {
	Text   string
	Counts []pageCount
	Rows   []capRow
}

type pageCount struct {
	Count             int
	Glyph, Word, Tone string
}

type pageBreakpoint struct {
	Component, Function, Purpose string
	Addrs                        string
	Hits                         int
	Elsewhere                    string
}

type pageStop struct {
	Number                    int
	Time, Reason, Phase, PC   string
	Duration, Bytes, Requests string
}

// gapTexts stand on the arrow between two stages. They say what its line says.
var gapTexts = map[view.Gap]string{
	view.GapReached: "", view.GapEqual: "≈", view.GapOther: "other value", view.GapPending: "…", view.GapUnknown: "?",
}

func newPage(s *Story) *page {
	v := s.view()
	p := &page{Style: template.CSS(pageCSS), pageHead: newPageHead(s), Time: newTimeLine(s), Caps: pageCapsOf(v.Caps), NoCaps: noCaps, Memory: pageMemoryOf(v.Memory),
		Log: pageLogOf(v.Log), Breakpoints: pageBreakpointsOf(v.Breakpoints), Made: madeBy(s)}
	for _, t := range s.verdicts() {
		p.Threads = append(p.Threads, pageThreadOf(t))
	}
	for _, n := range s.Notes {
		note := pageNote{Stop: n.Stop, Text: oneLine(n.Text)}
		if st, ok := s.stop(n.Stop); ok {
			note.Time = seconds(st.Time)
		}
		p.Notes = append(p.Notes, note)
	}
	for _, q := range v.Questions {
		p.Origins = append(p.Origins, pageOrigin{clean(q.Word), oneLine(q.Why), q.Stop, originRows(q.Steps)})
	}
	for _, w := range v.Waits {
		p.Waits = append(p.Waits, clean(w.String()))
	}
	for _, st := range s.Stops {
		p.Stops = append(p.Stops, pageStop{st.Number, seconds(st.Time), clean(st.Reason), clean(st.Phase), place(st.PC),
			took(st.Cost.Duration), fmt.Sprintf("%d KiB", (st.Cost.Bytes+1023)/1024), count(st.Cost.Batches, "batch")})
	}
	return p
}

func newPageHead(s *Story) pageHead {
	v := s.view()
	h := pageHead{Title: clean(s.Title), Text: oneLine(s.Text), Source: oneLine(s.Source), Subject: clean(v.Subject()),
		Summary: s.Summary(), Progress: s.progress(), Failure: s.failure(), Tone: "warn", Tallies: s.tallies()}
	if len(h.Tallies) > 0 {
		h.Tone = h.Tallies[0].Tone
	}
	for _, more := range []tally{
		{Word: "capabilities differ", Count: capsDiffer(v.Caps)},
		{Word: "pages of memory differ", Count: pagesDiffer(v.Memory)},
		{Word: "threads wait for something else", Count: len(v.Waits)},
	} {
		if more.Count == 0 {
			continue
		}
		more.Glyph, more.Tone = "≠", "warn"
		h.Tallies = append(h.Tallies, more)
		if h.Tone == "good" {
			h.Tone = "warn"
		}
	}
	return h
}

func pageThreadOf(t *view.ThreadVerdict) pageThread {
	out := pageThread{Name: threadName(t), Identity: identity(t), Word: clean(string(t.Verdict)), Glyph: t.Verdict.Glyph(), Tone: verdictTone(t.Verdict),
		Lost: lostBetween(t), Cause: clean(t.Cause), Advice: clean(t.Advice), Rule: clean(t.Rule)}
	for _, e := range t.Evidence {
		out.Evidence = append(out.Evidence, clean(e))
	}
	gaps, rows := t.Gaps(), valueRows(t)
	for i, st := range t.Stages() {
		ps := pageStage{Name: view.StageNames[i], Known: st.Known, Missing: clean(st.Missing), Stop: stopNumber(st.Stop), Source: breaks(clean(st.Source))}
		if i < len(gaps) {
			ps.Gap, ps.GapText = gaps[i], gapTexts[gaps[i]]
			if ps.Gap == view.GapLost {
				ps.GapText = "✗ " + t.Loss()
			}
		}
		if st.Known {
			ps.Place, ps.Full, ps.Time = breaks(place(st.Place)), fullPlace(st.Place), seconds(st.Time)
			for _, r := range rows {
				if r.Values[i].Text != "" {
					ps.Values = append(ps.Values, r.Values[i])
				}
			}
		}
		out.Stages = append(out.Stages, ps)
	}
	return out
}

// fullPlace is all that is known of a code address.
func fullPlace(p view.Place) string {
	out := p.String()
	if p.File != "" {
		out += fmt.Sprintf(", %s:%d", p.File, p.Line)
	}
	return clean(out)
}

func pageCapsOf(d *view.CapDiff) *pageCaps {
	if d == nil {
		return nil
	}
	c := &pageCaps{Text: capTables(d) + ".", Rows: capRows(d), Counts: []pageCount{{d.Same, "=", "same", "good"}}}
	for _, n := range d.Counts() {
		c.Counts = append(c.Counts, pageCount{n.N, n.Glyph, n.Word, toneOf(n.N)})
	}
	return c
}

func toneOf(differences int) string {
	if differences == 0 {
		return "none"
	}
	return "bad"
}

func pageLogOf(lines []string) *pageLog {
	if len(lines) == 0 {
		return nil
	}
	last, before := tail(lines, htmlLogLines)
	earlier, cut := tail(lines[:before], htmlLogMost)
	return &pageLog{Lines: len(lines), Cut: cut, Last: cleanAll(last), Earlier: cleanAll(earlier)}
}

func cleanAll(lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = clean(l)
	}
	return out
}

func pageBreakpointsOf(infos []view.BreakpointInfo) *pageBreakpoints {
	if len(infos) == 0 {
		return nil
	}
	sum := view.SumBreakpoints(infos)
	out := &pageBreakpoints{Sum: fmt.Sprintf("%s, %s, %s more in other address spaces", count(len(infos), "breakpoint"), count(sum.Hits, "hit"), sum.Elsewhere())}
	for _, b := range infos {
		addrs := make([]string, len(b.Addrs))
		for i, a := range b.Addrs {
			addrs[i] = hex(a)
		}
		out.Rows = append(out.Rows, pageBreakpoint{Component: clean(b.Component), Function: clean(view.Place{Function: b.Function}.FunctionName()), Purpose: clean(b.Purpose),
			Addrs: strings.Join(addrs, " "), Hits: b.Hits, Elsewhere: b.Elsewhere()})
	}
	return out
}
