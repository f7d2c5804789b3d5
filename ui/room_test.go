package ui

import (
	"strings"
	"testing"
	"time"

	"thaw/present"
)

// For a room the selected row stands in a frame, the keys in a corner, and who follows
// gets the same screen with the notes for the speaker.
func TestRoom(t *testing.T) {
	tour := fixtureTour()
	tour.Steps[1].Notes = "Say it slowly.\n\nThen wait."
	for _, size := range [][2]int{{120, 40}, {80, 24}} {
		frames := make(chan *present.Frame, 1000)
		r := startSeeker(t, viewComplete(), Options{Tour: tour, Room: true, Follows: func(f *present.Frame) { frames <- f }}, size[0], size[1], atStop)
		r.press(" ")
		r.expect("step 2 of 3")
		r.press("2", "j", "j")
		f := r.expect(" Space  2  j  j")
		at := firstRow(f, "│▸")
		if at < 0 {
			at = firstRow(f, "││")
		}
		if at < 2 || !strings.Contains(f.line(at-1), "┌──") || !strings.Contains(f.line(at+1), "└──") {
			t.Errorf("the selected row is not in a frame:\n%s", f.text())
		}
		r.press("/")
		r.typed("ep")
		r.expect("  j  /ep  Enter")
		r.press("G", "g", "PgDn", "Esc", "Esc", "q")
		r.waitEnd()
		close(frames)
		told := false
		for f := range frames {
			told = told || f.Step == 2 && f.Steps == 3 && f.Notes == tour.Steps[1].Notes && f.Next == tour.Steps[2].Title && len(f.Rows) == size[1]
		}
		if !told {
			t.Error("no frame tells step 2")
		}
	}
}

// Every row of an airy table can be reached, its first as its last, and is the one that
// is taken for selected.
func TestRoomyTable(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{Room: true})
	u.apply(viewComplete())
	press(u, "2")
	list := u.threads.list
	for i := range list.order {
		f := draw(t, u, 120, 40)
		if got := list.selected(); got != list.order[i] {
			t.Fatalf("row %d of %d: selected is %d, want %d", i, len(list.order), got, list.order[i])
		}
		if top := firstRow(f, "┌───"); top < 0 || !strings.Contains(f.line(top+2), "└───") {
			t.Fatalf("row %d is not in a frame:\n%s", i, f.text())
		}
		press(u, "j")
	}
	press(u, "g")
	if got := list.selected(); got != list.order[0] {
		t.Errorf("g selects %d", got)
	}
	press(u, "G", "1") // the pane without the keys has no air
	draw(t, u, 120, 40)
	if got := list.selected(); got != list.order[len(list.order)-1] {
		t.Errorf("G and another pane select %d", got)
	}
}

// The frame around the selected row covers none of its letters, nor its glyph.
func TestFrameCoversNothing(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{Room: true})
	u.apply(viewComplete())
	for _, key := range []string{"1", "2", "4"} {
		press(u, key, "g")
		f := draw(t, u, 120, 40)
		list := map[string]*listPane{"1": u.phases.list, "2": u.threads.list, "4": u.caps.list}[key]
		cells, row := list.fitted.cells[list.rowOf(0)], f.line(firstRow(f, "┌───")+1)
		if first, last := "│ "+cells[0].Text, cells[len(cells)-1].Text+"│"; !strings.Contains(row, first) || !strings.Contains(row, last) {
			t.Errorf("pane %s: the frame covers some of %q or %q:\n%s", key, first, last, row)
		}
	}
}

// A follower shows notes and screen as there is room, and nothing that is not drawn.
func TestFollower(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{NoGreeting: true})
	u.apply(viewComplete())
	screen := newTestScreen(80, 24)
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	screen.SetSize(80, 24)
	u.root.SetRect(0, 0, 80, 24)
	u.root.Draw(screen)
	begin := time.Now()
	f := &follower{th: newTheme(false, true, &themeTable[0])}
	shows := func(w, h int, want ...string) {
		t.Helper()
		s := newTestScreen(w, h)
		if err := s.Init(); err != nil {
			t.Fatal(err)
		}
		defer s.Fini()
		s.SetSize(w, h)
		f.draw(s, begin.Add(75*time.Second))
		s.Show()
		text := grab(s.SimulationScreen).text()
		for _, x := range want {
			if !strings.Contains(text, x) {
				t.Errorf("%dx%d does not show %q:\n%s", w, h, x, text)
			}
		}
	}
	shows(80, 24, "waiting for the presenter")
	f.frame = &present.Frame{Began: begin, Step: 2, Steps: 9, Title: "What is lost", Notes: "Ask first.", Next: "The end", Rows: present.RowsOf(screen)}
	shows(80, 24, "1:15  step 2 of 9", "What is lost", "Ask first.", "then: The end", "1 phases")
	shows(120, 40, "Ask first.", "1 phases", "? help")
	f.only = 1
	shows(80, 24, "Ask first.")
	f.only = 2
	shows(80, 24, "1 phases", "2 threads")
	f.frame = &present.Frame{Began: begin, Rows: [][]present.Span{{{Text: strings.Repeat("x", 500), FG: 1 << 60}}, nil}}
	shows(20, 3, "xxx")
	shows(1, 1)
}

// Where there is room, the stages of a thread and a short text in a window have air
// between their rows, too.
func TestRoomyTexts(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{Room: true})
	u.apply(viewComplete())
	rows := func(h int, ip, sp string) int {
		f := draw(t, u, 160, h)
		return firstRow(f, sp) - firstRow(f, ip)
	}
	if got := rows(60, "│ip ", "│sp "); got != 2 {
		t.Errorf("60 rows: sp is %d below ip", got)
	}
	if got := rows(24, "ip    1", "sp    4"); got != 1 {
		t.Errorf("24 rows: sp is %d below ip", got)
	}
	press(u, "4", "d", "G", "Enter")
	f := draw(t, u, 80, 24)
	if a, b := firstRow(f, "│ original"), firstRow(f, "│ restored"); a < 0 || b-a != 2 {
		t.Errorf("original in row %d, restored in row %d:\n%s", a, b, f.text())
	}
}
