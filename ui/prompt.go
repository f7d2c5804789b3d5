package ui

import (
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// prompt is a line that the user types at the bottom of the screen: a filter, a
// note, a file name, a command.
type prompt struct {
	title string // what is asked for
	mark  string // stands before the text
	start string // text to begin with
	limit int    // characters
	enter string // what Enter does, for the hint bar
	esc   string // what Esc does

	hint   func() string     // beside the text; nil: none
	edited func(text string) // after every change by the user; nil: nothing
	done   func(text string)
	cancel func() // nil: nothing
	// key takes keys of its own before the prompt does; nil: none.
	key  func(name string, ev *tcell.EventKey) bool
	keys []hint // these, for the hint bar
	// menu are rows above the prompt, and the chosen one; nil: none.
	menu func() (rows []choice, chosen int)
	// yes makes it a question: y does this, n and Esc do not, and no other key is
	// taken for an answer.
	yes func()

	field *tview.InputField // edits the text
}

// choice is a row of a prompt's menu.
type choice struct {
	text, help string
	off        bool // does nothing now
}

// promptLine is the line at the bottom while something is typed.
type promptLine struct {
	th   *theme
	open *prompt // nil: nothing is typed
}

// ask opens a prompt.
func (l *promptLine) ask(p *prompt) {
	p.field = tview.NewInputField().SetText(p.start)
	p.field.SetFieldStyle(l.th.bold)
	p.field.SetAcceptanceFunc(func(text string, _ rune) bool {
		return utf8.RuneCountInString(text) <= p.limit && clean(text) == text
	})
	p.field.Focus(noFocus)
	l.open = p
}

// confirm asks a question before something is done that cannot be undone.
func (l *promptLine) confirm(title string, yes func()) {
	l.ask(&prompt{title: title, mark: "y/n", yes: yes, hint: func() string { return "y: yes; n, Esc: no" }})
}

// text is what stands in the prompt, put replaces it.
func (p *prompt) text() string    { return p.field.GetText() }
func (p *prompt) put(text string) { p.field.SetText(text) }

// key edits the prompt.
func (l *promptLine) key(name string, ev *tcell.EventKey) {
	p := l.open
	if p.yes != nil {
		l.answer(p, name)
		return
	}
	if p.key != nil && p.key(name, ev) {
		return
	}
	before := p.text()
	switch name {
	case "Esc":
		l.open = nil
		if p.cancel != nil {
			p.cancel()
		}
		return
	case "Enter":
		l.open = nil
		p.done(before)
		return
	}
	if !promptOnly[name] {
		p.field.InputHandler()(ev, noFocus)
	}
	p.tell(before)
}

// answer takes a key for the answer to a question. Nothing else closes it: keys
// that were typed in the meantime neither answer it nor run an action.
func (l *promptLine) answer(p *prompt, name string) {
	switch name {
	case "y", "n", "Esc":
		l.open = nil
	}
	if name == "y" {
		p.yes()
	}
}

// promptOnly are keys that the field would take for more than one line, or for
// its own list of choices.
var promptOnly = map[string]bool{"Tab": true, "Backtab": true, "Up": true, "Down": true, "PgUp": true, "PgDn": true}

// tell says that the text is not what it was before.
func (p *prompt) tell(before string) {
	if p.edited != nil && p.text() != before {
		p.edited(p.text())
	}
}

// paste puts text in that the terminal hands over in one piece.
func (l *promptLine) paste(text string) {
	p := l.open
	if p.yes != nil {
		return
	}
	before := p.text()
	p.field.PasteHandler()(clean(text), noFocus)
	p.tell(before)
}

// under says whether the mouse is in the prompt's line.
func (p *prompt) under(ev *tcell.EventMouse) bool {
	_, mine, _, h := p.field.GetRect()
	_, y := ev.Position()
	return h > 0 && y == mine
}

// draw is the status line while something is typed, and the menu above
// it.
func (l *promptLine) draw(screen tcell.Screen, y, w int) {
	p, t := l.open, l.th
	title := p.title
	if p.yes != nil { // how it is answered stays in sight
		title = t.clip(t.draw(title), max(w-len(p.mark)-4, 8))
	}
	x := t.drawLine(screen, 0, y, w, line{{" " + title + " ", t.reverse.Bold(true)}, {" " + p.mark, t.bold}})
	p.field.SetRect(x, y, max(w-x, 1), 1)
	p.field.Draw(screen)
	x += width(p.text())
	if p.hint != nil {
		t.drawLine(screen, min(x+3, w), y, max(w-x-3, 0), line{{p.hint(), t.dim}})
	}
	if p.menu != nil {
		l.drawMenu(screen, y, w)
	}
}

// menuRows is the most rows of a menu.
const menuRows = 10

// drawMenu draws the choices right above row y, the chosen one among them.
func (l *promptLine) drawMenu(screen tcell.Screen, y, w int) {
	rows, chosen := l.open.menu()
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
		style, help := l.th.plain, l.th.plain
		switch {
		case first+i == chosen:
			style, help = l.th.bold.Reverse(true), l.th.bold.Reverse(true)
		case r.off:
			style, help = l.th.dim, l.th.dim
		}
		row := y - n + i
		l.th.drawLine(screen, 0, row, w, line{{pad("", w), l.th.plain}})
		l.th.drawLine(screen, 0, row, w, line{{"│ ", l.th.bold}, {pad(l.th.clip(l.th.draw(r.text), left), left) + "  ", style}, {pad(r.help, max(w-left-5, 0)), help}})
	}
}

// hints are the keys of what is typed.
func (l *promptLine) hints() []hint {
	p := l.open
	if p.yes != nil {
		return []hint{{"y", "yes"}, {"n Esc", "no"}}
	}
	out := []hint{{"Enter", p.enter}, {"Esc", p.esc}}
	return append(append(out, p.keys...), hint{"Ctrl-U", "clear"})
}
