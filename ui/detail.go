package ui

import (
	"fmt"
	"path"
	"strings"

	"thaw/kernel"
	"thaw/session"
)

// detailLines tells everything about the selected thread and the stop.
func (u *ui) detailLines(w int) []line {
	v, r := u.view, u.selectedThread()
	var out []line
	if v.Err != nil {
		out = append(out, u.th.paragraph("ended ", v.Err.Error(), w)...)
		out = append(out, line{})
	}
	switch {
	case v.Snapshot == nil:
		return append(out, u.beforeFirstStop(w)...)
	case r == nil:
		out = append(out, line{{"No thread is selected.", u.th.dim}})
	case r.verdict != nil:
		out = append(out, u.verdictLines(r, w)...)
	default:
		out = append(out, u.plainThread(r, w)...)
	}
	out = append(out, u.noteLines(v.Snapshot, w)...)
	if len(v.Watches) > 0 {
		out = append(append(out, u.th.section("watched", w)), u.watchLines(w)...)
	}
	out = append(out, u.backtrace(v.Snapshot, w)...)
	return append(out, u.problems(v.Snapshot, w)...)
}

func (u *ui) beforeFirstStop(w int) []line {
	if u.view.State == session.Ended {
		return u.th.paragraph("", "The guest was never stopped: there is nothing to show.", w)
	}
	text := "The guest has not stopped so far. Threads, capabilities and the four stages of each restored state appear here at its first stop."
	out := u.th.paragraph("", text, w)
	if u.view.State == session.Stopped {
		out = append(out, u.th.paragraph("", "Press n to run to the first phase.", w)...)
	}
	return out
}

// verdictLines is the account of one restored thread.
func (u *ui) verdictLines(r *threadRow, w int) []line {
	tv, t := r.verdict, u.th
	info := verdictOf(tv.Verdict)
	head := line{{" " + info.text() + " ", info.style(t)}, {" " + clean(tv.Name), t.bold}}
	if tv.Thread != 0 {
		head = append(head, span{" " + tv.Thread.String(), t.bold})
	} else {
		head = append(head, span{" (no thread object)", t.bold})
	}
	head = append(head, span{fmt.Sprintf(" of %s (%s)", clean(tv.TaskName), taskWord(tv.Task)), t.plain})
	if text := ", original " + tv.Original.String(); tv.Original != 0 && lineWidth(head)+len(text) <= w {
		head = append(head, span{text, t.plain})
	}
	out := append([]line{head}, t.stageBlock(tv, w)...)
	out = append(out, t.paragraph("why   ", tv.Cause, w)...)
	out = append(out, t.paragraph("try   ", tv.Advice, w)...)
	out = append(out, t.section("read from", w))
	out = append(out, t.sourceList(tv, w)...)
	if len(tv.Evidence) > 0 {
		out = append(out, t.section("evidence", w))
		for i, e := range tv.Evidence {
			out = append(out, t.paragraph(fmt.Sprintf("%3d. ", i+1), e, w)...)
		}
	}
	if tv.Rule != "" {
		out = append(out, t.paragraph("rule ", tv.Rule, w)...)
	}
	out = append(out, u.historyLines(tv, w)...)
	if r.obj != nil {
		out = append(out, t.section(fmt.Sprintf("at stop %d", u.view.Snapshot.Number), w))
		out = append(out, u.presentLines(r.obj, w)...)
	}
	out = append(out, t.section("registers, requested and entered", w))
	out = append(out, t.registerTable(tv, w)...)
	if r.obj != nil {
		out = append(out, u.threadRegisters(r.obj, w)...)
	}
	return out
}

func taskWord(id kernel.ID) string {
	if id == 0 {
		return "no task"
	}
	return "task " + id.String()
}

// plainThread is what is known about a thread that was not restored.
func (u *ui) plainThread(r *threadRow, w int) []line {
	t := u.th
	out := []line{{{" " + clean(r.name), t.bold}, {" " + r.key.id.String(), t.bold},
		{fmt.Sprintf(" of %s (%s)", clean(r.taskName), taskWord(r.task)), t.plain}}}
	if r.original != nil {
		out = append(out, t.paragraph("", fmt.Sprintf("It was checkpointed; its counterpart in the restored child is thread %s: %s.",
			r.original.Thread, verdictOf(r.original.Verdict).word), w)...)
	} else {
		out = append(out, t.paragraph("", "No state is restored into this thread.", w)...)
	}
	if r.obj.Problem != "" {
		out = append(out, t.paragraph("problem ", r.obj.Problem, w)...)
	}
	out = append(out, u.presentLines(r.obj, w)...)
	out = append(out, u.threadRegisters(r.obj, w)...)
	return out
}

func sourceWords(th *kernel.Thread) string {
	switch th.Source {
	case kernel.SourceFrame:
		return fmt.Sprintf("its entry frame, ip at %x", th.FrameIPAddr)
	case kernel.SourceContinuation:
		return fmt.Sprintf("_exc_cont, ip at %x: an exception is pending, the frame holds the kernel's %x", th.ContIPAddr, th.FrameIP)
	case kernel.SourceCPU:
		return "the processor: it runs in user mode"
	}
	return string(th.Source)
}

// objectWords names a kernel object.
func (u *ui) objectWords(id kernel.ID) string {
	sys := u.view.Snapshot.System
	o := sys.Object(id)
	if o == nil {
		return id.String()
	}
	s := id.String() + " " + o.Title()
	if o.Thread != nil {
		s += " of " + u.view.Snapshot.TaskName(o.Thread.Task)
	}
	return s
}

// paragraph wraps text behind a label; following rows are indented like it.
func (t *theme) paragraph(label, text string, w int) []line {
	if text == "" {
		return nil
	}
	var out []line
	n := width(label)
	for i, row := range wrap(clean(text), max(w-n-1, 8)) {
		if i == 0 {
			out = append(out, line{{label, t.bold}, {row, t.plain}})
		} else {
			out = append(out, line{{pad("", n), t.plain}, {row, t.plain}})
		}
	}
	return out
}

// section is a heading row.
func (t *theme) section(title string, w int) line {
	return line{{title, t.head}, {" " + strings.Repeat("─", max(w-width(title)-2, 0)), t.dim}}
}

// registerTable compares registers that were requested with those that the
// thread entered user mode with.
func (t *theme) registerTable(tv *session.ThreadVerdict, w int) []line {
	req, ent := tv.Requested.Registers, tv.Entered.Registers
	if len(req) == 0 && len(ent) == 0 {
		return []line{{{"Neither place holds any beside ip and sp.", t.dim}}}
	}
	var names []string
	for _, r := range req {
		names = append(names, r.Name)
	}
	for _, r := range ent {
		if _, ok := kernel.RegisterIn(req, r.Name); !ok {
			names = append(names, r.Name)
		}
	}
	word := func(regs []kernel.Register, name string) string {
		if v, ok := kernel.RegisterIn(regs, name); ok {
			return hex(v)
		}
		return "—"
	}
	var texts []string
	for _, n := range names {
		a, b := word(req, n), word(ent, n)
		mark := " "
		if a != b && a != "—" && b != "—" {
			mark = "≠"
		}
		texts = append(texts, fmt.Sprintf("%s %s → %s %s", pad(clip(clean(n), 7), 7), padLeft(a, 16), padLeft(b, 16), mark))
	}
	return t.grid(texts, w)
}

// grid puts texts of one width into as many columns as fit; those with a
// mark at the end stand out.
func (t *theme) grid(texts []string, w int) []line {
	if len(texts) == 0 {
		return nil
	}
	cell := width(t.draw(texts[0])) + 3
	per := max(w/cell, 1)
	rows := (len(texts) + per - 1) / per
	out := make([]line, rows)
	for i, text := range texts {
		style := t.plain
		if strings.HasSuffix(text, "≠") || strings.HasSuffix(text, changeMark) {
			style = t.bold
		}
		out[i%rows] = append(out[i%rows], span{pad(t.draw(text), cell), style})
	}
	return out
}

// backtrace lists the frames of the stop: they belong to what runs, not to the
// selected thread.
func (u *ui) backtrace(s *session.Snapshot, w int) []line {
	if len(s.Frames) == 0 {
		return nil
	}
	who := "the processor"
	if s.Thread != 0 && s.System != nil {
		who = clean(u.objectWords(s.Thread))
	}
	out := []line{u.th.section(clip(fmt.Sprintf("backtrace of stop %d, in %s", s.Number, who), w-4), w)}
	for i, f := range s.Frames {
		if f.Note != "" {
			out = append(out, u.th.paragraph("    ", f.Note, w)...)
			continue
		}
		text := codeWords(f.Place)
		if f.Inlined {
			text += " (inlined)"
		}
		out = append(out, u.th.paragraph(fmt.Sprintf("%3d ", i), text, w)...)
	}
	if len(s.CPU) > 0 {
		var before []kernel.Register
		if old := u.previous(); old != nil {
			before = old.CPU
		}
		out = append(out, u.th.section(fmt.Sprintf("registers of the processor at stop %d", s.Number)+u.sinceWords(before), w))
		out = append(out, u.th.registerGrid(s.CPU, before, w)...)
	}
	return out
}

// codeWords is a code address with its line in the source.
func codeWords(p session.Place) string {
	if p.File == "" {
		return p.String()
	}
	return fmt.Sprintf("%s  %s", p, lineWords(p))
}

// lineWords is a place's line in the source.
func lineWords(p session.Place) string {
	return fmt.Sprintf("%s:%d", clean(path.Base(p.File)), p.Line)
}

// problemLimit is the number of problems that are spelled out.
const problemLimit = 20

// unread counts what could not be read at a stop, once for each.
func (u *ui) unread(s *session.Snapshot) int {
	if u.unreadOf != s {
		u.unreadOf, u.unreadN = s, 0
		if s.System != nil {
			u.unreadN = len(s.System.AllProblems())
		}
	}
	return u.unreadN
}

// problems lists what could not be read at the stop.
func (u *ui) problems(s *session.Snapshot, w int) []line {
	if s.System == nil {
		return nil
	}
	all := s.System.AllProblems()
	if len(all) == 0 {
		return nil
	}
	out := []line{u.th.section(fmt.Sprintf("could not be read at this stop: %d", len(all)), w)}
	for _, p := range all[:min(len(all), problemLimit)] {
		out = append(out, u.th.paragraph("  ! ", p, w)...)
	}
	if more := len(all) - problemLimit; more > 0 {
		out = append(out, line{{fmt.Sprintf("    and %d more", more), u.th.dim}})
	}
	return out
}
