package ui

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session/view"
)

// detailPane is the pane that tells all about the selected thread and the stop.
type detailPane struct {
	*desk
	written
	threads *threadsPane
	shown   threadKey // thread that it is about
}

func newDetailPane(d *desk, threads *threadsPane) *detailPane {
	p := &detailPane{desk: d, threads: threads}
	p.body = newTextPane(d.th, false, p.lines)
	return p
}

func (p *detailPane) follow(*view.View) { p.body.mark() }

// selected has the pane tell about the thread that is selected now, from the top if
// that is another one.
func (p *detailPane) selected() {
	p.body.mark()
	if r := p.threads.selected(); r != nil && r.key != p.shown {
		p.shown = r.key
		p.body.toTop()
	}
}

func (p *detailPane) title() []string {
	if s := p.body.search.words(); s != "" {
		return []string{clean(s)}
	}
	if t := p.threads.selected(); t != nil {
		return []string{clip(clean(t.name), 20) + " " + t.key.id.String()}
	}
	return nil
}

func (p *detailPane) hints() []hint { return keyHints("/", ";", "y") }

// lines tells everything about the selected thread and the stop.
func (p *detailPane) lines(w int) []line {
	v, r := p.view, p.threads.selected()
	var out []line
	if v.Err != nil {
		out = append(out, p.th.paragraph("ended ", v.Err.Error(), w)...)
		out = append(out, line{})
	}
	for i := range v.Mismatches {
		out = append(out, p.th.paragraph("wrong file ", v.Mismatches[i].String(), w)...)
		out = append(out, line{})
	}
	switch {
	case v.Snapshot == nil:
		return append(out, p.beforeFirstStop(w)...)
	case r == nil:
		out = append(out, line{{"No thread is selected.", p.th.dim}})
	case r.verdict != nil:
		out = append(out, p.verdictLines(r, w)...)
	default:
		out = append(out, p.plainThread(r, w)...)
	}
	out = append(out, p.noteLines(v.Snapshot, w)...)
	if len(v.Watches) > 0 {
		out = append(append(out, p.th.section("watched", w)), p.watchLines(w)...)
	}
	out = append(out, p.backtrace(v.Snapshot, w)...)
	return append(out, p.problems(v.Snapshot, w)...)
}

func (p *detailPane) beforeFirstStop(w int) []line {
	if p.view.State == view.Ended {
		return p.th.paragraph("", "The guest was never stopped: there is nothing to show.", w)
	}
	text := "The guest has not stopped so far. Threads, capabilities and the four stages of each restored state appear here at its first stop."
	out := p.th.paragraph("", text, w)
	switch {
	case p.view.State != view.Stopped:
	case len(p.view.Phases) == 0:
		out = append(out, p.th.paragraph("", ":break sets a breakpoint, c lets the guest run.", w)...)
	default:
		out = append(out, p.th.paragraph("", "Press n to run to the first phase.", w)...)
	}
	return out
}

// verdictLines is the account of one restored thread.
func (p *detailPane) verdictLines(r *threadRow, w int) []line {
	tv, t := r.verdict, p.th
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
	stages := t.stageBlock(tv, w)
	if t.roomy && p.body.rows >= roomyDetail {
		stages = slices.Concat(stages[:1], spaced(stages[1:]), []line{{}})
	}
	out := append([]line{head}, stages...)
	out = append(out, t.paragraph("why   ", tv.Cause, w)...)
	out = append(out, t.paragraph("try   ", tv.Advice, w)...)
	if r.obj != nil && p.view.Snapshot.System != nil {
		out = append(out, t.paragraph("waits ", waitWords(p.view.Snapshot, r.obj.Thread), w)...)
	}
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
	out = append(out, p.historyLines(tv, w)...)
	if r.obj != nil {
		out = append(out, t.section(fmt.Sprintf("at stop %d", p.view.Snapshot.Number), w))
		out = append(out, p.presentLines(r.obj, w)...)
	}
	out = append(out, t.section("registers, requested and entered", w))
	out = append(out, t.registerTable(tv, w)...)
	if r.obj != nil {
		out = append(out, p.threadRegisters(r.obj, w)...)
	}
	return out
}

// roomyDetail is the height from which the stages have air between their rows.
const roomyDetail = 20

// plainThread is what is known about a thread that was not restored.
func (p *detailPane) plainThread(r *threadRow, w int) []line {
	t := p.th
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
	out = append(out, p.presentLines(r.obj, w)...)
	out = append(out, p.threadRegisters(r.obj, w)...)
	return out
}

// backtrace lists the frames of the stop: they belong to what runs, not to the
// selected thread.
func (p *detailPane) backtrace(s *view.Snapshot, w int) []line {
	if len(s.Frames) == 0 {
		return nil
	}
	who := "the processor"
	if s.Thread != 0 && s.System != nil {
		who = clean(objectWords(s, s.Thread))
	}
	out := []line{p.th.section(clip(fmt.Sprintf("backtrace of stop %d, in %s", s.Number, who), w-4), w)}
	for i, f := range s.Frames {
		if f.Note != "" {
			out = append(out, p.th.paragraph("    ", f.Note, w)...)
			continue
		}
		text := codeWords(f.Place)
		if f.Inlined {
			text += " (inlined)"
		}
		out = append(out, p.th.paragraph(fmt.Sprintf("%3d ", i), text, w)...)
	}
	if len(s.CPU) > 0 {
		var before []kernel.Register
		if old := p.previous(); old != nil {
			before = old.CPU
		}
		out = append(out, p.th.section(fmt.Sprintf("registers of the processor at stop %d", s.Number)+p.sinceWords(before), w))
		out = append(out, p.th.registerGrid(s.CPU, before, w)...)
	}
	return out
}

// problemLimit is the number of problems that are spelled out.
const problemLimit = 20

// problems lists what could not be read at the stop.
func (p *detailPane) problems(s *view.Snapshot, w int) []line {
	if s.System == nil {
		return nil
	}
	all := s.System.AllProblems()
	if len(all) == 0 {
		return nil
	}
	out := []line{p.th.section(fmt.Sprintf("could not be read at this stop: %d", len(all)), w)}
	for _, text := range all[:min(len(all), problemLimit)] {
		out = append(out, p.th.paragraph("  ! ", text, w)...)
	}
	if more := len(all) - problemLimit; more > 0 {
		out = append(out, line{{fmt.Sprintf("    and %d more", more), p.th.dim}})
	}
	return out
}

// noteLines are the notes on a stop for the detail pane.
func (p *detailPane) noteLines(s *view.Snapshot, w int) []line {
	notes := p.notesOn(s.Number)
	if len(notes) == 0 {
		return nil
	}
	out := []line{p.th.section(fmt.Sprintf("notes on stop %d", s.Number), w)}
	for _, n := range notes {
		if n == "" {
			n = "bookmark"
		}
		out = append(out, p.th.paragraph(noteMark+" ", n, w)...)
	}
	return out
}

// historyLines tell what happened to a thread's state, in order, with backtraces
// of those who wrote it.
func (p *detailPane) historyLines(tv *view.ThreadVerdict, w int) []line {
	if len(tv.History) == 0 {
		return nil
	}
	t := p.th
	out := []line{t.section("history", w)}
	for _, h := range tv.History {
		out = append(out, t.paragraph(fmt.Sprintf("%8.3fs stop %-3d ", h.Time.Seconds(), h.Stop), clean(h.Text), w)...)
		for i, f := range h.Frames {
			text := clean(f.Note)
			if text == "" {
				text = clean(f.Place.Bare().String())
			}
			out = append(out, t.paragraph(fmt.Sprintf("              #%-2d ", i), text, w)...)
		}
	}
	return out
}

// watchLines are the watch expressions, for the detail pane.
func (p *detailPane) watchLines(w int) []line {
	var out []line
	for _, x := range p.view.Watches {
		value := clean(x.Value)
		if x.Err != "" {
			value = "? " + clean(x.Err)
		}
		out = append(out, p.th.paragraph(clean(x.Component+": "+x.Expr)+" = ", value, w)...)
	}
	return out
}
