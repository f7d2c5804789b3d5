package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
)

// Colours are all that themes differ in: every one shows the same text with
// the same attributes.
func TestThemesDifferInColourOnly(t *testing.T) {
	var text, attributes string
	for _, name := range Themes() {
		u := newDrawn(t, newFake(viewNotes()), viewNotes(), Options{Theme: name})
		f := draw(t, u, 120, 40)
		if text == "" {
			text, attributes = f.text(), f.attributes()
		}
		if f.text() != text || f.attributes() != attributes {
			t.Errorf("theme %s shows something else", name)
		}
		if f.color == (name == "mono") {
			t.Errorf("theme %s: a cell has a colour: %v", name, f.color)
		}
	}
}

// NO_COLOR wins over every theme.
func TestNoColor(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	r := startSeeker(t, viewComplete(), Options{Theme: "light"}, 120, 40, nil)
	if f := r.expect("IGNORED"); f.color {
		t.Error("a cell has a colour")
	}
	r.press(":")
	r.typed("theme dark")
	if f := r.expect("theme dark, but colours are off (NO_COLOR)"); f.color {
		t.Error("after :theme a cell has a colour")
	}
	r.press("q")
	r.waitEnd()
}

// A theme is remembered for the next time, in a file that only its owner reads.
func TestThemeIsRemembered(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config", "thaw")
	r := startSeeker(t, viewComplete(), Options{ConfigDir: dir}, 120, 40, nil)
	r.press(":")
	r.typed("theme colour-blind")
	r.expect("theme colour-blind: told apart with any colour vision")
	r.press("q")
	r.waitEnd()
	info, err := os.Stat(filepath.Join(dir, configFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("ui.yaml: %v, %v; want mode 0600", info, err)
	}
	o := Options{ConfigDir: dir}
	if broken, err := o.complete(); broken != nil || err != nil || o.Theme != "colour-blind" {
		t.Errorf("the next time the theme is %q (%v, %v)", o.Theme, broken, err)
	}
	o = Options{ConfigDir: dir, Theme: "light"}
	if _, err := o.complete(); err != nil || o.Theme != "light" {
		t.Errorf("the caller's theme became %q (%v)", o.Theme, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v, want one file", left)
	}
}

// A broken file is told, once, and does not keep anybody from working.
func TestBrokenSettings(t *testing.T) {
	for _, text := range []string{"layout: 7", "layout: {focus: cellar}", "layout: {sizes: {left: 200}}", "layout: {sizes: {left: wide}}",
		"sort: {threads: {by: shoe size}}", "sort: {log: {by: ip}}", "sort: {cellar: {}}", "theme: [", "theme: pink", "- a\n- b\n", strings.Repeat("#", configLimit+1), "theme: \"\x00"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := startSeeker(t, viewComplete(), Options{ConfigDir: dir}, 200, 60, nil)
		r.expect("ignored: ")
		r.press("j")
		r.screen.waitFor(t, "the message go away", func(f *frame) bool { return !strings.Contains(f.text(), "ignored: ") })
		r.press("q")
		r.waitEnd()
	}
	for _, text := range []string{"", "\n", "# nothing\n", "theme: light\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, configFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSettings(dir); err != nil {
			t.Errorf("ui.yaml %q: %v", text, err)
		}
	}
	if _, err := readSettings(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Errorf("without a folder: %v", err)
	}
}

// A theme that cannot be remembered is used all the same.
func TestThemeIsNotRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{ConfigDir: filepath.Join(file, "thaw")})
	u.keeper.chooseTheme("light")
	if !strings.HasPrefix(u.note, "theme and layout are not remembered: ") || u.th.name != "light" {
		t.Errorf("note %q, theme %q", u.note, u.th.name)
	}
}

func TestUnknownTheme(t *testing.T) {
	err := Run(t.Context(), newFake(viewStarting()), Options{Theme: "pink", Screen: newTestScreen(80, 24)})
	if err == nil || !strings.Contains(err.Error(), "dark, light, colour-blind, mono") {
		t.Errorf("error %v, want one that lists the themes", err)
	}
}

// Terminals of few colours show the nearest ones; these must be no black, and
// no two of a theme the same.
func TestThemesOnFewColours(t *testing.T) {
	for _, colours := range []int{8, 16, 256} {
		palette := make([]tcell.Color, colours)
		for i := range palette {
			palette[i] = tcell.PaletteColor(i)
		}
		for _, th := range themeTable[:len(themeTable)-1] {
			seen := map[tcell.Color]bool{}
			for _, c := range []tcell.Color{th.good, th.warn, th.bad} {
				near := tcell.FindColor(c, palette)
				if near == tcell.ColorBlack || seen[near] {
					t.Errorf("%s: colour %v becomes %v of %d colours", th.name, c, near, colours)
				}
				seen[near] = true
			}
		}
	}
}

// Panes, sizes and orders are as they were left, for every kind of screen. A zoom is
// not: it would hide that there are others.
func TestLayoutIsRemembered(t *testing.T) {
	dir := t.TempDir()
	r := startSeeker(t, viewComplete(), Options{ConfigDir: dir}, 120, 40, nil)
	r.press("2", "o", "o", "O", "+", ">", "6", "o", "z")
	r.expect("▲") // the order of the zoomed pane
	r.press("q")
	r.waitEnd()
	text, err := os.ReadFile(filepath.Join(dir, configFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"focus: breakpoints", "low: breakpoints", "by: thread", "down: true", "left:", "threads:"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("ui.yaml lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "theme:") {
		t.Errorf("a theme is remembered that nobody chose:\n%s", text)
	}

	r = startSeeker(t, viewComplete(), Options{ConfigDir: dir, Theme: "light"}, 120, 40, nil)
	f := r.expect("component▲")
	if !strings.Contains(f.line(1), "1 phases") || !strings.Contains(f.text(), "6 breakpoints") {
		t.Errorf("one pane is zoomed, or another has the keys:\n%s", f.text())
	}
	r.press("2")
	f = r.expect("thread▼")
	if before := draw(t, newDrawn(t, newFake(viewComplete()), viewComplete(), Options{}), 120, 40); firstRow(before, "3 detail") >= firstRow(f, "3 detail") ||
		strings.Index(before.line(1), "2 threads") <= strings.Index(f.line(1), "2 threads") {
		t.Errorf("the threads have their usual size:\n%s", f.text())
	}
	r.press("=", "q")
	r.waitEnd()
	if s, err := readSettings(dir); err != nil || s.Layout.Sizes != (sizes{}) || s.Theme != "" {
		t.Errorf("afterwards: %+v, %v", s, err)
	}
}

// A tour divides the screen itself and leaves what was remembered alone.
func TestTourKeepsLayout(t *testing.T) {
	dir := t.TempDir()
	const text = "layout:\n  focus: log\n  low: breakpoints\n"
	if err := os.WriteFile(filepath.Join(dir, configFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startSeeker(t, viewComplete(), Options{ConfigDir: dir, Tour: fixtureTour()}, 120, 40, atStop)
	r.expect("2 threads")
	r.press("z", "5", "+")
	r.press(":")
	r.typed("theme light")
	r.expect("theme light: darker")
	r.press("q")
	r.waitEnd()
	s, err := readSettings(dir)
	if err != nil || s.Layout != (layout{Focus: "log", Low: "breakpoints"}) || s.Theme != "light" {
		t.Errorf("afterwards: %+v, %v", s, err)
	}
}

// The tab of a small screen is the same after a start in which nothing was chosen.
func TestTabIsRemembered(t *testing.T) {
	for _, keys := range []string{"", "4 2", "5 2", "6 3", "6 1"} {
		first := newUI(newFake(viewComplete()), Options{})
		press(first, strings.Fields(keys)...)
		s := first.keeper.settings()
		again := newUI(newFake(viewComplete()), Options{settings: s})
		if a, b := first.panes, again.panes; a.tab != b.tab || a.low != b.low || a.focused != b.focused {
			t.Errorf("after %q: tab %d, low %d, focus %d; next time: %d, %d, %d", keys, a.tab, a.low, a.focused, b.tab, b.low, b.focused)
		}
	}
}
