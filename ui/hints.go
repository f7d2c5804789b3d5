package ui

import "github.com/gdamore/tcell/v2"

// hint is a key with what it does, in a word. Every part returns its own, the
// most useful first; the hint bar is drawn from them.
type hint struct {
	label string // the key
	does  string // "": as the table of actions says, and only while it does something
}

func (h hint) width() int { return width(h.label) + width(h.does) + 3 }

// keyHints are hints of actions, by their keys.
func keyHints(keys ...string) []hint {
	out := make([]hint, len(keys))
	for i, k := range keys {
		out[i].label = k
	}
	return out
}

// keyWord is a key's name in a sentence.
func keyWord(name string) string {
	switch name {
	case " ":
		return "Space"
	case "":
		return "this key"
	}
	return name
}

// keyName is the rune, or tcell's name of a special key.
func keyName(ev *tcell.EventKey) string {
	if ev.Key() == tcell.KeyRune {
		return string(ev.Rune())
	}
	switch ev.Key() {
	case tcell.KeyCtrlC:
		return "Ctrl+C"
	case tcell.KeyCtrlZ:
		return "Ctrl+Z"
	case tcell.KeyCtrlF:
		return "Ctrl+F"
	case tcell.KeyCtrlB:
		return "Ctrl+B"
	}
	return tcell.KeyNames[ev.Key()]
}
