package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"
)

// recallLimit is the number of commands that ↑ brings back.
const recallLimit = 50

// palette is where commands are typed.
type palette struct {
	*desk
	keys     keymap
	recalled []string // commands that ran, the last one last
}

// typing is a command that is typed.
type typing struct {
	of     *palette
	p      *prompt
	typed  string   // by the user; completion goes from here
	words  []string // what typed can become
	chosen int      // of words, -1: none
	recall int      // of recalled, its length: none
}

// open asks for a command.
func (p *palette) open() { p.openWith("") }

// openWith asks for a command whose beginning is typed already.
func (p *palette) openWith(start string) {
	c := &typing{of: p, recall: len(p.recalled)}
	c.p = &prompt{title: "command", mark: ":", start: start, limit: 300, enter: "run", esc: "close", hint: c.hint,
		edited: c.edited, done: p.run, key: c.key, menu: c.menu,
		keys: []hint{{"Tab", "complete"}, {"↑ ↓", "recall"}}}
	c.edited(start)
	p.line.ask(c.p)
}

func (c *typing) edited(text string) {
	c.typed, c.words, c.chosen = text, c.of.completions(text), -1
}

// hint tells what a complete command takes and does.
func (c *typing) hint() string {
	name, _, _ := strings.Cut(c.p.text(), " ")
	if a := c.of.keys.command(name); a != nil && a.command == name {
		if why := a.disabled(); why != "" {
			return why
		}
		return a.usage() + "  " + a.help
	}
	if n := len(c.words); n > 1 {
		return fmt.Sprintf("%d choices; Tab completes, ↑ recalls", n)
	}
	return "Tab completes, ↑ recalls"
}

// menu lists what the text can become.
func (c *typing) menu() ([]choice, int) {
	rows := make([]choice, 0, len(c.words))
	for _, w := range c.words {
		name, _, arg := strings.Cut(w, " ")
		a := c.of.keys.command(name)
		switch {
		case a == nil:
		case arg && strings.Contains(c.typed, " "):
			rows = append(rows, choice{text: w})
		default:
			help, why := a.help, a.disabled()
			if why != "" {
				help = why
			}
			rows = append(rows, choice{text: a.usage(), help: help, off: why != ""})
		}
	}
	return rows, c.chosen
}

func (c *typing) key(name string, _ *tcell.EventKey) bool {
	switch name {
	case "Tab":
		c.complete(1)
	case "Backtab":
		c.complete(-1)
	case "Up":
		c.bringBack(c.recall - 1)
	case "Down":
		c.bringBack(c.recall + 1)
	default:
		return false
	}
	return true
}

// complete types what all words have in common, and then one word after the
// other.
func (c *typing) complete(by int) {
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

// bringBack brings an earlier command back.
func (c *typing) bringBack(at int) {
	if at < 0 || at > len(c.of.recalled) {
		return
	}
	text := ""
	if at < len(c.of.recalled) {
		text = c.of.recalled[at]
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

// completions are the command lines that text can become.
func (p *palette) completions(text string) []string {
	name, arg, isArg := strings.Cut(text, " ")
	var out []string
	if !isArg {
		for _, a := range p.keys.commands() {
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
	a := p.keys.command(name)
	if a == nil || a.words == nil {
		return nil
	}
	var inside []string // matches that are no beginnings
	for _, w := range a.words() {
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

// run runs what was typed.
func (p *palette) run(text string) {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	if arg = strings.TrimSpace(arg); name == "" {
		return
	}
	p.remember(strings.TrimSpace(text))
	p.command(name, arg)
}

// do runs a line that nobody typed.
func (p *palette) do(text string) {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	p.command(name, strings.TrimSpace(arg))
}

func (p *palette) command(name, arg string) {
	a := p.keys.command(name)
	if a == nil {
		p.note = p.keys.unknown(name)
		return
	}
	why := a.disabled()
	if why == "" && !a.over && !a.above {
		p.windows.close()
	}
	switch {
	case why != "":
		p.note = ":" + a.command + ": " + why
	case a.arg == "" && arg != "":
		p.note = fmt.Sprintf(":%s takes nothing behind it", a.command)
	case arg != "":
		a.take(arg)
	case a.run != nil:
		a.run()
	default:
		p.note = fmt.Sprintf(":%s needs %s: %s", a.command, a.arg, a.help)
	}
}

func (p *palette) remember(text string) {
	p.recalled = slices.DeleteFunc(p.recalled, func(s string) bool { return s == text })
	p.recalled = append(p.recalled, text)
	p.recalled = p.recalled[max(len(p.recalled)-recallLimit, 0):]
}
