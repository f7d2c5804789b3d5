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

// capList is the capability table of the selected thread's task.
type capList struct {
	th   *theme
	snap *view.Snapshot
	caps []kernel.Capability
	none string // why there are none
}

func newCapList(th *theme, snap *view.Snapshot, task kernel.ID) *capList {
	l := &capList{th: th, snap: snap, none: "No task: select a thread that runs in one."}
	if snap == nil || snap.System == nil {
		l.none = "No capabilities so far: they are read when the guest stops."
		return l
	}
	if o := snap.System.Object(task); o != nil && o.PD != nil {
		l.caps, l.none = o.PD.Caps, "This task has no capabilities."
		if o.PD.Problem != "" {
			l.none = clean(o.PD.Problem)
		}
	}
	return l
}

func (l *capList) columns() []column {
	return []column{
		{title: "slot", min: 5, max: 12, right: true},
		{title: "type", min: 4, max: 16, prio: 1},
		{title: "object", min: 6, max: 8, prio: 2, right: true},
		{title: "rights", min: 6, max: 6, prio: 3},
		{title: "label", min: 5, max: 16, prio: 5, right: true},
		{title: "receiver", min: 12, max: 50, prio: 4},
	}
}

func (l *capList) len() int { return len(l.caps) }

func (l *capList) row(i int) []cell {
	c := l.caps[i]
	typ, object, label, receiver := "?", "?", "", ""
	if o := l.snap.System.Named(c); o != nil {
		object, typ = c.Object.String(), clean(o.Type())
		lead, leads := o.Lead()
		switch {
		case leads:
			label, receiver = hex(o.Label()), l.receiver(lead.To, lead.None)
		case o.PD != nil:
			receiver = "is " + clean(l.snap.TaskName(o.ID))
		case o.Thread != nil:
			receiver = "is " + l.receiver(o.ID, "")
		}
	} else {
		receiver = "unknown object at " + hex(c.Pointer)
	}
	return styled(l.th.plain, hex(c.Slot), typ, object, c.Rights, label, receiver)
}

// receiver is "component/thread".
func (l *capList) receiver(id kernel.ID, none string) string {
	if id == 0 {
		return none
	}
	o := l.snap.System.Object(id)
	if o == nil || o.Thread == nil {
		return id.String()
	}
	return clean(l.snap.TaskName(o.Thread.PD) + "/" + o.Title())
}

func (l *capList) key(i int) any { return l.caps[i].Slot }

func (l *capList) search(i int) string { return joinCells(l.row(i)) }

func (l *capList) empty() string { return l.none }

// diffRow is a slot that differs: what it held in the original and what it
// holds in the restored child. Its word is what differs, "missing" or "extra".
type diffRow struct {
	glyph, word   string
	slot          uint64
	to            uint64 // slot that it moved to, 0: it did not
	before, after *view.SlotCap
	label         bool        // the label differs
	texts         [2][]string // in their place, of what is no slot: from long to short forms
	more          [][2]string // what else there is to tell, each with its label
	page          *view.PageDiff
}

// diffList shows what differs between the two children beside the threads'
// states: capability tables, pages of memory, and what threads wait for.
type diffList struct {
	th   *theme
	diff *view.CapDiff
	view *view.View
	rows []diffRow

	meant string // what the proposed row begins with, "" for the first
}

func (l *diffList) proposed() any {
	for i := range l.rows {
		if l.meant != "" && strings.HasPrefix(l.rows[i].word, l.meant) {
			return l.key(i)
		}
	}
	return nil
}

func newDiffList(th *theme, v *view.View) *diffList {
	d := v.Caps
	l := &diffList{th: th, diff: d, view: v}
	for _, c := range d.Rows() {
		r := diffRow{glyph: c.Glyph, word: c.Word, slot: cmp.Or(c.Before, c.After).Slot, before: c.Before, after: c.After, label: slices.Contains(c.What, "label")}
		if c.What != nil {
			r.word = clean(strings.Join(c.What, ","))
		}
		if c.Note != "" {
			r.more = [][2]string{{"known", c.Note}}
		}
		if c.Word == view.CapMoved {
			r.to = c.After.Slot
		}
		l.rows = append(l.rows, r)
	}
	l.addMemory(v.Memory)
	for i := range v.Waits {
		w := &v.Waits[i]
		l.rows = append(l.rows, diffRow{glyph: "≠", word: "wait", slot: uint64(w.Restored), texts: [2][]string{waitForms(w.Name, w.Before), waitForms(w.Name, w.After)}})
	}
	return l
}

// mostPages bounds the pages that are listed.
const mostPages = 1000

// addMemory adds the pages that differ.
func (l *diffList) addMemory(d *view.MemoryDiff) {
	if d == nil {
		return
	}
	if !d.Compared() {
		l.rows = append(l.rows, diffRow{glyph: "?", word: "memory", texts: [2][]string{{"not compared"}, {clean(d.Problem)}}})
	}
	for i := range d.Pages[:min(len(d.Pages), mostPages)] {
		g := &d.Pages[i]
		l.rows = append(l.rows, diffRow{glyph: "≠", word: "page, " + clean(g.Region), slot: g.Virt, texts: pageForms(g), page: g})
	}
}

// pageForms tell a page in both children, from long to short.
func pageForms(g *view.PageDiff) [2][]string {
	n := words.Count(g.Bytes, "byte")
	before := []string{view.Shown(g.Before) + ", differs in " + n, view.Shown(g.Before) + ", " + n, "differs in " + n, n, strings.TrimSuffix(short(g.Before), "…")}
	after := []string{fmt.Sprintf("%s at %x", view.Shown(g.After), firstByte(g)), view.Shown(g.After), short(g.After)}
	if like := clean(g.Like); like != "" {
		brief := strings.TrimPrefix(like, "the program's ")
		after = []string{after[0] + ", like " + like, after[2] + ", like " + like, after[2] + ", like " + brief, "like " + brief, after[2]}
	}
	return [2][]string{before, after}
}

// short are the first bytes of a page, as short as can be.
func short(b []byte) string {
	if len(b) == 0 {
		return view.Shown(nil)
	}
	return fmt.Sprintf("%.1x…", b)
}

// firstByte is the address of the first byte that differs.
func firstByte(g *view.PageDiff) uint64 { return g.Virt + uint64(max(g.First, 0)) }

// waitForms tell what a thread waits for, from long to short.
func waitForms(name, wait string) []string {
	name, wait = clean(name), clean(wait)
	return []string{name + " " + wait, wait, wait[strings.LastIndex(wait, "/")+1:]}
}

// fitting is the first form that has no more than w columns, else the last.
func fitting(forms []string, w int) string {
	for _, f := range forms {
		if width(f) <= w {
			return f
		}
	}
	return forms[len(forms)-1]
}

// title counts the differences, from long to short forms.
func (l *diffList) title() []string {
	d := l.diff
	counts, short, others := d.Tally(), "diff", ""
	for _, c := range d.Counts() {
		short += fmt.Sprintf(" %s%d", l.th.draw(c.Glyph), c.N)
	}
	if m := l.view.Memory; m != nil && len(m.Pages) > 0 {
		others += ", " + words.Count(len(m.Pages), "page")
	}
	if n := len(l.view.Waits); n > 0 {
		others += ", " + words.Count(n, "wait")
	}
	counts += others
	return []string{
		fmt.Sprintf("diff of stops %d and %d: %s, %d same", d.Checkpoint, d.After, counts, d.Same),
		"diff: " + counts + fmt.Sprintf(", %d same", d.Same), "diff: " + counts, counts,
		short + others, words.Count(otherDifferences(l.view), "difference"),
	}
}

func (l *diffList) columns() []column {
	return []column{
		{title: "diff", min: 9, max: 26},
		{title: "slot", min: 4, max: 16, prio: 1, right: true},
		{title: "original " + taskWord(l.diff.Original), min: 10, max: 60, prio: 2},
		{title: "restored " + taskWord(l.diff.Restored), min: 10, max: 60, prio: 2},
	}
}

func (l *diffList) len() int { return len(l.rows) }

func (l *diffList) row(i int) []cell {
	r := l.rows[i]
	style := l.th.bold
	if r.after != nil && r.before == nil {
		style = l.th.plain
	}
	out := styled(style, pad(l.th.draw(r.glyph), width(l.th.draw("≠")))+" "+r.word, l.slot(&r), "", "")
	for n, c := range []*view.SlotCap{r.before, r.after} {
		if forms := r.texts[n]; forms != nil {
			out[2+n] = cell{text: forms[0], style: l.th.plain, fit: func(w int) string { return fitting(forms, w) }}
			continue
		}
		out[2+n] = cell{text: slotWords(c, r.label, 100), style: l.th.plain, fit: func(w int) string { return slotWords(c, r.label, w) }}
	}
	return out
}

// slot is where a row's capability is, or was and is.
func (l *diffList) slot(r *diffRow) string {
	if r.to == 0 {
		return hex(r.slot)
	}
	return hex(r.slot) + l.th.draw("→") + hex(r.to)
}

// slotWords tells a slot in at most w columns: first the object's number goes,
// then the receiver's component.
func slotWords(c *view.SlotCap, label bool, w int) string {
	if c == nil {
		return "—"
	}
	typ, id, to, end := clean(c.Type), " "+c.Object.String()+" "+clean(c.Rights), clean(c.Receiver), ""
	if label {
		end = " label " + hex(c.Label)
	}
	if to == "" {
		return typ + id + end
	}
	short := to[strings.LastIndex(to, "/")+1:]
	if c.Behind != "" { // it says more than who serves it
		class := clean(c.Behind[strings.LastIndex(c.Behind, ":")+1:])
		forms := []string{typ + id + " " + clean(c.Whole()) + end, typ + id + " " + clean(c.To()) + end, typ + id + " " + short + " (" + class + ")" + end, typ + " " + short + " (" + class + ")" + end, typ + " " + class + end}
		if c.Called != "" { // what it is called says more than its number, and who serves it
			forms = slices.Insert(forms, 1, typ+" "+class+" "+clean(c.Called)+end)
		}
		for _, s := range forms {
			if width(s) <= w {
				return s
			}
		}
	}
	for _, s := range []string{typ + id + " " + to + end, typ + id + " " + short + end, typ + " " + short + end} {
		if width(s) <= w {
			return s
		}
	}
	return typ + id + end
}

func (l *diffList) key(i int) any { return [2]any{l.rows[i].word, l.rows[i].slot} }

func (l *diffList) search(i int) string { return joinCells(l.row(i)) }

func (l *diffList) empty() string {
	if l.view.Memory != nil {
		return "Both capability tables hold the same in every slot, and no page of memory differs."
	}
	return "Both capability tables hold the same in every slot."
}

// lines tell a row in full, what is longer than its cells.
func (l *diffList) lines(i, w int) []line {
	r := &l.rows[i]
	if r.page != nil {
		return l.pageLines(r.page, w)
	}
	list := []fact{{"differs", r.word}}
	if r.before != nil || r.after != nil {
		list = append(list, fact{"slot", l.slot(r)})
	}
	for n, c := range []*view.SlotCap{r.before, r.after} {
		text := slotWords(c, true, 1000)
		if forms := r.texts[n]; forms != nil {
			text = forms[0]
		}
		list = append(list, fact{[2]string{"original", "restored"}[n], text})
	}
	for _, m := range r.more {
		list = append(list, fact{m[0], m[1]})
	}
	return l.th.facts(list, w)
}

// pageLines are the bytes of a page in both children, side by side, as far as they are
// kept: what differs stands out.
func (l *diffList) pageLines(g *view.PageDiff, w int) []line {
	out := l.th.paragraph("", fmt.Sprintf("differs in %s, the first at %x", words.Count(g.Bytes, "byte"), firstByte(g)), w)
	if g.Like != "" {
		out = append(out, l.th.paragraph("", "equal to "+clean(g.Like), w)...)
	}
	if len(g.Before) == 0 || len(g.After) == 0 {
		return append(out, l.th.paragraph("", "original "+view.Shown(g.Before)+", restored "+view.Shown(g.After), w)...)
	}
	at, cells := hex(firstByte(g)), 3*len(g.Before)
	head := pad("address", len(at)) + "  " + pad("original "+taskWord(l.view.Memory.Original), cells) + "  " + "restored " + taskWord(l.view.Memory.Restored)
	row := line{{pad(at, len("address")) + "  ", l.th.plain}}
	for n, bytes := range [][]byte{g.Before, g.After} {
		for i, b := range bytes {
			style := l.th.plain
			if i < len(g.Before) && i < len(g.After) && g.Before[i] != g.After[i] {
				style = l.th.bold.Reverse(true)
			}
			row = append(row, span{fmt.Sprintf("%02x", b), style}, span{" ", l.th.plain})
		}
		if n == 0 {
			row = append(row, span{pad("", max(len("original "+taskWord(l.view.Memory.Original))-cells, 0)) + "  ", l.th.plain})
		}
	}
	return append(out, line{}, line{{head, l.th.head}}, row)
}

// name is the row in a word.
func (l *diffList) name(i int) string { return l.rows[i].word + " " + l.slot(&l.rows[i]) }
