package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"thaw/session/view"
)

// Bounds of what a bug report can take: GitHub refuses one of more than 65,536
// characters.
const (
	mdLogLines  = 40
	mdLogWidth  = 300 // characters of a line
	mdCapRows   = 60
	mdEvidence  = 40
	mdTextWidth = 2000 // of a note
)

// Markdown prints a story for a bug report: it renders on GitHub and reads as
// it is on a mailing list.
func Markdown(w io.Writer, s *Story) error {
	m := &markdown{w: w}
	m.head(s)
	for _, t := range s.verdicts() {
		m.thread(t)
	}
	m.caps(s.view().Caps)
	m.memory(s.view())
	m.phases(s)
	m.origins(s.view().Questions)
	m.notes(s)
	m.log(s.view().Log)
	m.line("---")
	m.line("")
	m.line("%s", prose(madeBy(s)))
	return m.err
}

// madeBy tells what the report was made from.
func madeBy(s *Story) string {
	v := s.view()
	made := s.Made
	if made == "" {
		made = v.Target
	}
	if made == "" {
		made = "a session"
	}
	out := fmt.Sprintf("Report by thaw. Made from %s: %s", clean(made), count(len(s.Stops), "stop"))
	if v.Scenario != "" {
		out += ", scenario " + clean(v.Scenario)
	}
	return out + "."
}

// markdown keeps the first write error.
type markdown struct {
	w   io.Writer
	err error
}

func (m *markdown) line(format string, args ...any) {
	if m.err == nil {
		_, m.err = fmt.Fprintf(m.w, format+"\n", args...)
	}
}

// block prints lines with an empty one behind.
func (m *markdown) block(lines []string) {
	for _, l := range lines {
		m.line("%s", l)
	}
	m.line("")
}

func (m *markdown) head(s *Story) {
	title := s.Title
	if title == "" {
		title = strings.TrimSpace("Restore report " + s.view().Scenario)
	}
	m.line("## %s", prose(title))
	m.line("")
	m.line("**%s** %s", prose(s.Summary()), prose(s.progress()))
	m.line("")
	if f := s.failure(); f != "" {
		m.line("%s", prose(f))
		m.line("")
	}
	if s.Text != "" {
		m.line("%s", prose(s.Text))
		m.line("")
	}
	if s.Source != "" {
		m.line("Reported in: %s", prose(s.Source))
		m.line("")
	}
}

func (m *markdown) thread(t *view.ThreadVerdict) {
	m.line("### %s %s: %s", t.Verdict.Glyph(), prose(string(t.Verdict)), code(threadName(t)))
	m.line("")
	where := lostBetween(t)
	if where != "" {
		where = ", **" + where + "**"
	}
	m.line("%s%s.", prose(upperFirst(identity(t))), where)
	m.line("")
	m.block(stageTable(t))
	if t.Cause != "" {
		m.line("**Cause:** %s", prose(t.Cause))
		m.line("")
	}
	if t.Advice != "" {
		m.line("**Try:** %s", prose(t.Advice))
		m.line("")
	}
	if len(t.Evidence) > 0 {
		m.line("**Evidence:**")
		m.line("")
		for i, e := range t.Evidence[:min(len(t.Evidence), mdEvidence)] {
			m.line("%d. %s", i+1, prose(e))
		}
		m.more(len(t.Evidence) - mdEvidence)
		m.line("")
	}
}

// more tells what was left out.
func (m *markdown) more(n int) {
	if n > 0 {
		m.line("")
		m.line("… and %d more.", n)
	}
}

// stageTable has a row for each stage, and between two of them what became of
// the value.
func stageTable(t *view.ThreadVerdict) []string {
	rows, gaps := valueRows(t), t.Gaps()
	head := []string{"stage", "way"}
	for _, r := range rows {
		head = append(head, prose(r.Name))
	}
	var tab mdTable
	tab.add(append(head, "in", "stop", "read from")...)
	for i, st := range t.Stages() {
		row := []string{view.StageNames[i], ""}
		if i > 0 {
			row[1] = arrows[gaps[i-1]]
			if gaps[i-1] == view.GapLost {
				row[1] = "✗ " + t.Loss()
			}
		}
		for _, r := range rows {
			row = append(row, mdValue(r.Values[i]))
		}
		if st.Known {
			row = append(row, code(place(st.Place)), stopNumber(st.Stop), prose(st.Source))
		} else {
			row = append(row, "—", "—", prose(unknownStage(st)))
		}
		tab.add(row...)
	}
	return tab.lines()
}

func mdValue(v stageValue) string {
	switch {
	case v.Text == "":
		return "—"
	case v.Differs:
		return code(v.Text) + " ≠"
	}
	return code(v.Text)
}

// arrows tell how a value came from the stage before.
var arrows = map[view.Gap]string{
	view.GapReached: "▼ arrived", view.GapEqual: "≈ equal", view.GapOther: "┆ other value", view.GapPending: "… pending", view.GapUnknown: "? not known",
}

func stopNumber(n int) string {
	if n == 0 {
		return "—"
	}
	return fmt.Sprint(n)
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func (m *markdown) caps(d *view.CapDiff) {
	m.line("### Capabilities")
	m.line("")
	if d == nil {
		m.line("%s", noCaps)
		m.line("")
		return
	}
	m.line("%s: %d the same, %s.", capTables(d), d.Same, d.Tally())
	m.line("")
	var tab mdTable
	tab.add("", "slot", "type", "object", "rights", "label", "receiver", "what is known")
	for _, r := range capRows(d) {
		tab.add(r.Change, r.Slot, prose(r.Type), r.Object, prose(r.Rights), r.Label, code(r.Receiver), prose(r.What))
	}
	if len(tab.rows) > 1 {
		all := len(tab.rows) - 1
		tab.rows = tab.rows[:min(len(tab.rows), mdCapRows+1)]
		m.block(tab.lines())
		if all > mdCapRows {
			m.line("… and %d more.", all-mdCapRows)
			m.line("")
		}
	}
}

// capRow is a row of a capability diff.
type capRow struct {
	Change   string // "moved", "missing", …
	Glyph    string
	Slot     string
	Type     string
	Object   string
	Rights   string
	Label    string
	Receiver string
	What     string // for a change, or how it was found
}

// capRows lists the slots that differ. Of one that changed or moved each cell that
// differs holds both values.
func capRows(d *view.CapDiff) []capRow {
	var out []capRow
	one := func(change, glyph string, c view.SlotCap) capRow {
		r := capRow{Change: change, Glyph: glyph, Slot: hex(c.Slot), Type: clean(c.Type), Object: c.Object.String(), Rights: clean(c.Rights), Receiver: clean(c.Whole())}
		if c.Receiver != "" {
			r.Label = hex(c.Label)
		}
		return r
	}
	for _, r := range d.Rows() {
		if r.Before == nil || r.After == nil {
			row := one(r.Word, r.Glyph, *cmp.Or(r.Before, r.After))
			row.What = r.Note
			out = append(out, row)
			continue
		}
		a, b := one(r.Word, r.Glyph, *r.Before), one(r.Word, r.Glyph, *r.After)
		for _, x := range []struct{ was, is *string }{{&a.Slot, &b.Slot}, {&a.Type, &b.Type}, {&a.Object, &b.Object}, {&a.Rights, &b.Rights}, {&a.Label, &b.Label}, {&a.Receiver, &b.Receiver}} {
			if *x.was != *x.is {
				*x.was = orNone(*x.was) + " → " + orNone(*x.is)
			}
		}
		a.What = clean(cmp.Or(strings.Join(r.What, ", "), r.Note))
		out = append(out, a)
	}
	return out
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (m *markdown) phases(s *Story) {
	phases := s.view().Phases
	if len(phases) == 0 {
		return
	}
	m.line("### Phases")
	m.line("")
	var tab mdTable
	tab.add("phase", "state", "hits", "first stop", "at")
	for _, p := range phases {
		at := "—"
		if st, ok := s.stop(p.Stop); ok {
			at = seconds(st.Time)
		}
		name := strings.Repeat("▸ ", indent(p.Depth)) + prose(p.Name)
		tab.add(name, phaseState(p.State), fmt.Sprintf("%d×", p.Hits), stopNumber(p.Stop), at)
	}
	m.block(tab.lines())
}

func (m *markdown) notes(s *Story) {
	if len(s.Notes) == 0 {
		return
	}
	m.line("### Notes")
	m.line("")
	for _, n := range s.Notes {
		text := prose(clip(n.Text, mdTextWidth))
		if text == "" {
			text = "(bookmark)"
		}
		m.line("- stop %d: %s", n.Stop, text)
	}
	m.line("")
}

// origins tells who wrote memory, as it was asked for.
func (m *markdown) origins(all []view.Question) {
	for _, q := range all[max(len(all)-mdQuestions, 0):] {
		m.line("### Origin of %s", prose(q.Word))
		m.line("")
		m.line("Asked at stop %d.", q.Stop)
		m.line("")
		if q.Why != "" {
			m.line("%s", prose(q.Why))
			m.line("")
		}
		var tab mdTable
		tab.add("", "what", "value", "before", "by", "line", "thread", "after stop", "how it came there")
		for _, r := range originRows(q.Steps) {
			tab.add(r.Sure, prose(r.Word), code(r.New), code(r.Old), code(r.By), prose(r.Line), prose(r.Thread), prose(r.After), prose(r.Text))
		}
		if len(q.Steps) > 0 {
			m.block(tab.lines())
		}
	}
}

func (m *markdown) log(lines []string) {
	if len(lines) == 0 {
		return
	}
	m.line("### LOG")
	m.line("")
	last, before := tail(lines, mdLogLines)
	if before > 0 {
		m.line("The last %d of %d lines:", len(last), len(lines))
		m.line("")
	}
	m.block(fenced(last, mdLogWidth))
}
