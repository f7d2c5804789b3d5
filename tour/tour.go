// Package tour tells the story of a recorded session in steps, for people who
// see it for the first time: what is looked at, where on the screen, and what
// it means.
//
// It knows a session's views. It decides nothing: verdicts and causes come from
// session, and a step about something that was not seen is left out.
package tour

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/session/view"
	"thaw/words"
)

// Step is one step of a tour.
type Step struct {
	Stop   int    // number of the stop to show
	Focus  string // what gets the keys, as ui.TourStep names it
	Thread string // name of the restored thread that is meant, "" for none
	Title  string
	Text   string // paragraphs, separated by empty lines
	Notes  string // for who presents it: what to say, ask and point at
}

// Walk is what a tour is made from.
type Walk struct {
	Title, Story, Source string
	Seen                 string           // what the user saw, "": the story begins with its end
	Symptom              string           // what the LOG says once the bug shows, "" nothing
	Stops                []*view.Snapshot // all, in order
	Last                 *view.View       // of the last stop
}

// Of makes the tour of a session.
func Of(w Walk) []Step {
	t := &teller{Walk: w}
	if len(w.Stops) == 0 || w.Last == nil {
		return nil
	}
	t.opening()
	t.checkpoint()
	if v := t.chosen(); v != nil {
		t.thread(v)
	}
	t.others()
	t.capabilities()
	t.memory()
	t.waits()
	t.log()
	t.closing()
	return t.steps
}

// teller is a tour in the making.
type teller struct {
	Walk
	steps []Step
}

func (t *teller) step(stop int, focus, thread, title string, paragraphs ...string) {
	stop = min(max(stop, 1), len(t.Stops))
	text := slices.DeleteFunc(paragraphs, func(p string) bool { return p == "" })
	t.steps = append(t.steps, Step{Stop: stop, Focus: focus, Thread: thread, Title: title, Text: strings.Join(text, "\n\n")})
}

// notes are for the step that was told last.
func (t *teller) notes(paragraphs ...string) {
	t.steps[len(t.steps)-1].Notes = strings.Join(paragraphs, "\n\n")
}

// before has the presenter do something before the step that comes next is shown: what
// is asked there must not stand on the screen already.
func (t *teller) before(text string) {
	last := &t.steps[len(t.steps)-1]
	last.Notes = strings.TrimPrefix(last.Notes+"\n\nBefore you go on: "+text, "\n\n")
}

// opening tells the story and how the screen is read.
func (t *teller) opening() {
	source := ""
	if t.Source != "" {
		source = "Source: " + t.Source + "."
	}
	t.step(1, "phases", "", "What happened", cmp.Or(quoted(t.Seen), oneLine(t.Story)), source)
	t.notes("Read only what the user saw, not the cause. Ask: where would you look first?",
		"Most say printf. No call failed, so nothing would have been printed: that is why this takes a debugger that reads the kernel.")
	t.step(1, "phases", "", "The screen", "On the left are the phases of the checkpoint and of the restore: each is a function of the restorer, and thaw stands where it is entered. "+
		"On the right are all threads that the kernel knows, read from its own objects in memory: no printf, and nothing was compiled for it.")
	t.notes("Point at phases and threads; 5 shows the LOG, 2 the threads again. Walk three stops with n, and back with p: nothing runs, these are stops of a recording.",
		"Ask who has seen the kernel debugger's thread list: this is the same, at every stop.")
}

// chosen is the verdict to tell about: the first thread whose state got lost,
// else the first.
func (t *teller) chosen() *view.ThreadVerdict {
	for _, worst := range view.Verdicts {
		for i := range t.Last.Verdicts {
			if t.Last.Verdicts[i].Verdict == worst {
				return &t.Last.Verdicts[i]
			}
		}
	}
	return nil
}

// checkpoint tells what the checkpoint stored.
func (t *teller) checkpoint() {
	first := slices.IndexFunc(t.Stops, func(s *view.Snapshot) bool { return s.Phase != "" })
	if first >= 0 {
		s := t.Stops[first]
		t.step(s.Number, "threads", "", "The checkpoint begins",
			fmt.Sprintf("The system has %d kernel objects: %d threads in %d tasks, and %d capabilities. The child that is checkpointed runs among them, with its own threads.",
				len(s.System.Objects), len(s.System.Threads()), len(s.System.PDs()), s.System.Capabilities()))
		t.notes("Have them find the child among the threads. Its original and the restored one carry the same names later: the task's number tells them apart.")
	}
	stop := 0
	var names []string
	for _, v := range t.Last.Verdicts {
		if v.Checkpointed.Known {
			stop = v.Checkpointed.Stop
			names = append(names, fmt.Sprintf("%s at %s", v.Name, v.Checkpointed.Place))
		}
	}
	if stop > 0 {
		t.step(stop, "threads", "", "What was stored", "The restore begins, and the checkpoint is in the restorer's memory. thaw reads it there, for every thread: "+strings.Join(names, "; ")+".",
			"This is what the restored threads should go on with.")
		t.notes("Enter on a thread opens its detail: the first of the four columns is filled now. Ask: which registers would you store?")
	}
}

// thread follows one thread's state through the four places.
func (t *teller) thread(v *view.ThreadVerdict) {
	t.step(v.Checkpointed.Stop, "detail", v.Name, "Follow "+v.Name,
		"A restored state passes four places: it was checkpointed, then requested, then it must stand in the thread's kernel frame, and last the processor must enter user mode with it. The table shows them from left to right.")
	t.notes("Say the four words and point at the columns: checkpointed, requested, kernel, entered. The rest of the story is only where this row of arrows ends.",
		"z shows the detail over the whole screen, z again brings the panes back.")
	if v.Requested.Known {
		t.step(v.Requested.Stop, "detail", v.Name, "Requested",
			fmt.Sprintf("The restorer asks for ip %x and sp %x (%s). The request is the %s.", v.Requested.IP, v.Requested.SP, v.Requested.Place, v.Requested.Source),
			evidence(v, "thread object"))
		t.notes("Ask: who can carry this out? The restorer asks, core takes it, only the kernel can do it.")
	} else {
		t.step(len(t.Stops), "detail", v.Name, "Never requested", "Nobody asked for this thread's state: "+v.Requested.Missing+".")
		t.notes("Nothing can be applied that nobody asked for: the restorer's own lists are where to look.")
	}
	if v.Requested.Known && v.Kernel.Known {
		t.before("let them guess where the state is after this call, and who will write it to the kernel's thread.")
		t.step(max(v.Kernel.Stop, v.Requested.Stop), "detail", v.Name, "In the kernel",
			fmt.Sprintf("The kernel's own copy of the thread's ip is %x (%s). From the request on thaw watches that very word: who writes it, and when.", v.Kernel.IP, v.Kernel.Place),
			evidence(v, "no write"), strings.Join(writes(v), " Then: "), evidence(v, "no operation"))
		t.notes("This is the decisive step: let them read the line of evidence before you say anything. A write with the right value and no write at all look the same afterwards.")
	}
	if v.Entered.Known {
		same := "That is where the checkpoint left it."
		if v.Entered.IP != v.Requested.IP || v.Entered.SP != v.Requested.SP {
			same = fmt.Sprintf("Requested was %x: it goes on elsewhere.", v.Requested.IP)
		}
		t.step(v.Entered.Stop, "detail", v.Name, "The first step in user mode",
			fmt.Sprintf("The thread comes back to user mode for the first time since the request, at %x (%s). %s", v.Entered.IP, v.Entered.Place, same))
		t.notes("The processor itself is looked at here, not the kernel's copy: single steps lead from the kernel's last instruction to the thread's first.")
	}
	try := ""
	if v.Advice != "" {
		try = "What to try: " + v.Advice + "."
	}
	t.step(len(t.Stops), "detail", v.Name, "Verdict: "+strings.ToUpper(string(v.Verdict)), sentence(v.Cause), try)
	t.notes("The arrows are the short form, the evidence in the detail is the long one: each of its lines names its stop.")
}

// evidence is the first line of evidence that holds a text, as a sentence.
func evidence(v *view.ThreadVerdict, part string) string {
	for _, e := range v.Evidence {
		if strings.Contains(e, part) {
			return sentence(e)
		}
	}
	return ""
}

// writes are the lines of evidence about the write that decided: the last one
// before the thread came back, and what it wrote over if that was the request.
func writes(v *view.ThreadVerdict) []string {
	requested := fmt.Sprintf(" wrote ip %#x,", v.Requested.IP)
	right, last := "", ""
	for _, e := range v.Evidence {
		if !strings.Contains(e, " wrote ip ") {
			continue
		}
		if strings.Contains(e, requested) {
			right = e
		}
		last = e
	}
	if right == last {
		right = ""
	}
	return slices.DeleteFunc([]string{sentence(right), sentence(last)}, func(s string) bool { return s == "" })
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// others tells about the threads beside the chosen one.
func (t *teller) others() {
	chosen := t.chosen()
	var coincident, applied []string
	for i := range t.Last.Verdicts {
		v := &t.Last.Verdicts[i]
		switch {
		case v == chosen:
		case v.Verdict == view.Coincident:
			coincident = append(coincident, v.Name)
		case v.Verdict == view.Applied:
			applied = append(applied, v.Name)
		}
	}
	if len(coincident) > 0 {
		t.before("select " + coincident[0] + ", the restored one. Its ip and sp are what was requested. Is it restored? Take a vote.")
		t.step(len(t.Stops), "threads", coincident[0], "A trap",
			strings.Join(coincident, " and ")+": the frame held the requested ip and sp already when the request came, since both children block at the same place. Nothing wrote them.",
			"A debugger that compares frames afterwards calls this restored. thaw says coincident: it looks at the write, not at the value.")
		t.notes("Show why: the line of evidence says that nothing wrote the frame. How was the vote?")
	}
	if len(applied) > 0 && chosen != nil && chosen.Verdict != view.Applied {
		t.step(len(t.Stops), "threads", applied[0], "The others", strings.Join(applied, " and ")+": written by the kernel, and entered. Their state came through.")
		t.notes("The counter-example: same request, same kernel, and the arrows go through. Compare the two details with j and k.")
	}
}

// capabilities tells how the capability tables compare.
func (t *teller) capabilities() {
	d := t.Last.Caps
	if d == nil {
		return
	}
	if d.Differ() == 0 {
		t.step(len(t.Stops), "caps", "", "Capabilities", fmt.Sprintf("All %d capabilities of the checkpointed child are there again, in the same slots, with the same kind of object behind them.", d.Same))
		t.notes("Short: nothing is lost here. Say that a state is more than ip and sp: capabilities, memory, what a thread waits for.")
		return
	}
	t.step(len(t.Stops), "diff", "", "Capabilities",
		fmt.Sprintf("A thread needs more than ip and sp. Of the checkpointed child's capabilities %d are in place: %s.", d.Same, d.Tally()),
		change(d), "The pane compares both tables; d changes between that and one table.")
	t.notes("Enter opens a row: both sides, nothing cut. Enter again opens the object itself.", "Ask: would counting the capabilities have found it?")
}

// memory tells which pages differ.
func (t *teller) memory() {
	d := t.Last.Memory
	if d == nil || len(d.Pages) == 0 {
		return
	}
	g := d.Pages[0]
	example := fmt.Sprintf("For example the page at %x (%s): %s, the first at %x was %s and is %s.", g.Virt, g.Region, words.Differ(g.Bytes, "byte"), g.Virt+uint64(max(g.First, 0)), view.Shown(g.Before), view.Shown(g.After))
	if g.Like != "" {
		example += " The page is equal to " + g.Like + "."
	}
	if len(d.Code) > 0 {
		example = d.Code[0].String()
	}
	t.step(len(t.Stops), "page", "", "Memory",
		fmt.Sprintf("The child's memory was read as it was checkpointed, and again as the restore was complete: %s the same, %s.", are(d.Same, "page"), words.Differ(len(d.Pages), "page")), example)
	t.notes("Enter on the page shows the bytes of both children side by side. Ask: what are these contents equal to, and who writes such?")
}

// waits tells about threads that hang.
func (t *teller) waits() {
	for _, w := range t.Last.Waits {
		t.step(len(t.Stops), "wait", w.Name, "A thread that hangs", w.String()+".", // it begins with a name
			"A thread that was blocked in the kernel cannot be put into that state again: it must repeat its system call.")
		t.notes("Ask: which part of this thread's state is in no register? Where would a restorer have to put it?")
	}
}

// change tells one slot that differs.
func change(d *view.CapDiff) string {
	switch {
	case len(d.Moved) > 0:
		m := d.Moved[0]
		return fmt.Sprintf("For example %s of %s was in slot %x, and is in slot %x.", words.A(m.Before.Type), orNobody(m.Before.Receiver), m.Before.Slot, m.After.Slot)
	case len(d.Changed) > 0:
		c := d.Changed[0]
		return fmt.Sprintf("For example slot %x: it was %s of %s, and is %s of %s.", c.Slot, words.A(c.Before.Type), orNobody(c.Before.Receiver), words.A(c.After.Type), orNobody(c.After.Receiver))
	case len(d.Missing) > 0:
		c := d.Missing[0]
		return fmt.Sprintf("For example slot %x, %s of %s, is empty.", c.Slot, words.A(c.Type), orNobody(c.Receiver))
	}
	return ""
}

// log tells what the user saw.
func (t *teller) log() {
	if t.Symptom == "" {
		return
	}
	for _, l := range slices.Backward(t.Last.Log) {
		if strings.Contains(l, t.Symptom) {
			t.step(len(t.Stops), "log", "", "What the user saw", "All of this went by without a message. The recording goes on until the LOG says:", l, "The LOG is no verdict: it tells that something is wrong, and not where.")
			t.notes("Ask: what would you have looked for with this line alone? Where in the source would you have set a breakpoint?")
			return
		}
	}
}

// are is "1 page is", "2 pages are".
func are(n int, what string) string {
	if n == 1 {
		return words.Count(n, what) + " is"
	}
	return words.Count(n, what) + " are"
}

func orNobody(receiver string) string {
	if receiver == "" || receiver == "none" {
		return "nobody"
	}
	return receiver
}

// oneLine is text without its line ends, quoted that in quotes, "" for nothing.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
func quoted(s string) string {
	if s == "" {
		return ""
	}
	return `"` + oneLine(s) + `"`
}

func (t *teller) closing() {
	if t.Seen != "" {
		t.before("have somebody say the cause in one sentence.")
		t.step(len(t.Stops), "threads", "", "What it was", oneLine(t.Story))
		t.notes("Ask: what would the cure be, and who would have to do it: the restorer, core, or the kernel?")
	}
	t.step(len(t.Stops), "threads", "", "Your turn",
		"p and n walk the stops, Tab goes from pane to pane, / filters, d compares capabilities, ? lists all keys. Press Esc to take over.",
		"On your own system: start QEMU with -s, then run thaw attach :1234 --build with your Genode build directory.")
	t.notes("Hand over: docs/workshop.md has the exercises, and which story comes next in 20, 45 and 90 minutes. q ends this one; follow ends with it, and is started again for the next.")
}
