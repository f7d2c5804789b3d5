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

// objectColumn is the width of the labels in an object's window.
const objectColumn = 10

// objectLines tells all that is known about an object.
func (t *theme) objectLines(snap *view.Snapshot, o *kernel.Object, w int) []line {
	var out []line
	fact := func(label, text string) {
		out = append(out, t.paragraph(pad(label, objectColumn), text, w)...)
	}
	fact("kind", string(o.Kind))
	fact("class", o.Class)
	fact("name", o.Name)
	fact("address", fmt.Sprintf("%x", o.Addr))
	if o.Size > 0 {
		fact("size", words.Count(int(o.Size), "byte"))
	}
	fact("problem", o.Problem)
	for _, v := range o.Values {
		fact(v.Name, cmp.Or(v.Text, hex(v.Number)))
	}
	for _, l := range o.Links {
		fact(l.Name, receiverWords(snap, l.To, l.None))
	}
	switch {
	case o.PD != nil:
		out = append(out, t.taskLines(snap, o, w)...)
	case o.Thread != nil:
		fact("task", snap.TaskName(o.Thread.PD)+", "+taskWord(o.Thread.PD))
		fact("state", o.Thread.StateString())
		if snap.System != nil {
			fact("waits for", snap.System.Wait(o.Thread))
		}
	}
	return append(out, t.holderLines(snap, o.ID, w)...)
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

func (t *theme) taskLines(snap *view.Snapshot, o *kernel.Object, w int) []line {
	out := t.paragraph(pad("component", objectColumn), snap.TaskName(o.ID), w)
	if o.PD.Root != 0 {
		out = append(out, t.paragraph(pad("page table", objectColumn), fmt.Sprintf("at physical %x", o.PD.Root), w)...)
	}
	out = append(out, t.paragraph(pad("holds", objectColumn), words.Count(len(o.PD.Caps), "capability"), w)...)
	out = append(out, t.paragraph(pad("problem", objectColumn), o.PD.Problem, w)...)
	for _, th := range snap.System.ThreadsOf(o.ID) {
		out = append(out, t.paragraph(pad("thread", objectColumn), th.ID.String()+" "+th.Title(), w)...)
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
