package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thaw/session/view"
)

// fakeTraveller is a live session whose guest goes back.
type fakeTraveller struct{ fakeForcer }

func (f fakeTraveller) ReverseStep()     { f.call("reverse step") }
func (f fakeTraveller) ReverseContinue() { f.call("reverse continue") }
func (f fakeTraveller) LastWriteOf(w view.Word, steps int) {
	f.call(fmt.Sprintf("who wrote %s, %d", w.Words(), steps))
}
func (f fakeTraveller) AskRun(ask view.RunQuestion) {
	f.call(fmt.Sprintf("ask run %d-%d %s", ask.From, ask.To, ask.Expr))
}
func (f fakeTraveller) GoToPosition(position uint64) { f.call(fmt.Sprint("position ", position)) }
func (f fakeTraveller) Restart(stop int)             { f.call("restart") }

// inMode is a view of a session that goes back in a certain way.
func inMode(v *view.View, mode view.BackMode, noReverse, noRestart string) *view.View {
	out := *v
	out.Back, out.NoReverse, out.NoRestart = mode, noReverse, noRestart
	return &out
}

// With reverse execution all keys go back; the line says what is in force.
func TestReverseKeys(t *testing.T) {
	v := inMode(viewComplete(), view.BackReverse, "", "")
	fake := newFake(v)
	r := startRobotAt(t, fake, fakeTraveller{fakeForcer{fake}}, Options{}, 160, 45)
	r.expect("back: reverse execution")
	called := make(chan string, 1)
	fake.onCall = func(name string) { called <- name }
	for key, want := range map[string]string{"S": "reverse step", "C": "reverse continue", "W": "who wrote the saved state of thread 231, 1"} {
		r.press(key)
		select {
		case name := <-called:
			if name != want {
				t.Errorf("%s called %q", key, name)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s did nothing", key)
		}
	}
	for line, want := range map[string]string{":wrote 401ff9a0 1f": "who wrote the word at 401ff9a0 of task 1f, 1", ":wrote slot 20f 1f": "who wrote slot 20f of task 1f, 1",
		":origin register rbx": "who wrote the saved rbx of thread 231, 16"} {
		r.press(strings.Split(line, "")...)
		r.press("Enter")
		select {
		case name := <-called:
			if name != want {
				t.Errorf("%s called %q, want %q", line, name, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s did nothing", line)
		}
	}
	r.press(strings.Split(":wrote xyz", "")...)
	r.press("Enter")
	r.expect("is no hex number")
	r.press("F")
	r.expect("a replayed run cannot be changed")
	r.press("B")
	r.expect("the guest is at this stop")
}

// Who wrote a word is asked in the memory view, and its answer leads to the place.
func TestWhoWroteKeys(t *testing.T) {
	v := inMode(viewPeek(view.QueryMemory)(), view.BackReverse, "", "")
	fake := newFake(v)
	var calls []string
	fake.onCall = func(name string) { calls = append(calls, name) }
	u := newDrawn(t, fakeTraveller{fakeForcer{fake}}, v, Options{})
	u.asks.answer(v.Peek)
	press(u, "W")
	u.asks.answer(&view.Peek{Title: "who wrote it", Origins: []view.Origin{{Position: 77, Word: "the word", Place: view.Place{Function: "f"}, Sure: true}, {Text: "it stood there"}}})
	press(u, "Enter")
	if got := strings.Join(calls, "; "); !strings.HasPrefix(got, "who wrote the word at ") || !strings.HasSuffix(got, "position 77") {
		t.Errorf("called: %s", got)
	}
}

// Keys that do nothing say why, and what to do about it.
func TestNoWayBackSaysWhy(t *testing.T) {
	const why = "the stub offers no reverse execution: start QEMU with rr=replay, or use thaw lab --rr"
	fake := newFake(viewComplete())
	live := inMode(viewComplete(), view.BackHistory, why, "the guest cannot be put back")
	u := newDrawn(t, fakeTraveller{fakeForcer{fake}}, live, Options{})
	for _, key := range []string{"S", "C", "W", "B"} {
		press(u, key)
		if want := map[bool]string{true: "cannot be put back", false: "offers no reverse execution"}[key == "B"]; !strings.Contains(u.note, want) {
			t.Errorf("%s says %q", key, u.note)
		}
	}
	if calls := fake.called(); calls != "" {
		t.Errorf("disabled keys called %q", calls)
	}
	if why := newDrawn(t, fakePlayer{fakeSeeker{fake}}, viewHistory(), Options{}).needReverse(); why != whyRecordedStops {
		t.Errorf("in a recording: %q", why)
	}
}

// A stop of the history tells whether the guest can be put there; where that
// loses what the guest did since, it is asked before.
func TestRestartAsks(t *testing.T) {
	earlier := *viewComplete()
	earlier.Live, earlier.Message = false, ""
	earlier.Stops = earlier.Snapshot.Number + 3
	for _, tt := range []struct {
		mode      view.BackMode
		noRestart string
		says      string
	}{
		{view.BackReverse, "", "B puts the guest here (reverse execution)"},
		{view.BackSnapshots, "", "B puts the guest here (VM snapshots)"},
		{view.BackSnapshots, "no VM snapshot", "no VM snapshot here, the guest stays"},
		{view.BackHistory, "no", "history only, the guest stays at stop"},
	} {
		fake := newFake(viewComplete())
		u := newDrawn(t, fakeTraveller{fakeForcer{fake}}, inMode(&earlier, tt.mode, "x", tt.noRestart), Options{})
		if text := u.bars.statusText(200).text; !strings.Contains(text, tt.says) {
			t.Errorf("%s: %q", tt.mode, text)
		}
		press(u, "B")
		asks := tt.mode == view.BackSnapshots && tt.noRestart == ""
		if (u.line.open != nil) != asks {
			t.Errorf("%s: asks %v", tt.mode, u.line.open != nil)
		}
		if asks {
			draw(t, u, 120, 40)
			press(u, "Enter", "y")
		}
		if calls := fake.called(); (calls == "restart") != (tt.noRestart == "") {
			t.Errorf("%s %q: called %q", tt.mode, tt.noRestart, calls)
		}
	}
}
