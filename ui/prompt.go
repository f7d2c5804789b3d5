package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

// prompt is a line that the user types at the bottom of the screen: a filter, a
// note, a file name, a command.
type prompt struct {
	title string // what is asked for
	mark  string // stands before the text
	text  string
	limit int    // characters
	enter string // what Enter does, for the hint bar
	esc   string // what Esc does

	hint   func() string     // beside the text; nil: none
	edited func(text string) // after every change; nil: nothing
	done   func(text string)
	cancel func() // nil: nothing
	// key takes keys of its own before the prompt does; nil: none.
	key func(name string, ev *tcell.EventKey) bool
	// menu are rows above the prompt, and the chosen one; nil: none.
	menu func() (rows []choice, chosen int)
}

// choice is a row of a prompt's menu.
type choice struct {
	text, help string
	off        bool // does nothing now
}

// ask opens a prompt.
func (u *ui) ask(p *prompt) { u.prompt = p }

// promptKey edits the prompt.
func (u *ui) promptKey(name string, ev *tcell.EventKey) {
	p := u.prompt
	if p.key != nil && p.key(name, ev) {
		return
	}
	switch {
	case name == "Esc":
		u.prompt = nil
		if p.cancel != nil {
			p.cancel()
		}
	case name == "Enter":
		u.prompt = nil
		p.done(p.text)
	case name == "Backspace" || name == "Backspace2":
		if p.text == "" {
			u.prompt = nil
			return
		}
		_, n := utf8.DecodeLastRuneInString(p.text)
		p.set(p.text[:len(p.text)-n])
	case ev.Key() == tcell.KeyCtrlU:
		p.set("")
	case ev.Key() == tcell.KeyCtrlW:
		p.set(p.text[:strings.LastIndex(strings.TrimRight(p.text, " "), " ")+1])
	case ev.Key() == tcell.KeyRune && utf8.RuneCountInString(p.text) < p.limit:
		p.set(p.text + clean(name))
	}
}

func (p *prompt) set(text string) {
	p.text = text
	if p.edited != nil {
		p.edited(text)
	}
}

// askFilter types the filter of the focused table; rows go while it is typed.
func (u *ui) askFilter() {
	l := u.table()
	pane := paneInfos[u.focused].name
	u.ask(&prompt{title: "filter " + pane, mark: "/", text: l.filter, limit: 60, enter: "keep", esc: "show all",
		hint: func() string {
			return fmt.Sprintf("%d of %d rows", len(l.order), l.src.len()) + "; Enter keeps it, Esc shows all"
		},
		edited: l.setFilter, done: func(string) {}, cancel: func() { l.setFilter("") },
		key: func(name string, ev *tcell.EventKey) bool {
			switch name {
			case "Tab":
				u.prompt = nil
			case "Up", "Down", "PgUp", "PgDn":
				l.InputHandler()(ev, nil)
			default:
				return false
			}
			return true
		}})
}

// drawPrompt is the status line while something is typed, and the menu above
// it.
func (u *ui) drawPrompt(screen tcell.Screen, y, w int) {
	p, t := u.prompt, u.th
	x := t.drawLine(screen, 0, y, w, line{{" " + p.title + " ", t.reverse.Bold(true)}, {" " + p.mark, t.bold}})
	text, room := p.text, w-x-1
	for width(text) > room && text != "" { // the end is what is typed at
		_, n := utf8.DecodeRuneInString(text)
		text = text[n:]
	}
	x += t.drawLine(screen, x, y, max(room, 0), line{{text, t.bold}})
	screen.ShowCursor(min(x, w-1), y)
	if p.hint != nil {
		t.drawLine(screen, min(x+3, w), y, max(w-x-3, 0), line{{p.hint(), t.dim}})
	}
	if p.menu != nil {
		u.drawMenu(screen, y, w)
	}
}

// menuRows is the most rows of a menu.
const menuRows = 10

// drawMenu draws the choices right above row y, the chosen one among them.
func (u *ui) drawMenu(screen tcell.Screen, y, w int) {
	rows, chosen := u.prompt.menu()
	n := min(len(rows), menuRows, y-2)
	if n <= 0 {
		return
	}
	first := min(max(chosen-n/2, 0), len(rows)-n)
	left := 0
	for _, r := range rows {
		left = max(left, width(r.text))
	}
	left = min(left, w/2)
	for i, r := range rows[first : first+n] {
		style, help := u.th.plain, u.th.plain
		switch {
		case first+i == chosen:
			style, help = u.th.bold.Reverse(true), u.th.bold.Reverse(true)
		case r.off:
			style, help = u.th.dim, u.th.dim
		}
		row := y - n + i
		u.th.drawLine(screen, 0, row, w, line{{pad("", w), u.th.plain}})
		u.th.drawLine(screen, 0, row, w, line{{"│ ", u.th.bold}, {pad(u.th.clip(u.th.draw(r.text), left), left) + "  ", style}, {pad(r.help, max(w-left-5, 0)), help}})
	}
}
