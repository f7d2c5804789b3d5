package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/words"
)

// action is one entry of the table of all keys and commands: handlers, hint
// bar, palette and help come from it.
type action struct {
	keys  []string // names as keyName gives them; none: only a command
	label string   // how the keys are shown
	short string   // for the hint bar
	help  string
	group string

	command string // name in the palette, "" if it has none
	alias   string // gdb's short name of the command
	arg     string // what the command takes, in capitals; "" takes nothing

	// run acts; nil where the focused pane does it, or where the command only
	// works with its argument.
	run func()
	key func(key string) // in its place: acts by which of the keys it was
	// take acts on the command's argument.
	take func(arg string)
	// words are what the argument may be, for completion; nil: anything.
	words func() []string
	// why tells why the action does nothing now, "" when it works; nil: it
	// always works.
	why func() string
	// over is set for keys that work in a window, too, above for commands that leave
	// it open; other commands close it.
	over, above bool
}

// Groups of the help, in its order.
const (
	groupGuest   = "the guest"
	groupBack    = "going back"
	groupHistory = "history"
	groupPanes   = "panes"
	groupMove    = "moving"
	groupText    = "notes, text"
	groupTour    = "the tour"
	groupThaw    = "thaw"
	groupCommand = "commands"
	groupOwn     = "your own"
)

var groups = []string{groupGuest, groupBack, groupHistory, groupPanes, groupMove, groupText, groupTour, groupThaw, groupCommand, groupOwn}

// keymap is the table of all actions that a session has.
type keymap []action

// find finds an action by a key, nil if none has it.
func (k keymap) find(key string) *action {
	for i := range k {
		if a := &k[i]; slices.Contains(a.keys, key) {
			return a
		}
	}
	return nil
}

// commands are the actions that the palette knows.
func (k keymap) commands() []*action {
	var out []*action
	for i := range k {
		if a := &k[i]; a.command != "" {
			out = append(out, a)
		}
	}
	return out
}

// command finds a command by its name or a beginning that only it has.
func (k keymap) command(name string) *action {
	var found *action
	for _, a := range k.commands() {
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

// unknown says so, with the nearest name.
func (k keymap) unknown(name string) string {
	var fit []string
	near, best := "", len([]rune(name))/2+2
	for _, a := range k.commands() {
		if strings.HasPrefix(a.command, name) {
			fit = append(fit, ":"+a.command)
		}
		if d := words.Distance(name, a.command); d < best {
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

// disabled says why an action does nothing now, "" when it works.
func (a *action) disabled() string {
	if a.why == nil {
		return ""
	}
	return a.why()
}

// usage is "stop N".
func (a *action) usage() string {
	if a.arg == "" {
		return a.command
	}
	return a.command + " " + a.arg
}
