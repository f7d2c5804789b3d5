package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"

	"thaw/session/view"
	"thaw/words"
)

// front is what keys go to: the window on top, else the focused pane. It looks for
// something there, sorts, copies and exports it.
type front struct {
	*desk
	panes *panes
}

// name is what it is called.
func (f *front) name() string {
	if f.windows.top != nil {
		return f.windows.top.title
	}
	return paneInfos[f.panes.focused].name
}

// table is the table that keys go to, nil where that is a text.
func (f *front) table() *listPane {
	if f.windows.top != nil {
		return f.windows.top.list
	}
	return f.panes.byID[f.panes.focused].table()
}

// text is the text that keys go to, nil where that is a table.
func (f *front) text() *textPane {
	if f.windows.top != nil {
		return f.windows.top.text
	}
	return f.panes.byID[f.panes.focused].text()
}

// slash filters a table, and looks for a word in a text.
func (f *front) slash() {
	if f.table() != nil {
		f.askFilter()
	} else {
		f.askSearch()
	}
}

// askFilter types the filter of the focused table; rows go while it is typed.
func (f *front) askFilter() {
	l := f.table()
	f.line.ask(&prompt{title: "filter " + clip(f.name(), 30), mark: "/", start: l.sieve.filter, limit: 60, enter: "keep", esc: "show all",
		hint: func() string {
			return fmt.Sprintf("%d of %s", len(l.order), words.Count(l.src.len(), "row")) + "; Enter keeps it, Esc shows all"
		},
		keys:   []hint{{"↑ ↓", "rows"}},
		edited: l.setFilter, done: func(string) {}, cancel: func() { l.setFilter("") },
		key: func(name string, ev *tcell.EventKey) bool {
			switch name {
			case "Tab":
				f.line.open = nil
			case "Up", "Down", "PgUp", "PgDn":
				l.InputHandler()(ev, nil)
			default:
				return false
			}
			return true
		}})
}

// askSearch types what to look for in a text.
func (f *front) askSearch() {
	p := f.text()
	p.search.from = p.top
	f.line.ask(&prompt{title: "find in " + clip(f.name(), 30), mark: "/", limit: 60, enter: "keep", esc: "forget",
		hint: func() string {
			if p.search.needle == "" {
				return "; and , go from match to match"
			}
			return strings.TrimPrefix(p.search.words(), "/"+p.search.needle+": ") + " lines; ; and , go on"
		},
		keys:   []hint{{"↑ ↓", "matches"}},
		edited: p.find, done: f.searchLeftOut, cancel: p.endSearch,
		key: func(name string, _ *tcell.EventKey) bool {
			switch name {
			case "Down":
				p.nextHit(p.search.at, 1)
			case "Up":
				p.nextHit(p.search.at, -1)
			default:
				return false
			}
			return true
		}})
}

// searchLeftOut looks on in what is left out of the LOG, if that is what was searched.
func (f *front) searchLeftOut(text string) {
	gap := f.view.LogGap
	if text == "" || gap.Lines == 0 || f.windows.top != nil || f.panes.focused != paneLog {
		return
	}
	if why := f.needPeeker(); why != "" {
		f.note = fmt.Sprintf("%s left out are not searched: %s", words.Count(gap.Lines, "line"), why)
		return
	}
	f.ctrl.(Peeker).Ask(view.Query{Kind: view.QueryLog, Expr: text})
}

// nextMatch goes to the next match in a text, or the one before.
func (f *front) nextMatch(by int) {
	p := f.text()
	if p.nextHit(p.search.at, by) {
		f.note = "the search came round"
	}
}

// needSearch: something was found in the text that keys go to.
func (f *front) needSearch() string {
	switch p := f.text(); {
	case p == nil:
		return "/ filters a table; in a text it looks for a word"
	case p.search.needle == "":
		return "nothing was looked for: / does"
	case len(p.search.hits) == 0:
		return p.search.needle + " does not stand in " + f.name()
	}
	return ""
}

// endFind takes a filter or a search off, and says whether there was one.
func (f *front) endFind() bool {
	if l := f.table(); l != nil && l.sieve.filter != "" {
		l.setFilter("")
		return true
	}
	if p := f.text(); p != nil && p.search.needle != "" {
		p.endSearch()
		return true
	}
	return false
}

// sort orders the table by its next column, or the other way round.
func (f *front) sort(reverse bool) {
	l := f.table()
	by, cols := l.sorting.turned(), l.src.columns()
	if !reverse {
		by = l.sorting.next(cols)
	}
	l.sort(by)
	f.note = "in the order of " + by.words(cols)
}

func (f *front) needTable() string {
	if f.table() != nil {
		return ""
	}
	return "only tables can be sorted: press 1, 2, 4 or 6 first"
}
