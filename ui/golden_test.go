package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thaw/session/view"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// Golden screens: text, and below it one letter per cell for its attributes
// (b bold, r reverse, R both, u underline, U bold underline, . dim).
func TestGolden(t *testing.T) {
	type size struct{ w, h int }
	small, middle, large := size{80, 24}, size{120, 40}, size{200, 60}
	tests := []struct {
		name   string
		view   func() *view.View
		before []func() *view.View // shown before it
		player bool                // the session is a recording
		liver  bool                // it can be asked to look at a guest that runs
		opt    Options
		keys   []string
		sizes  []size
	}{
		{name: "greeting", view: viewStarting, sizes: []size{small, middle}},
		{name: "starting", view: viewStarting, keys: []string{" "}, sizes: []size{small, middle}},
		{name: "running", view: viewRunning, keys: []string{" "}, sizes: []size{small, middle}},
		{name: "lent", view: viewLent, keys: []string{" "}, sizes: []size{small, middle}},
		{name: "live", view: viewLooked, liver: true, keys: []string{" ", ":", "l", "i", "v", "e", "Enter"}, sizes: []size{small, middle}},
		{name: "stopped", view: viewStopped, keys: []string{" "}, sizes: []size{small, middle, large}},
		{name: "complete", view: viewComplete, keys: []string{" "}, sizes: []size{small, middle, large}},
		{name: "detail-zoomed", view: viewComplete, keys: []string{" ", "3", "z"}, sizes: []size{small, middle}},
		{name: "coincident", view: viewComplete, keys: []string{" ", "j"}, sizes: []size{small, middle}},
		{name: "original", view: viewComplete, keys: []string{" ", "j", "j", "j", "j"}, sizes: []size{small}},
		{name: "threads-zoomed", view: viewComplete, keys: []string{" ", "z"}, sizes: []size{small, large}},
		{name: "history", view: viewHistory, keys: []string{" ", "n"}, sizes: []size{small, middle}},
		{name: "ended", view: viewEnded, keys: []string{" "}, sizes: []size{small, middle}},
		{name: "help", view: viewRunning, keys: []string{" ", "?"}, sizes: []size{small, middle, large}},
		{name: "capabilities", view: viewComplete, keys: []string{" ", "4"}, sizes: []size{small}},
		{name: "diff", view: viewComplete, keys: []string{" ", "d"}, sizes: []size{small, middle, large}},
		{name: "log", view: viewComplete, keys: []string{" ", "5"}, sizes: []size{small}},
		{name: "filter", view: viewComplete, keys: []string{" ", "/", "e", "p", " ", "r", "t"}, sizes: []size{small, middle}},
		{name: "filter-none", view: viewComplete, keys: []string{" ", "/", "x", "y", "z", "Enter"}, sizes: []size{small}},
		{name: "ascii", view: viewComplete, opt: Options{ASCII: true, NoColor: true}, keys: []string{" "}, sizes: []size{small, middle}},
		{name: "ascii-diff", view: viewComplete, opt: Options{ASCII: true, NoColor: true}, keys: []string{" ", "d"}, sizes: []size{small}},
		{name: "breakpoints", view: viewComplete, keys: []string{" ", "6"}, sizes: []size{small, middle, large}},
		{name: "breakpoints-sorted", view: viewComplete, keys: []string{" ", "6", "z", "o", "o", "o", "o", "o", "O"}, sizes: []size{small, large}},
		{name: "notes", view: viewNotes, keys: []string{" "}, sizes: []size{small, middle, large}},
		{name: "notes-phases", view: viewNotes, keys: []string{" ", "1", "z"}, sizes: []size{small}},
		{name: "note-typed", view: viewNotes, keys: []string{" ", "M", "w", "h", "o", "?"}, sizes: []size{small}},
		{name: "palette", view: viewComplete, keys: []string{" ", ":"}, sizes: []size{small, middle, large}},
		{name: "palette-word", view: viewComplete, keys: []string{" ", ":", "t", "h", "e", "Tab", "Tab", "Tab"}, sizes: []size{small}},
		{name: "palette-unknown", view: viewComplete, keys: []string{" ", ":", "e", "x", "p", "r", "o", "t", "Enter"}, sizes: []size{small}},
		{name: "object", view: viewComplete, keys: []string{" ", "4", "j", "Enter"}, sizes: []size{small, middle, large}},
		{name: "changes", view: viewComplete, before: []func() *view.View{viewBefore}, keys: []string{" ", "2", "/", "e", "n", "t", "r", "y", "Enter", "3", "z"}, sizes: []size{small, middle}},
		{name: "changes-verdict", view: viewComplete, before: []func() *view.View{viewBefore}, keys: []string{" ", "3", "z", "PgDn"}, sizes: []size{small, large}},
		{name: "help-detail", view: viewStopped, keys: []string{" ", "3", "?"}, sizes: []size{large}},
		{name: "tour", view: viewHistory, opt: Options{Tour: fixtureTour()}, keys: []string{" "}, sizes: []size{small, middle, large, {100, 30}}},
		{name: "tour-read-on", view: viewHistory, opt: Options{Tour: fixtureTour()}, keys: []string{" ", " "}, sizes: []size{small}},
		{name: "tour-waits", view: viewStopped, opt: Options{Tour: fixtureTour()}, keys: []string{" ", " ", " ", "a"}, sizes: []size{small, middle, large}},
		{name: "tour-closed", view: viewHistory, opt: Options{Tour: fixtureTour()}, keys: []string{" ", "Esc"}, sizes: []size{small, middle}},
		{name: "tour-ascii", view: viewHistory, opt: Options{Tour: fixtureTour(), ASCII: true, NoColor: true}, keys: []string{" "}, sizes: []size{small}},
		{name: "recording", view: viewHistory, player: true, keys: []string{" ", "s"}, sizes: []size{small, middle, large}},
		{name: "mono", view: viewNotes, opt: Options{Theme: "mono"}, keys: []string{" "}, sizes: []size{small, middle, large}},
		{name: "members", view: viewPeek(view.QueryObject), keys: []string{" ", "j", "j"}, sizes: []size{small, middle, large}},
		{name: "memory", view: viewPeek(view.QueryMemory), keys: []string{" ", "Right"}, sizes: []size{small, middle, large}},
		{name: "memory-ascii", view: viewPeek(view.QueryMemory), opt: Options{ASCII: true, NoColor: true}, keys: []string{" "}, sizes: []size{small}},
		{name: "stack", view: viewPeek(view.QueryStack), keys: []string{" "}, sizes: []size{small, middle}},
		{name: "search", view: viewComplete, keys: []string{" ", "3", "z", "/", "l", "o", "c", "k", "Enter", ";"}, sizes: []size{small, middle}},
		{name: "resized", view: viewComplete, keys: []string{" ", "+", "+", ">", "4", "+", "<"}, sizes: []size{small, middle}},
		{name: "narrow", view: viewComplete, keys: []string{" "}, sizes: []size{{60, 30}, {40, 10}}},
	}
	for _, tt := range tests {
		for _, s := range tt.sizes {
			name := fmt.Sprintf("%s-%dx%d", tt.name, s.w, s.h)
			t.Run(name, func(t *testing.T) {
				var c Controller = fakeSeeker{newFake(tt.view())}
				if tt.player {
					c = fakePlayer{fakeSeeker{newFake(tt.view())}}
				}
				if tt.liver {
					c = fakeLiver{newFake(tt.view())}
				}
				began := time.Now()
				tt.opt.now = func() time.Time { return began } // a slow machine draws the same
				u := newUI(c, tt.opt)
				for _, before := range tt.before {
					u.apply(before())
				}
				u.apply(tt.view())
				for _, k := range tt.keys {
					draw(t, u, s.w, s.h) // keys meet a drawn screen, as a user's do
					press(u, k)
				}
				f := draw(t, u, s.w, s.h)
				if (tt.opt.NoColor || tt.opt.Theme == "mono") && f.color {
					t.Error("a cell has a colour although colours are off")
				}
				if tt.opt.ASCII && !isASCII(f.text()) {
					t.Error("a cell is not ASCII")
				}
				compareGolden(t, name, f.text()+"--- attributes\n"+f.attributes())
			})
		}
	}
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the golden screen: %v; write it with go test ./ui -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the screen differs (-golden +now); if it is meant, run go test ./ui -update\n%s", diff)
	}
}
