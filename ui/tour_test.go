package ui

import (
	"strings"
	"testing"

	"thaw/session/view"
)

// atStop is the end of the run as it is shown at a stop of the history.
func atStop(stop int) *view.View {
	v := *viewComplete()
	v.Snapshot, v.Live = fixtureSnapshot(stop, "a phase", ""), stop == v.Stops
	return &v
}

// A visitor walks through a tour with nothing but the space bar, takes over,
// and comes back.
func TestTour(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{Tour: fixtureTour()}, 120, 40, atStop)
	r.expect("step 1 of 3")
	r.expect("stop 12 of 33, HISTORY")
	r.expect("A tick means that it was entered")
	r.press(" ")
	r.expect("step 2 of 3")
	f := r.expect("stop 24 of 33, HISTORY")
	if !strings.Contains(f.text(), "3 detail ─ 4 caps") || !strings.Contains(f.text(), "ep 231 of sheep_counter (task 1ef)") {
		t.Errorf("the detail of the restored ep is not shown:\n%s", f.text())
	}
	r.press("Left")
	r.expect("step 1 of 3")
	r.expect("stop 12 of 33") // a stop that is shown ends the answer to a key
	r.press("Left")
	r.expect("this is the first step")
	r.press("Right", "Right")
	r.expect("step 3 of 3")
	r.expect("stop 33 of 33, live")
	r.press(" ")
	r.expect("this is the last step; Esc takes over")
	r.press("4") // other keys keep working
	r.expect("object rights label receiver")
	r.press("Esc")
	r.expect("T opens the tour again at step 3")
	r.press(" ")
	r.expect("you have taken over; T opens the tour again")
	r.press("T")
	r.expect("step 3 of 3")
	r.press("q")
	r.waitEnd()
}

// What the presenter looked for in one step hides nothing of the next ones.
func TestTourEndsFilters(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{Tour: fixtureTour()}, 120, 40, atStop)
	r.expect("step 1 of 3")
	r.press("2", "/")
	r.typed("pager")
	r.expect("/pager")
	r.press("3", "/")
	r.typed("registers")
	r.press(" ")
	r.expect("step 2 of 3")
	f := r.expect("stop 24 of 33")
	if strings.Contains(f.text(), "/pager") || strings.Contains(f.text(), "/registers") || !strings.Contains(f.text(), "▸ ≠ IGNORED") {
		t.Errorf("a filter stays:\n%s", f.text())
	}
	r.press("Ctrl-C", "Ctrl-C")
	r.waitEnd()
}

// Auto-play goes through all steps by itself and ends at the last.
func TestTourPlays(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{Tour: fixtureTour()}, 80, 24, atStop)
	r.expect("step 1 of 3")
	r.press("a")
	r.expect("step 3 of 3")
	r.expect("this is the last step")
	r.press("Backspace2")
	r.expect("step 2 of 3")
	r.press("q")
	r.expect("leave the story at step 2 of 3?")
	r.press("Enter", "x", "n")
	r.expect("step 2 of 3")
	r.press("q") // it asks once
	r.waitEnd()
}

// A stop that is not there yet is shown when it comes; until then the tour says
// so.
func TestTourWaits(t *testing.T) {
	r := startSeeker(t, viewStarting(), Options{Tour: fixtureTour()}, 120, 40, atStop)
	r.expect("Stop 12 is shown as soon as")
	r.ctrl.publish(viewStopped())
	r.expect("stop 12 of 33, HISTORY")
	tour := fixtureTour()
	tour.Steps[0].Stop = 40
	r.press("q")
	r.waitEnd()

	r = startSeeker(t, viewStopped(), Options{Tour: tour}, 120, 40, atStop)
	r.expect("Stop 40 is not there yet, the")
	r.press("a")
	r.expect("auto-play waits: Stop 40 is not there yet")
	r.press("q")
	r.waitEnd()
	if c := r.ctrl.called(); strings.Contains(c, "show=40") {
		t.Errorf("a stop that is not there was asked for: %s", c)
	}
}

// A session that refuses to show a stop is not asked again and again.
func TestTourIsRefused(t *testing.T) {
	fake := newFake(viewComplete())
	u := newUI(fakeSeeker{fake}, Options{Tour: fixtureTour()})
	for range 5 {
		u.apply(viewComplete())
	}
	if got := fake.called(); got != "show=12" {
		t.Errorf("calls: %s, want one", got)
	}
	u.apply(viewRunning())
	u.apply(viewComplete())
	if got := fake.called(); got != "show=12 show=12" {
		t.Errorf("after a run, calls: %s, want a second one", got)
	}
}

// Steps about threads and sessions that are not there say so.
func TestTourProblems(t *testing.T) {
	tour := &Tour{Title: "odd", Steps: []TourStep{{Thread: "nobody", Title: "first", Text: "text"}, {Stop: 3, Title: "second"}}}
	u := newUI(newFake(viewComplete()), Options{Tour: tour})
	u.apply(viewComplete())
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "There is no restored thread nobody at this stop.") {
		t.Errorf("the tour does not say that the thread is missing:\n%s", f.text())
	}
	press(u, " ")
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "This step is about stop 3: go there with p and f.") {
		t.Errorf("the tour does not say that it cannot jump:\n%s", f.text())
	}
	if u := newUI(newFake(viewComplete()), Options{Tour: &Tour{Title: "empty"}}); u.tour != nil {
		t.Error("a tour without steps was begun")
	}
}

// A narration longer than the pane is read page by page.
func TestTourReadsOn(t *testing.T) {
	u := newUI(fakeSeeker{newFake(viewComplete())}, Options{Tour: fixtureTour()})
	u.apply(viewComplete())
	draw(t, u, 80, 24)
	press(u, " ")
	f := draw(t, u, 80, 24)
	if !strings.Contains(f.text(), "Space read on ▼") || strings.Contains(f.text(), "watch the arrow") {
		t.Errorf("the first page is not told as such:\n%s", f.text())
	}
	press(u, " ")
	if f = draw(t, u, 80, 24); !strings.Contains(f.text(), "step 2 of 3") || !strings.Contains(f.text(), "watch the arrow") {
		t.Errorf("the second page is not shown:\n%s", f.text())
	}
	press(u, " ")
	if f = draw(t, u, 80, 24); !strings.Contains(f.text(), "step 3 of 3") {
		t.Errorf("the next step is not shown:\n%s", f.text())
	}
}

// Who walks the stops takes the story along, and is told what it is about.
func TestTourAccompanies(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{Tour: fixtureTour()}, 120, 40, atStop)
	r.expect("stop 12 of 33, HISTORY")
	r.press(":")
	r.typed("stop 25")
	r.expect("step 2 of 3")
	r.expect("This step is about stop 24")
	r.press(":")
	r.typed("stop 24")
	r.expect("stop 24 of 33")
	r.press(":")
	r.typed("stop 23")
	r.expect("step 1 of 3")
	r.press("Ctrl-C")
	r.waitEnd()
}

// A story that was left goes on where it was, if the user wants that.
func TestTourGoesOn(t *testing.T) {
	dir := t.TempDir()
	story := func() Options {
		tour := fixtureTour()
		tour.Name = "rtcr"
		return Options{Tour: tour, ConfigDir: dir}
	}
	r := startSeeker(t, viewComplete(), story(), 120, 40, atStop)
	r.press(" ")
	r.expect("step 2 of 3")
	r.press("Ctrl-C", "Ctrl-C")
	r.waitEnd()
	r = startSeeker(t, viewComplete(), story(), 120, 40, atStop)
	r.expect("go on at step 2 of 3, where you left?")
	r.press("y", " ", " ", " ") // faster than the stops are shown
	r.expect("step 3 of 3")
	r.expect("stop 33 of 33")
	r.press(" ")
	r.expect("this is the last step")
	r.press("q")
	r.waitEnd()
	r = startSeeker(t, viewComplete(), story(), 120, 40, atStop)
	if f := r.expect("step 1 of 3"); strings.Contains(f.text(), "go on at step") {
		t.Errorf("a story that was told to its end is gone on with:\n%s", f.text())
	}
	r.press("q")
	r.waitEnd()
}

// A step about a page or a wait selects the first such row, which Enter opens; a step
// about all that differs the first of all.
func TestTourSelectsRow(t *testing.T) {
	v := viewComplete()
	v.Memory = &view.MemoryDiff{Pages: []view.PageDiff{{Virt: 0x1000, Region: "bss", Bytes: 1, Before: []byte{3}, After: []byte{0}}}}
	v.Waits = []view.WaitChange{{Name: "ep", Before: "receives from anybody", After: "sends to sheep_counter/ep"}}
	steps := []TourStep{{Focus: "threads", Title: "threads", Text: "Text."}}
	wants := []string{"page, bss", "", "wait"}
	for _, focus := range []string{"page", "diff", "wait"} {
		steps = append(steps, TourStep{Focus: focus, Title: focus, Text: "Text."})
	}
	u := newDrawn(t, fakeSeeker{newFake(v)}, v, Options{Tour: &Tour{Steps: steps}})
	for n, want := range wants {
		press(u, " ")
		l := u.caps.list.src.(*diffList)
		if want == "" {
			want = l.rows[0].word
		}
		if got := l.rows[u.caps.list.selected()].word; got != want {
			t.Errorf("the step about a %s selects %q, want %q", steps[n+1].Focus, got, want)
		}
		press(u, "g", "j") // a row that the user chose does not survive into the next step
	}
}

// The first hints come once for each kind of session, and name keys that work there.
func TestGreetsOnce(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []bool{true, false} {
		settings, err := readSettings(dir)
		if err != nil {
			t.Fatal(err)
		}
		u := newUI(newFake(viewComplete()), Options{ConfigDir: dir, settings: settings})
		u.apply(viewComplete())
		if f := draw(t, u, 120, 40); strings.Contains(f.text(), "n runs to the next phase") != want {
			t.Errorf("hints, want %v:\n%s", want, f.text())
		}
		press(u, "Esc")
	}
	u := newUI(fakePlayer{fakeSeeker{newFake(viewHistory())}}, Options{})
	u.apply(viewHistory())
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "n and p walk the stops") {
		t.Errorf("a recording has other hints:\n%s", f.text())
	}
}

// Space goes on with the story from an open window, too, and from a window above it.
func TestTourFromWindow(t *testing.T) {
	fake := newFake(viewComplete())
	u := newDrawn(t, fakeSeeker{fake}, viewComplete(), Options{Tour: fixtureTour()})
	press(u, "4", "d", "G", "Enter", "Enter", " ")
	if f := draw(t, u, 120, 40); u.windows.top != nil || !strings.Contains(f.text(), "step 2 of 3") {
		t.Errorf("Space in a window:\n%s", f.text())
	}
	press(u, "?", "Left")
	if f := draw(t, u, 120, 40); u.windows.top != nil || !strings.Contains(f.text(), "step 1 of 3") {
		t.Errorf("Left in the help:\n%s", f.text())
	}
}
