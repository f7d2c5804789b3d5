package ui

import (
	"os"
	"strings"
	"testing"
)

// typeKeys presses what a user types, character by character.
func typeKeys(u *ui, text string) { press(u, strings.Split(text, "")...) }

// In an open window a command is typed as anywhere: none of its letters is taken for
// a key of the window, and none of them writes a file.
func TestCommandInWindow(t *testing.T) {
	t.Chdir(t.TempDir())
	v := viewComplete()
	u := newDrawn(t, newFake(v), v, Options{})
	press(u, " ")
	first, second := v.Snapshot.System.PDs()[0].ID.String(), v.Snapshot.System.PDs()[1].ID.String()
	typeKeys(u, ":object "+first)
	press(u, "Enter")
	if u.windows.top == nil || !strings.Contains(u.windows.top.title, first) {
		t.Fatalf("the first window: %+v, note %q", u.windows.top, u.note)
	}
	typeKeys(u, ":object "+second)
	if u.line.open == nil || u.line.open.text() != "object "+second {
		t.Fatalf("in a window : does not ask for a command")
	}
	press(u, "Enter")
	if u.windows.top == nil || !strings.Contains(u.windows.top.title, second) || u.windows.top.below == nil {
		t.Fatalf("the second window: %+v, note %q", u.windows.top, u.note)
	}
	if files, _ := os.ReadDir("."); len(files) > 0 {
		t.Errorf("typing wrote %v", files)
	}
	press(u, "z")
	if u.note != "z works in the panes: Esc goes back to them" {
		t.Errorf("a key that the window has not: %q", u.note)
	}
	typeKeys(u, ":caps")
	press(u, "Enter")
	if u.windows.top != nil || u.focused != paneCaps {
		t.Errorf("a pane was asked for, and a window is over it: %+v, focus %v", u.windows.top, u.focused)
	}
}

// What is deleted to its beginning is still typed: the letters behind that run
// nothing.
func TestTypingGoesOn(t *testing.T) {
	fake := newFake(viewComplete())
	u := newDrawn(t, fake, viewComplete(), Options{})
	press(u, ":", "x", "Backspace2", "Backspace2", "Backspace2", "n", "c")
	if calls := fake.called(); calls != "" || u.line.open == nil || u.line.open.text() != "nc" {
		t.Errorf("letters ran %q", calls)
	}
}
