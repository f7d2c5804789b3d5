package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
	"thaw/words"
)

// objectLines tells all that is known about an object.
func (t *theme) objectLines(snap *view.Snapshot, o *kernel.Object, w int) []line {
	list := []fact{{"kind", string(o.Kind)}, {"class", o.Class}, {"name", o.Name}, {"address", fmt.Sprintf("%x", o.Addr)}}
	if o.Size > 0 {
		list = append(list, fact{"size", words.Count(int(o.Size), "byte")})
	}
	list = append(list, fact{"problem", o.Problem})
	for _, v := range o.Values {
		list = append(list, fact{v.Name, cmp.Or(v.Text, hex(v.Number))})
	}
	for _, l := range o.Links {
		list = append(list, fact{l.Name, receiverWords(snap, l.To, l.None)})
	}
	switch {
	case o.PD != nil:
		list = append(list, taskFacts(snap, o)...)
	case o.Thread != nil:
		list = append(list, fact{"task", snap.TaskName(o.Thread.PD) + ", " + taskWord(o.Thread.PD)}, fact{"state", o.Thread.StateString()}, fact{"executed", clean(o.Thread.Executed.Text)})
		if snap.System != nil {
			list = append(list, fact{"waits for", snap.System.Wait(o.Thread)})
		}
	}
	return append(t.facts(list, w), t.holderLines(snap, o.ID, w)...)
}

// receiverWords tells the thread behind a gate or an IRQ.
func receiverWords(snap *view.Snapshot, id kernel.ID, none string) string {
	o := snap.System.Object(id)
	switch {
	case id == 0:
		return none
	case o == nil || o.Thread == nil:
		return id.String()
	}
	return fmt.Sprintf("thread %s %s of %s, %s", id, o.Title(), snap.TaskName(o.Thread.PD), taskWord(o.Thread.PD))
}

func taskFacts(snap *view.Snapshot, o *kernel.Object) []fact {
	out := []fact{{"component", snap.TaskName(o.ID)}}
	if o.PD.Root != 0 {
		out = append(out, fact{"page table", fmt.Sprintf("at physical %x", o.PD.Root)})
	}
	out = append(out, fact{"holds", words.Count(len(o.PD.Caps), "capability")}, fact{"problem", o.PD.Problem})
	for _, th := range snap.System.ThreadsOf(o.ID) {
		out = append(out, fact{"thread", th.ID.String() + " " + th.Title()})
	}
	return out
}

// holder is a task that has an object in its capability table.
type holder struct {
	task  kernel.ID
	slots []string
}

// holdersOf lists the tasks that hold an object, with slot and rights.
func holdersOf(sys *kernel.System, id kernel.ID) []holder {
	var out []holder
	for _, task := range sys.PDs() {
		h := holder{task: task.ID}
		for _, c := range task.PD.Caps {
			if c.Object == id && id != 0 {
				h.slots = append(h.slots, hex(c.Slot)+" "+c.Rights)
			}
		}
		if len(h.slots) > 0 {
			out = append(out, h)
		}
	}
	return slices.Clip(out)
}

func (t *theme) holderLines(snap *view.Snapshot, id kernel.ID, w int) []line {
	holders := holdersOf(snap.System, id)
	n := 0
	for _, h := range holders {
		n += len(h.slots)
	}
	out := []line{t.section("held by "+words.Count(len(holders), "task")+" in "+words.Count(n, "slot"), w)}
	if n == 0 {
		return append(out, t.paragraph("", "No capability table that was read holds it.", w)...)
	}
	for _, h := range holders {
		label := fmt.Sprintf("%s (%s)  slot ", clip(clean(snap.TaskName(h.task)), 24), taskWord(h.task))
		out = append(out, t.paragraph(label, strings.Join(h.slots, ", "), w)...)
	}
	return out
}
