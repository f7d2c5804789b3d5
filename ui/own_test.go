package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const ownText = `# mine
keys:
  X: object 57 # the gate
  n: forward
aliases:
  th: thread
  last: stop last
commands:
  ours:
    key: Ctrl+T
    help: tell it
    shell: echo it
theme: light
`

// A user's keys and commands do what they say; a key that was another's is no more that
// one's, and help lists all of it.
func TestOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(ownText), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readSettings(dir)
	if err != nil {
		t.Fatal(err)
	}
	fake := newFake(viewComplete())
	var env []string
	o := Options{settings: s, shell: func(line string, e []string) string { env = e; return "ran " + line + "\x1b[31m\n" }}
	u := newDrawn(t, fakeSeeker{fake}, viewComplete(), o)
	if err := s.checkOwn(dir, newUI(fakeSeeker{fake}, Options{}).keymap()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ keys, want string }{
		{"X", "no object 57 at this stop"},
		{":th nobody", "no thread nobody at this stop"},
		{":ours", "ran echo it"},
	} {
		if line, ok := strings.CutPrefix(step.keys, ":"); ok {
			press(u, ":")
			typed(u, line)
		} else {
			press(u, step.keys)
		}
		if f := draw(t, u, 160, 40); !strings.Contains(f.text(), step.want) {
			t.Errorf("%s: the screen lacks %q:\n%s", step.keys, step.want, f.text())
		}
	}
	press(u, "Esc")
	if !strings.Contains(strings.Join(env, "\n"), "THAW_STOP=33") {
		t.Errorf("environment %q", env)
	}
	if press(u, "n"); fake.called() != "" {
		t.Errorf("n still is what it was: %s", fake.called())
	}
	press(u, "?")
	f := draw(t, u, 160, 200)
	for _, want := range []string{"your own", "Ctrl+T", "tell it", ":object 57", "short for :stop last"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("help lacks %q:\n%s", want, f.text())
		}
	}
}

// What is wrong is told with its place, and the file stays as it is; what is right stays
// with its comments when settings are remembered.
func TestOwnMistakes(t *testing.T) {
	table := newUI(newFake(viewComplete()), Options{}).keymap()
	for text, want := range map[string]string{
		"keys:\n  X: objekt 57":                               `[2:6] keys.X: no command :objekt; the nearest is :object`,
		"keys: {Esc: next}":                                   "Esc always means the same",
		"keys: {Ctrl+Q9: next}":                               "is no key",
		"keys: {X: ''}":                                       "it says no command",
		"aliases:\n  next: stop 1":                            "[2:9] aliases.next: thaw has a command of that name",
		"aliases: {'a b': next}":                              "is no name of a command",
		"aliases: {aa: bb, bb: aa}":                           "no command :bb",
		"commands:\n  xx: {print: a, shell: b}":               "[2:7] commands.xx: give it either print",
		"# mine\nkyes: {X: stop first}":                       `[2:1] unknown field "kyes"`,
		"commands:\n  xx: {shel: a}":                          `[2:8] unknown field "shel"`,
		"# mine\ntheme: pink":                                 `[2:8] theme: no theme is called "pink"`,
		"layout:\n  focus: cellar":                            "[2:10] layout.focus: ",
		"sort: {threads: {by: shoe size}}":                    "[1:22] sort.threads.by: threads has no column",
		"commands: {xx: {}}":                                  "give it either print",
		"keys: {X: next}\ncommands: {xx: {key: X, shell: a}}": "X is given to xx, too",
		"commands: {xx: {key: ':', shell: a}}":                ": always means the same",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, configFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := readSettings(dir)
		if err == nil {
			err = s.checkOwn(dir, table)
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, configFile)
	for text, stays := range map[string]bool{ownText: false, "keys: {X: objekt}\n": true, "kyes: {X: stop first}\n": true} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := startSeeker(t, viewComplete(), Options{ConfigDir: dir}, 120, 40, atStop)
		r.expect("2 threads")
		r.press(":")
		r.typed("theme dark")
		r.expect("theme dark")
		r.press("q")
		r.waitEnd()
		now, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if stays != (string(now) == text) {
			t.Errorf("%q became %q", text, now)
		}
		if !stays && (!strings.Contains(string(now), "# the gate") || !strings.Contains(string(now), "shell: echo it") || !strings.Contains(string(now), "theme: dark")) {
			t.Errorf("what the user wrote is not kept: %s", now)
		}
	}
}
