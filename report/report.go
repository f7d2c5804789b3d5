// Package report prints what a session found out: as text for a terminal, as
// JSON for scripts, as Markdown for a bug report, as one HTML page, as JUnit XML
// for a test server; and it compares two stops.
//
// It knows the immutable models of session and kernel. It must not touch a
// target, and it decides nothing: verdicts come from session.
package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"thaw/kernel"
	"thaw/printable"
	"thaw/session/view"
)

// hex prints an address as Genode's tools do in logs, without a prefix.
func hex(v uint64) string { return fmt.Sprintf("%x", v) }

// Check prints the phases, the verdict of every thread with its four stages,
// and the capability diff.
func Check(w io.Writer, v *view.View) error {
	p := &printer{w: w}
	of := ""
	if v.Restore > 1 {
		of = fmt.Sprintf(", restore %d", v.Restore)
	}
	p.line("scenario %s on %s%s", v.Scenario, v.Target, of)
	for i := range v.Mismatches {
		p.line("")
		p.line("%s", &v.Mismatches[i])
	}
	if v.Late != "" {
		p.line("")
		p.line("%s", v.Late)
	}
	p.line("")
	p.phases(v.Phases)
	for i := range v.Verdicts {
		p.line("")
		p.verdict(&v.Verdicts[i])
	}
	p.line("")
	p.caps(v.Caps)
	p.memory(v.Memory)
	for _, w := range v.Waits {
		p.line("wait: %s", clean(w.String()))
	}
	for _, q := range v.Questions {
		p.origin(&q)
	}
	return p.err
}

// printer prints lines and keeps the first write error.
type printer struct {
	w   io.Writer
	err error
}

// line prints one line. Names come from the guest's memory, and the line goes
// to a terminal: nothing in it may steer that.
func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, clean(fmt.Sprintf(format, args...)))
	}
}

// origin prints who wrote a piece of memory, the last write first.
func (p *printer) origin(q *view.Question) {
	p.line("")
	p.line("origin of %s, asked at stop %d", q.Word, q.Stop)
	if q.Why != "" {
		p.line("  %s", q.Why)
	}
	for _, r := range originRows(q.Steps) {
		by := r.By
		if by != "" {
			by += " "
		}
		if r.Line != "" {
			by += "(" + r.Line + ") "
		}
		p.line("  %s %s = %s %s%s", r.Sure, r.Word, r.New, by, r.Text)
	}
}

func (p *printer) phases(phases []view.Phase) {
	p.line("phases")
	for _, ph := range phases {
		p.line("  %-40s %-8s %d×", strings.Repeat("  ", ph.Depth)+ph.Name, ph.State, ph.Hits)
	}
}

func (p *printer) verdict(t *view.ThreadVerdict) {
	original := ""
	if t.Original != 0 {
		original = ", checkpointed as " + t.Original.String()
	}
	p.line("%s %-14s %s (thread %s of %s%s)", t.Verdict.Glyph(), strings.ToUpper(string(t.Verdict)), t.Name, t.Thread, t.TaskName, original)
	p.line("  %s", t.Cause)
	for _, s := range []struct {
		name  string
		stage view.Stage
	}{{"checkpointed", t.Checkpointed}, {"requested", t.Requested}, {"kernel", t.Kernel}, {"entered", t.Entered}} {
		if !s.stage.Known {
			p.line("  %-13s -                     %s", s.name, s.stage.Missing)
			continue
		}
		p.line("  %-13s %-21s %s (%s)", s.name, hex(s.stage.IP)+"/"+hex(s.stage.SP), s.stage.Place, s.stage.Source)
	}
	for _, e := range t.Evidence {
		p.line("    · %s", e)
	}
	if t.Advice != "" {
		p.line("  try: %s", t.Advice)
	}
	p.history(t.History)
}

// history prints what happened to a thread's state, with the time since the
// session began and backtraces of writes.
func (p *printer) history(history []view.Happening) {
	if len(history) == 0 {
		return
	}
	p.line("  history")
	for _, h := range history {
		p.line("    %9.6f s  stop %d  %s", h.Time.Seconds(), h.Stop, clean(h.Text))
		for i, f := range h.Frames {
			if f.Note != "" {
				p.line("                #%-2d %s", i, f.Note)
				continue
			}
			p.line("                #%-2d %s", i, clean(f.Place.Bare().String()))
		}
	}
}

// wordWidth is as wide as most words of a capability's row.
const wordWidth = 7

func (p *printer) caps(d *view.CapDiff) {
	if d == nil {
		p.line("capabilities: not compared, one of the two tasks was not seen")
		return
	}
	p.line("capabilities of task %s at stop %d against task %s at stop %d: %d the same, %s",
		d.Original, d.Checkpoint, d.Restored, d.After, d.Same, d.Tally())
	for _, r := range d.Rows() {
		text := ""
		switch {
		case r.Before == nil:
			text = r.After.String()
		case r.After == nil:
			text = r.Before.String()
		case r.Word == view.CapMoved:
			text = fmt.Sprintf("%x → %x: %s, was %s", r.Before.Slot, r.After.Slot, r.After, r.Before)
		default:
			text = fmt.Sprintf("%s, was %s", r.After, r.Before)
		}
		if note := cmp.Or(strings.Join(r.What, ", "), r.Note); note != "" {
			text += " (" + note + ")"
		}
		p.line("  %-*s %s", wordWidth, r.Word, text)
	}
}

// JSON prints a value indented, with no character that a terminal obeys.
func JSON(w io.Writer, v any) error { return writeJSON(w, v, "  ") }

// JSONLine is JSON on a line of its own, for one of many.
func JSONLine(w io.Writer, v any) error { return writeJSON(w, v, "") }

func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err == nil {
		_, err = w.Write(printable.JSON(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// userHex is a user register of a thread; one that never was in user mode has none.
func userHex(t *kernel.Thread, v uint64) string {
	if t.Source == kernel.SourceNone {
		return "none"
	}
	return hex(v)
}

// tablesAt is where page tables are, if there are any.
func tablesAt(root uint64) string {
	if root == 0 {
		return "none"
	}
	return hex(root)
}

// countOf counts capabilities; where not all could be read, nobody knows how many
// there are.
func countOf(pd *kernel.PD) string {
	if pd.Problem != "" {
		return fmt.Sprintf("%d+?", len(pd.Caps))
	}
	return fmt.Sprint(len(pd.Caps))
}

// Snapshot prints all threads and tasks of a stop the way the kernel debugger
// lists them: ids in hex, states by name, the wait partner with * for an IRQ.
func Snapshot(w io.Writer, s *view.Snapshot, caps bool) error {
	p := &printer{w: w}
	sys := s.System
	p.line("%s, %s, %s, %s; processor at %s", count(len(sys.Objects), "object"), count(len(sys.Threads()), "thread"), count(len(sys.PDs()), "task"), count(sys.Capabilities(), "capability"), s.PC)
	p.line("")
	p.line("%5s %-16s %-20s %6s %-9s %16s %16s %s", "id", "name", "task", "wait", "from", "ip", "sp", "state")
	for _, o := range sys.Threads() {
		t := o.Thread
		p.line("%5s %-16s %-20s %6s %-9s %16s %16s %s", o.ID, o.Title(), fmt.Sprintf("%s %s", t.PD, s.Tasks[t.PD]), sys.Wait(t), t.Source, userHex(t, t.IP), userHex(t, t.SP), t.StateString())
		if pl := s.Places[o.ID]; pl.Function != "" {
			p.line("%49s at %s", "", pl)
		}
	}
	p.line("")
	p.line("%5s %-20s %16s %6s", "id", "task", "page tables", "caps")
	for _, o := range sys.PDs() {
		p.line("%5s %-20s %16s %6s", o.ID, s.TaskName(o.ID), tablesAt(o.PD.Root), countOf(o.PD))
	}
	if caps {
		for _, o := range sys.PDs() {
			p.objectSpace(sys, s, o)
		}
	}
	for _, problem := range sys.AllProblems() {
		p.line("problem: %s", problem)
	}
	return p.err
}
