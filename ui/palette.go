package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"
)

// recallLimit is the number of commands that ↑ brings back.
const recallLimit = 50

// palette is a command that is typed.
type palette struct {
	u      *ui
	p      *prompt
	typed  string   // by the user; completion goes from here
	words  []string // what typed can become
	chosen int      // of words, -1: none
	recall int      // of u.recalled, its length: none
}

// openPalette asks for a command.
func (u *ui) openPalette() { u.openCommand("") }

// openCommand asks for a command whose beginning is typed already.
func (u *ui) openCommand(start string) {
	c := &palette{u: u, recall: len(u.recalled)}
	c.p = &prompt{title: "command", mark: ":", start: start, limit: 300, enter: "run", esc: "close", hint: c.hint,
		edited: c.edited, done: u.command, key: c.key, menu: c.menu,
		keys: []hint{{"Tab", "complete"}, {"↑ ↓", "recall"}}}
	c.edited(start)
	u.ask(c.p)
}

func (c *palette) edited(text string) {
	c.typed, c.words, c.chosen = text, c.u.completions(text), -1
}

// hint tells what a complete command takes and does.
func (c *palette) hint() string {
	name, _, _ := strings.Cut(c.p.text(), " ")
	if a := c.u.commandFor(name); a != nil && a.command == name {
		if why := a.disabled(c.u); why != "" {
			return why
		}
		return usage(a) + "  " + a.help
	}
	if n := len(c.words); n > 1 {
		return fmt.Sprintf("%d choices; Tab completes, ↑ recalls", n)
	}
	return "Tab completes, ↑ recalls"
}

// menu lists what the text can become.
func (c *palette) menu() ([]choice, int) {
	rows := make([]choice, 0, len(c.words))
	for _, w := range c.words {
		name, _, arg := strings.Cut(w, " ")
		a := c.u.commandFor(name)
		switch {
		case a == nil:
		case arg && strings.Contains(c.typed, " "):
			rows = append(rows, choice{text: w})
		default:
			help, why := a.help, a.disabled(c.u)
			if why != "" {
				help = why
			}
			rows = append(rows, choice{text: usage(a), help: help, off: why != ""})
		}
	}
	return rows, c.chosen
}

func (c *palette) key(name string, _ *tcell.EventKey) bool {
	switch name {
	case "Tab":
		c.complete(1)
	case "Backtab":
		c.complete(-1)
	case "Up":
		c.recalled(c.recall - 1)
	case "Down":
		c.recalled(c.recall + 1)
	default:
		return false
	}
	return true
}

// complete types what all words have in common, and then one word after the
// other.
func (c *palette) complete(by int) {
	if len(c.words) == 0 {
		return
	}
	if common := commonPrefix(c.words); c.chosen < 0 && (len(common) > len(c.typed) || len(c.words) == 1) {
		c.p.put(common)
		if len(c.words) == 1 || strings.HasSuffix(common, " ") {
			c.edited(common)
		} else {
			c.typed = common
		}
		return
	}
	n := len(c.words)
	if c.chosen < 0 && by < 0 {
		c.chosen = 0
	}
	c.chosen = (c.chosen + by + n) % n
	c.p.put(c.words[c.chosen])
}

// recalled brings an earlier command back.
func (c *palette) recalled(at int) {
	if at < 0 || at > len(c.u.recalled) {
		return
	}
	text := ""
	if at < len(c.u.recalled) {
		text = c.u.recalled[at]
	}
	c.recall = at
	c.p.put(text)
	c.edited(text)
}

func commonPrefix(words []string) string {
	out := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, out) {
			out = out[:len(out)-1]
		}
	}
	return strings.ToValidUTF8(out, "")
}

// usage is "stop N".
func usage(a *action) string {
	if a.arg == "" {
		return a.command
	}
	return a.command + " " + a.arg
}

// commands are the actions that the palette knows.
func (u *ui) commands() []*action {
	var out []*action
	for i := range actions {
		if a := &actions[i]; a.command != "" && a.there(u) {
			out = append(out, a)
		}
	}
	return out
}

// completions are the command lines that text can become.
func (u *ui) completions(text string) []string {
	name, arg, isArg := strings.Cut(text, " ")
	var out []string
	if !isArg {
		for _, a := range u.commands() {
			if strings.HasPrefix(a.command, name) {
				line := a.command
				if a.arg != "" {
					line += " "
				}
				out = append(out, line)
			}
		}
		slices.Sort(out)
		return out
	}
	a := u.commandFor(name)
	if a == nil || a.words == nil {
		return nil
	}
	var inside []string // matches that are no beginnings
	for _, w := range a.words(u) {
		switch at := strings.Index(strings.ToLower(w), strings.ToLower(arg)); {
		case at == 0:
			out = append(out, a.command+" "+w)
		case at > 0:
			inside = append(inside, a.command+" "+w)
		}
	}
	if len(out) == 0 {
		return inside
	}
	return out
}

// commandFor finds a command by its name or a beginning that only it has.
func (u *ui) commandFor(name string) *action {
	var found *action
	for _, a := range u.commands() {
		switch {
		case a.command == name, a.alias == name && name != "":
			return a
		case name != "" && strings.HasPrefix(a.command, name):
			if found != nil {
				found = &action{} // more than one
				continue
			}
			found = a
		}
	}
	if found == nil || found.command == "" {
		return nil
	}
	return found
}

// command runs what was typed.
func (u *ui) command(text string) {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	if arg = strings.TrimSpace(arg); name == "" {
		return
	}
	u.remember(strings.TrimSpace(text))
	a := u.commandFor(name)
	if a == nil {
		u.note = u.unknownCommand(name)
		return
	}
	why := a.disabled(u)
	switch {
	case why != "":
		u.note = ":" + a.command + ": " + why
	case a.arg == "" && arg != "":
		u.note = fmt.Sprintf(":%s takes nothing behind it", a.command)
	case arg != "":
		a.take(u, arg)
	case a.run != nil:
		a.run(u)
	default:
		u.note = fmt.Sprintf(":%s needs %s: %s", a.command, a.arg, a.help)
	}
}

func (u *ui) remember(text string) {
	u.recalled = slices.DeleteFunc(u.recalled, func(s string) bool { return s == text })
	u.recalled = append(u.recalled, text)
	u.recalled = u.recalled[max(len(u.recalled)-recallLimit, 0):]
}

// unknownCommand says so, with the nearest name.
func (u *ui) unknownCommand(name string) string {
	var fit []string
	near, best := "", len([]rune(name))/2+2
	for _, a := range u.commands() {
		if strings.HasPrefix(a.command, name) {
			fit = append(fit, ":"+a.command)
		}
		if d := distance(name, a.command); d < best {
			near, best = a.command, d
		}
	}
	switch {
	case len(fit) > 1:
		return fmt.Sprintf(":%s can be %s", name, strings.Join(fit, ", "))
	case near != "":
		return fmt.Sprintf("no command :%s; the nearest is :%s", name, near)
	}
	return fmt.Sprintf("no command :%s; : and Tab list all", name)
}

// distance is the number of characters to insert, delete, replace, or to swap
// with their neighbour, from a to b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
		for j := range d[i] {
			if i == 0 {
				d[0][j] = j
			}
		}
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}
