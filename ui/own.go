package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"

	"thaw/printable"
	"thaw/words"
)

// own is what a user adds to keys and commands, in ui.yaml.
type own struct {
	Keys     map[string]string     `yaml:"keys,omitempty"`     // command line by key
	Aliases  map[string]string     `yaml:"aliases,omitempty"`  // command line by name
	Commands map[string]ownCommand `yaml:"commands,omitempty"` // by name
}

// ownCommand is a command of the user's: an expression to print, or a line for the
// shell. It comes from the user's settings only: recordings and scenarios have none.
type ownCommand struct {
	Key   string `yaml:"key,omitempty"`
	Help  string `yaml:"help,omitempty"`
	Print string `yaml:"print,omitempty"`
	Shell string `yaml:"shell,omitempty"`
}

// Bounds of what a user may add, in number, and in bytes each.
const (
	mostOwn     = 200
	mostOwnText = 2000
)

// fixedKeys always mean what they mean: without them nobody finds out.
var fixedKeys = []string{":", "?", "Esc", "Enter", "Tab", "Backtab", "Up", "Down", "Left", "Right", "Ctrl+C", "Ctrl+Z", "/"}

// ownError is what is wrong with an entry of ui.yaml, by its path in the file: "keys.x".
type ownError struct {
	path []string
	why  string
}

func (e *ownError) Error() string { return strings.Join(e.path, ".") + ": " + e.why }

// size is how many entries it has.
func (o *own) size() int { return len(o.Keys) + len(o.Aliases) + len(o.Commands) }

// check says what is wrong with it: where there are commands for it is looked up in the
// table, which knows nothing of its own so far.
func (o *own) check(table keymap) error {
	if o.size() > mostOwn {
		return fmt.Errorf("keys, aliases and commands are more than %d", mostOwn)
	}
	takenBy := map[string]string{}
	key := func(k, by string, path ...string) error {
		switch k, given := keyOf(k), k; {
		case k == "":
			return &ownError{path, fmt.Sprintf("%q is no key: write a character, or F1 to F12, Ctrl+A to Ctrl+Y, Home, End, PgUp, PgDn, Insert, Delete", clean(given))}
		case slices.Contains(fixedKeys, k):
			return &ownError{path, given + " always means the same"}
		case takenBy[k] != "":
			return &ownError{path, fmt.Sprintf("%s is given to %s, too", given, clean(takenBy[k]))}
		default:
			takenBy[k] = by
			return nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Commands)) {
		c := o.Commands[name]
		path := []string{"commands", name}
		if err := newName(name, table); err != nil {
			return &ownError{path, err.Error()}
		}
		switch {
		case (c.Print == "") == (c.Shell == ""):
			return &ownError{path, "give it either print, an expression, or shell, a line for the shell"}
		case len(c.Print)+len(c.Shell)+len(c.Help) > mostOwnText:
			return &ownError{path, fmt.Sprintf("it is longer than %d bytes", mostOwnText)}
		case c.Key != "":
			if err := key(c.Key, name, "commands", name, "key"); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.Aliases)) {
		if err := newName(name, table); err != nil {
			return &ownError{[]string{"aliases", name}, err.Error()}
		}
		if o.Commands[name] != (ownCommand{}) {
			return &ownError{[]string{"aliases", name}, "there is a command of that name, too"}
		}
		if err := o.known(o.Aliases[name], table); err != nil {
			return &ownError{[]string{"aliases", name}, err.Error()}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(o.Keys)) {
		if err := key(k, o.Keys[k], "keys", k); err != nil {
			return err
		}
		if err := o.known(o.Keys[k], table); err != nil {
			return &ownError{[]string{"keys", k}, err.Error()}
		}
	}
	return nil
}

// newName says why a name cannot be a new command's.
func newName(name string, table keymap) error {
	for _, a := range table.commands() {
		if a.command == name || a.alias == name {
			return fmt.Errorf("thaw has a command of that name (%s)", a.help)
		}
	}
	if name == "" || len(name) > 30 || strings.ContainsFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return fmt.Errorf("%q is no name of a command: letters, digits, - and _", clean(name))
	}
	return nil
}

// known says why a line does not begin with a command of thaw's or the user's.
func (o *own) known(line string, table keymap) error {
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch {
	case len(line) > mostOwnText:
		return fmt.Errorf("it is longer than %d bytes", mostOwnText)
	case name == "":
		return fmt.Errorf("it says no command")
	case o.Commands[name] != (ownCommand{}) || table.command(name) != nil:
		return nil
	}
	return fmt.Errorf("%s", table.unknown(clean(name)))
}

// keyOf is a key's name as keyName gives it, "" where no terminal has it. Ctrl may be
// written with + and with -.
func keyOf(name string) string {
	if utf8.RuneCountInString(name) == 1 {
		if r, _ := utf8.DecodeRuneInString(name); r == utf8.RuneError || words.Width(name) == 0 {
			return ""
		}
		return name
	}
	for k := range tcell.KeyNames {
		if n := keyName(tcell.NewEventKey(k, 0, tcell.ModNone)); n == name || strings.Replace(n, "-", "+", 1) == name || strings.Replace(n, "+", "-", 1) == name {
			return n
		}
	}
	return ""
}

// owner has what the user added done.
type owner struct {
	*desk
	palette *palette
	threads *threadsPane
	shell   func(command string, env []string) string
}

// add puts a user's keys and commands into the table. What had such a key loses it.
func (o *owner) add(table keymap, mine own) keymap {
	out := slices.Clone(table)
	bind := func(key string) []string {
		if key = keyOf(key); key == "" {
			return nil
		}
		for i := range out {
			out[i].lose(key)
		}
		return []string{key}
	}
	for _, name := range slices.Sorted(maps.Keys(mine.Commands)) {
		c := mine.Commands[name]
		run := func() { o.run(name, c.Shell) }
		if c.Print != "" {
			run = func() { o.palette.do("print " + c.Print) }
		}
		out = append(out, action{keys: bind(c.Key), label: c.Key, command: name, group: groupOwn, run: run,
			help: cmp.Or(clean(c.Help), clean(firstOf("print ", c.Print)), clean(firstOf("shell: ", c.Shell)))})
	}
	for _, name := range slices.Sorted(maps.Keys(mine.Aliases)) {
		line := mine.Aliases[name]
		out = append(out, action{command: name, arg: "…", group: groupOwn, help: "short for :" + clean(line),
			run: func() { o.palette.do(line) }, take: func(arg string) { o.palette.do(line + " " + arg) }})
	}
	for _, key := range slices.Sorted(maps.Keys(mine.Keys)) {
		line := mine.Keys[key]
		out = append(out, action{keys: bind(key), label: key, group: groupOwn, help: ":" + clean(line), run: func() { o.palette.do(line) }})
	}
	return out
}

// firstOf is a text with a word before it, "" where there is no text.
func firstOf(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

// lose takes a key from an action.
func (a *action) lose(key string) {
	i := slices.Index(a.keys, key)
	if i < 0 {
		return
	}
	a.keys = slices.Delete(slices.Clone(a.keys), i, i+1)
	a.label = strings.Join(a.keys, " ")
	if len(a.keys) == 0 {
		a.short = ""
	}
}

// run has the shell do a command of the user's, in the background, and shows what it
// writes. What is shown is handed over in the environment: it is never part of the line.
func (o *owner) run(name, line string) {
	if o.shell == nil {
		o.note = ":" + name + " needs a shell, which there is none of here"
		return
	}
	env, shell := o.env(), o.shell
	o.note = ":" + name + " runs"
	o.backgroundOutput(func() output { return output{":" + name, shell(line, env)} })
}

// env is what is shown, as variables.
func (o *owner) env() []string {
	v := o.view
	env := []string{"THAW_TARGET=" + v.Target, "THAW_SCENARIO=" + v.Scenario}
	if s := v.Snapshot; s != nil {
		env = append(env, fmt.Sprintf("THAW_STOP=%d", s.Number), fmt.Sprintf("THAW_PC=%#x", s.PC.Addr))
	}
	if r := o.threads.selected(); r != nil && r.obj != nil {
		env = append(env, "THAW_THREAD="+r.obj.ID.String(), "THAW_THREAD_NAME="+r.name, "THAW_TASK="+r.task.String())
		if ip, sp, ok := r.ip(); ok {
			env = append(env, fmt.Sprintf("THAW_IP=%#x", ip), fmt.Sprintf("THAW_SP=%#x", sp))
		}
	}
	for i := range env {
		env[i] = strings.ReplaceAll(env[i], "\x00", "")
	}
	return env
}

// output is what a command of the user's wrote.
type output struct{ title, text string }

// show shows it in a window.
func (d *desk) show(out output) {
	d.note = out.title + " is done"
	text := strings.TrimRight(out.text, "\n")
	if text == "" {
		d.note += ", and wrote nothing"
		return
	}
	d.windows.openText(out.title, func(w int) []line {
		var lines []line
		for l := range strings.SplitSeq(text, "\n") {
			lines = append(lines, d.th.paragraph("", printable.Text(l), w)...)
		}
		return lines
	})
}
