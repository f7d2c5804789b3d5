package ui

import (
	"fmt"
	"strings"
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
	// taken for an answer. enter and esc say what follows.
	yes func()

	field *tview.InputField // edits the text
	said  string            // why the last key did nothing, "": it did
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

// confirm asks a question before something is done that cannot be undone; does and
// not say what follows on either answer.
func (l *promptLine) confirm(title, does, not string, yes func()) {
	l.ask(&prompt{title: title, mark: "y/n", yes: yes, enter: does, esc: not, hint: func() string { return "y: " + does + "; n, Esc: " + not }})
}

// text is what stands in the prompt, put replaces it.
func (p *prompt) text() string    { return p.field.GetText() }
func (p *prompt) put(text string) { p.field.SetText(text) }

// key edits the prompt.
func (l *promptLine) key(name string, ev *tcell.EventKey) {
	p := l.open
	p.said = ""
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
	if promptOnly[name] {
		p.said = keyWord(name) + " does nothing here"
		return
	}
	p.field.InputHandler()(ev, noFocus)
	if p.text() == before && utf8.RuneCountInString(before) >= p.limit && ev.Key() == tcell.KeyRune {
		p.said = fmt.Sprintf("%d characters are the most", p.limit)
	}
	p.tell(before)
}

// answer takes a key for the answer to a question. Nothing else closes it: keys
// that were typed in the meantime neither answer it nor run an action.
func (l *promptLine) answer(p *prompt, name string) {
	switch name {
	case "y", "n", "Esc":
		l.open = nil
	default:
		p.said = keyWord(name) + " is no answer"
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
		p.said = "what was pasted is no answer"
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
	title, above := p.title, []string(nil) // what there is no room for in the row
	if p.yes != nil && width(t.draw(title))+len(p.mark)+4 > w {
		title, above = "answer", wrap(title, w-3)
	}
	x := t.drawLine(screen, 0, y, w, line{{" " + title + " ", t.reverse.Bold(true)}, {" " + p.mark, t.bold}})
	p.field.SetRect(x, y, max(w-x, 1), 1)
	p.field.Draw(screen)
	x += width(p.text())
	hint := p.beside()
	if room := w - x - 3; width(t.draw(hint)) > room && p.menu == nil {
		above = append(above, wrap(hint, w-3)...)
	} else {
		t.drawLine(screen, min(x+3, w), y, max(room, 0), line{{hint, t.dim}})
	}
	for i, row := range above {
		t.drawAbove(screen, y-len(above)+i, w, line{{row, t.bold}})
	}
	if p.menu != nil {
		l.drawMenu(screen, y, w)
	}
}

// beside is the text beside what is typed: why the last key did nothing, and the hint.
func (p *prompt) beside() string {
	hint := ""
	if p.hint != nil {
		hint = p.hint()
	}
	return strings.Trim(p.said+"; "+hint, "; ")
}

// drawAbove draws a row that belongs to what is typed over whatever stands there.
func (t *theme) drawAbove(screen tcell.Screen, y, w int, l line) {
	t.drawLine(screen, 0, y, w, line{{pad("", w), t.plain}})
	t.drawLine(screen, 0, y, w, append(line{{"│ ", t.bold}}, l...))
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
		l.th.drawAbove(screen, y-n+i, w, line{{pad(l.th.clip(l.th.draw(r.text), left), left) + "  ", style}, {pad(r.help, max(w-left-5, 0)), help}})
	}
}

// hints are the keys of what is typed.
func (l *promptLine) hints() []hint {
	p := l.open
	if p.yes != nil {
		return []hint{{"y", p.enter}, {"n Esc", p.esc}}
	}
	out := []hint{{"Enter", p.enter}, {"Esc", p.esc}}
	return append(append(out, p.keys...), hint{"Ctrl-U", "clear"})
}
