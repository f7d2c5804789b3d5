package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/session/view"
)

// breakList shows the session's breakpoints with how often they were hit.
type breakList struct {
	th   *theme
	list []view.BreakpointInfo
}

// ownFirst puts the user's breakpoints above the scenario's.
func ownFirst(list []view.BreakpointInfo) []view.BreakpointInfo {
	rank := func(b *view.BreakpointInfo) int {
		if b.Own() {
			return 0
		}
		return 1
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b view.BreakpointInfo) int { return rank(&a) - rank(&b) })
	return out
}

func (l *breakList) columns() []column {
	return []column{
		{title: "component", min: 9, max: 20, prio: 1},
		{title: "function", min: 14, max: 70},
		{title: "purpose", min: 7, max: 14, prio: 3},
		{title: "addresses", min: 9, max: 40, prio: 5},
		{title: "hits", min: 4, max: 8, prio: 2, right: true},
		{title: "elsewhere", min: 9, max: 9, prio: 4, right: true},
	}
}

func (l *breakList) len() int { return len(l.list) }

func (l *breakList) row(i int) []cell {
	b := &l.list[i]
	style := l.th.bold
	if b.Hits == 0 {
		style = l.th.plain
	}
	out := styled(style, clean(b.Component), clean(b.Function), clean(b.Purpose), addresses(b.Addrs), fmt.Sprint(b.Hits), b.Elsewhere())
	out[1].fit = func(w int) string { return placeIn(view.Place{Function: b.Function}, w) }
	out[3].fit = func(w int) string { return firstAddress(b.Addrs, w) }
	return out
}

func addresses(addrs []uint64) string {
	if len(addrs) == 0 {
		return "not set"
	}
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = hex(a)
	}
	return strings.Join(words, " ")
}

// firstAddress is the first address, and how many follow.
func firstAddress(addrs []uint64, w int) string {
	if s := fmt.Sprintf("%x +%d", addrs[0], len(addrs)-1); len(addrs) > 1 && width(s) <= w {
		return s
	}
	return hex(addrs[0])
}

func (l *breakList) key(i int) any {
	b := &l.list[i]
	return b.Component + "\x00" + b.Function + "\x00" + b.Purpose
}

func (l *breakList) search(i int) string { return joinCells(l.row(i)) }

func (l *breakList) empty() string {
	return "No breakpoints so far: they are set as the session begins, and while it runs."
}

// title sums the hits up.
func (l *breakList) title() []string {
	sum := view.SumBreakpoints(l.list)
	n := fmt.Sprint(len(l.list))
	return []string{fmt.Sprintf("%s, hit %d× here, %s× in other address spaces", n, sum.Hits, sum.Elsewhere()), n}
}
