package cast

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
)

func put(s *Screen, y int, style tcell.Style, text string) {
	for x, r := range text {
		s.SetContent(x, y, r, nil, style)
	}
	s.Show()
}

func TestFilm(t *testing.T) {
	s, err := NewScreen(20, 3)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f, err := NewFilm(&out, s, "a title", 2)
	if err != nil {
		t.Fatal(err)
	}
	put(s, 0, tcell.StyleDefault.Bold(true).Foreground(tcell.ColorRed), "hello")
	put(s, 1, tcell.StyleDefault, "same")
	f.Frame(2 * time.Second)
	put(s, 0, tcell.StyleDefault, "world")
	f.Frame(time.Second)
	f.Frame(time.Second) // nothing changed
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(&out)
	lines.Scan()
	var h header
	if err := json.Unmarshal(lines.Bytes(), &h); err != nil || h.Version != 2 || h.Width != 20 || h.Height != 3 || h.Title != "a title" {
		t.Errorf("header %s: %v", lines.Text(), err)
	}
	var at []float64
	var text []string
	for lines.Scan() {
		var ev [3]any
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil || ev[1] != "o" {
			t.Fatalf("event %s: %v", lines.Text(), err)
		}
		at = append(at, ev[0].(float64))
		text = append(text, ev[2].(string))
	}
	if len(at) != 3 || at[0] != 0 || at[1] != 2 || at[2] != 4 {
		t.Fatalf("events at %v", at)
	}
	if !strings.Contains(text[0], "\x1b[1;1H\x1b[0;1;38;2;255;0;0mhello") || !strings.Contains(text[0], "\x1b[2;1H\x1b[0msame") {
		t.Errorf("first frame %q", text[0])
	}
	if !strings.Contains(text[1], "world") || strings.Contains(text[1], "same") {
		t.Errorf("second frame %q: only what changed is filmed", text[1])
	}
}

func TestSettle(t *testing.T) {
	s, err := NewScreen(10, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(100*time.Millisecond, func() bool { return false }); !errors.Is(err, ErrStill) {
		t.Errorf("a screen that never shows it: %v", err)
	}
	go put(s, 0, tcell.StyleDefault, "x")
	if err := s.Settle(5*time.Second, func() bool { return s.Shows() > 0 }); err != nil {
		t.Error(err)
	}
}

// Version 3 tells the terminal in one member, and the time since the event before.
func TestFilmVersion3(t *testing.T) {
	s, err := NewScreen(20, 3)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f, err := NewFilm(&out, s, "a title", 3)
	if err != nil {
		t.Fatal(err)
	}
	put(s, 0, tcell.StyleDefault, "hello")
	f.Frame(2 * time.Second)
	put(s, 0, tcell.StyleDefault, "world")
	f.Frame(3 * time.Second)
	if err := f.End(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if want := `{"version":3,"title":"a title","term":{"cols":20,"rows":3,"type":"xterm-256color"}}`; len(lines) != 4 || !sameJSON(lines[0], want) {
		t.Fatalf("%q, want 4 lines, the first %s", lines, want)
	}
	for i, at := range []string{"[0,", "[2,", "[3,"} {
		if !strings.HasPrefix(lines[i+1], at) {
			t.Errorf("event %d is %s, want it after %s", i, lines[i+1], at)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
