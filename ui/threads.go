package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
	"thaw/words"
)

// threadKey tells a thread across stops: a restored thread that does not exist
// has no id.
type threadKey struct {
	id   kernel.ID
	name string // only without an id
}

// threadRow is a thread object with what the session found out about it.
type threadRow struct {
	key      threadKey
	name     string
	task     kernel.ID
	taskName string
	obj      *kernel.Object      // nil: no such object at this stop
	verdict  *view.ThreadVerdict // nil: not a restored thread
	original *view.ThreadVerdict // set where the thread is a counterpart in the checkpointed child
	rank     int
}

// ip is the user ip and sp at the stop.
func (r *threadRow) ip() (ip, sp uint64, ok bool) {
	if r.obj == nil || r.obj.Thread.Source == kernel.SourceNone || r.obj.Thread.Source == "" {
		return 0, 0, false
	}
	return r.obj.Thread.IP, r.obj.Thread.SP, true
}

// threadList shows threads: lost states first, then the restored child, its
// original, and the others by id.
type threadList struct {
	th   *theme
	rows []threadRow
	snap *view.Snapshot
}

func newThreadList(th *theme, v *view.View) *threadList {
	l := &threadList{th: th, snap: v.Snapshot}
	byThread := make(map[kernel.ID]*view.ThreadVerdict)
	byOriginal := make(map[kernel.ID]*view.ThreadVerdict)
	restored := make(map[kernel.ID]bool)
	for i := range v.Verdicts {
		tv := &v.Verdicts[i]
		if tv.Thread != 0 {
			byThread[tv.Thread] = tv
		}
		if tv.Original != 0 {
			byOriginal[tv.Original] = tv
		}
		if tv.Task != 0 {
			restored[tv.Task] = true
		}
	}
	if v.Snapshot != nil && v.Snapshot.System != nil {
		threads := v.Snapshot.System.Threads()
		l.rows = make([]threadRow, 0, len(threads)+len(v.Verdicts))
		for _, o := range threads {
			r := threadRow{key: threadKey{id: o.ID}, name: o.Name, task: o.Thread.PD, obj: o,
				taskName: v.Snapshot.TaskName(o.Thread.PD), verdict: byThread[o.ID], original: byOriginal[o.ID]}
			if r.name == "" {
				r.name = o.Class
			}
			r.rank = r.place(restored)
			delete(byThread, o.ID)
			l.rows = append(l.rows, r)
		}
	}
	// Restored threads that are no object of this stop.
	for i := range v.Verdicts {
		tv := &v.Verdicts[i]
		if tv.Thread != 0 && byThread[tv.Thread] != tv {
			continue
		}
		r := threadRow{key: threadKey{id: tv.Thread}, name: tv.Name, task: tv.Task, taskName: tv.TaskName, verdict: tv}
		if tv.Thread == 0 {
			r.key.name = tv.TaskName + "/" + tv.Name
		}
		r.rank = r.place(restored)
		l.rows = append(l.rows, r)
	}
	slices.SortStableFunc(l.rows, func(a, b threadRow) int { return a.rank - b.rank })
	return l
}

// place is the rank of a row.
func (r *threadRow) place(restored map[kernel.ID]bool) int {
	switch {
	case r.verdict != nil:
		return r.verdict.Verdict.Rank()
	case r.original != nil:
		return rankOriginal
	case restored[r.task]:
		return rankRestored
	case r.obj.Thread.Dead || r.obj.Thread.Source == kernel.SourceNone:
		return rankDead
	}
	return rankOther
}

func (l *threadList) columns() []column {
	largest := kernel.ID(0)
	for i := range l.rows {
		largest = max(largest, l.rows[i].key.id)
	}
	id := min(max(3, len(largest.String())), 8) // half of one tells nothing
	return []column{
		{title: "verdict", min: 13, max: 15},
		{title: "thread", min: 14, max: 24, prio: 1},
		{title: "task", min: 13, max: 24, prio: 2},
		{title: "id", min: id, max: 8, prio: 3, right: true},
		{title: "state", min: 14, max: 26, prio: 5},
		{title: "ip", min: 12, max: 46, prio: 4},
		{title: "sp", min: 8, max: 16, prio: 6, right: true},
		{title: "waits", min: 5, max: 8, prio: 7},
	}
}

func (l *threadList) len() int { return len(l.rows) }

func (l *threadList) row(i int) []cell {
	r := &l.rows[i]
	style, verdict := l.th.plain, cell{}
	switch {
	case r.verdict != nil:
		info := verdictOf(r.verdict.Verdict)
		verdict = cell{text: info.text(), style: info.style(l.th)}
		if r.verdict.Verdict.Lost() {
			style = l.th.bold
		}
	case r.original != nil:
		verdict = cell{text: "  original", style: l.th.dim}
	}
	id := "none"
	if r.key.id != 0 {
		id = r.key.id.String()
	}
	out := []cell{verdict, {text: clean(r.name)}, {text: clean(r.taskName)}, {text: id}, {}, {}, {}, {}}
	for c := 1; c < len(out); c++ {
		out[c].style = style
	}
	if r.obj == nil {
		out[4].text = "no object"
		return out
	}
	out[4].text, out[4].fit = clean(r.obj.Thread.StateString()), func(w int) string { return shortState(r.obj.Thread, w) }
	out[7].text = l.snap.System.Wait(r.obj.Thread)
	if ip, sp, ok := r.ip(); ok {
		out[5].text, out[6].text = hex(ip), hex(sp)
		if p, known := l.snap.Places[r.key.id]; known && p.Addr == ip {
			out[5].text, out[5].fit = placeIn(p, 46), func(w int) string { return placeIn(p, w) }
		}
	}
	return out
}

// shortState tells the first flags of a thread's state and how many follow.
func shortState(t *kernel.Thread, w int) string {
	for n := len(t.StateWords) - 1; n > 0; n-- {
		s := clean(strings.Join(t.StateWords[:n], ",")) + fmt.Sprintf("+%d", len(t.StateWords)-n)
		if width(s) <= w {
			return s
		}
	}
	return clean(t.StateString())
}

func (l *threadList) key(i int) any { return l.rows[i].key }

// proposed is the thread that the processor runs where the user stopped it, and wherever
// nothing is known of restored threads, which stand first: a thread of the kernel's own
// tells nothing.
func (l *threadList) proposed() any {
	if l.snap == nil || l.snap.By == "" && len(l.rows) > 0 && l.rows[0].verdict != nil {
		return nil
	}
	for i := range l.rows {
		r := &l.rows[i]
		if r.obj != nil && r.obj.ID == l.snap.Thread && r.obj.Thread.Source != kernel.SourceNone {
			return r.key
		}
	}
	return nil
}

func (l *threadList) search(i int) string { return joinCells(l.row(i)) }

func (l *threadList) empty() string {
	return "No threads so far: they are read when the guest stops."
}

// otherDifferences counts what differs between the children beside the threads'
// states: slots, pages, waits.
func otherDifferences(v *view.View) int {
	n := len(v.Waits)
	if d := v.Caps; d != nil {
		n += d.Differ()
	}
	if v.Memory != nil {
		n += len(v.Memory.Pages)
	}
	return n
}

// lostSummary tells which states got lost, from long to short forms, the last of them
// the barest; nothing when none did.
func lostSummary(v *view.View) []string {
	if len(v.Mismatches) > 0 {
		name := clip(clean(v.Mismatches[0].Component), 16)
		return []string{fmt.Sprintf("! %s's file is not that of the program that runs", name), fmt.Sprintf("! %s's file is another's", name), "! wrong file"}
	}
	var lost []*view.ThreadVerdict
	final := len(v.Verdicts) > 0
	for i := range v.Verdicts {
		tv := &v.Verdicts[i]
		if tv.Verdict.Lost() {
			lost = append(lost, tv)
		}
		final = final && tv.Verdict == view.Applied
	}
	slices.SortStableFunc(lost, func(a, b *view.ThreadVerdict) int {
		return a.Verdict.Rank() - b.Verdict.Rank()
	})
	switch {
	case len(lost) == 0 && final:
		if n := otherDifferences(v); n > 0 {
			return []string{fmt.Sprintf("= all restored states applied, ≠ %s (d)", words.Count(n, "other difference")), fmt.Sprintf("= all applied, ≠ %s (d)", words.Count(n, "other")), fmt.Sprintf("≠ %d (d)", n)}
		}
		return []string{"= all restored states applied", "= all applied"}
	case len(lost) == 0:
		return nil
	}
	tv := lost[0]
	info := verdictOf(tv.Verdict)
	who := info.glyph + " " + clip(clean(tv.Name), 16)
	if gap := tv.LostAt(); gap >= 0 {
		from, to := view.StageNames[gap], view.StageNames[gap+1]
		more, shortMore := "", ""
		if len(lost) > 1 {
			more, shortMore = fmt.Sprintf(", and %d more", len(lost)-1), fmt.Sprintf(" +%d", len(lost)-1)
		}
		lost := "lost"
		if tv.Verdict == view.Partial {
			lost = "registers lost"
		}
		return []string{
			fmt.Sprintf("%s %s: %s between %s and %s%s", who, info.word, lost, from, to, more),
			fmt.Sprintf("%s %s: %s ✗ %s%s", who, lost, from, to, shortMore),
			fmt.Sprintf("%s %s%s", who, lost, shortMore),
		}
	}
	return []string{who + " " + info.word}
}
