package tour

import (
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

func walk() Walk {
	sys := kernel.NewSystem(nil, nil)
	var stops []*view.Snapshot
	for n := 1; n <= 5; n++ {
		stops = append(stops, &view.Snapshot{Number: n, Phase: "p", System: sys})
	}
	at := func(ip uint64, stop int) view.Stage {
		return view.Stage{Known: true, IP: ip, SP: 0x400, Stop: stop, Source: "argument of state"}
	}
	return Walk{Title: "A title", Story: "A  story\nin lines", Source: "a list", Seen: "It counts\nanew.", Symptom: "1 sheep", Stops: stops, Last: &view.View{
		Log: []string{"1 sheep", "a restore", "1 sheep. zzZ", "more"},
		Result: view.Result{
			Verdicts: []view.ThreadVerdict{
				{Name: "worker", Verdict: view.Coincident},
				{Name: "ep", Verdict: view.Ignored, Cause: "the state stays in core", Advice: "set the cancel flag", Checkpointed: at(0x10, 2), Requested: at(0x10, 3),
					Kernel: at(0x20, 3), Entered: at(0x20, 5), Evidence: []string{"no write to the entry frame or the continuation after the request"}},
			},
			Memory: &view.MemoryDiff{Same: 7, Pages: []view.PageDiff{{Virt: 0x1000, Region: "bss", First: 8, Bytes: 2, Before: []byte{1}, After: []byte{0}, Like: "zeros"}}},
			Waits:  []view.WaitChange{{Name: "worker", Restored: 5, Original: 3, Before: "receives from anybody", After: "sends to child/ep"}},
			Caps:   &view.CapDiff{Same: 3, After: 4, Missing: []view.SlotCap{{Slot: 0xa, Type: "Gate", Receiver: "child/ep"}}},
		},
	}}
}

func TestTour(t *testing.T) {
	steps := Of(walk())
	var titles []string
	for _, s := range steps {
		titles = append(titles, s.Title)
		if s.Stop < 1 || s.Stop > 5 || s.Text == "" || s.Focus == "" || s.Notes == "" {
			t.Errorf("step %q: stop %d, focus %q, text %q, notes %q", s.Title, s.Stop, s.Focus, s.Text, s.Notes)
		}
	}
	want := []string{"What happened", "The screen", "The checkpoint begins", "What was stored", "Follow ep", "Requested", "In the kernel", "The first step in user mode", "Verdict: IGNORED", "A trap", "Capabilities", "Memory", "A thread that hangs", "What the user saw", "What it was", "Your turn"}
	if !slices.Equal(titles, want) {
		t.Errorf("steps %q, want %q", titles, want)
	}
	if s := steps[12]; s.Focus != "wait" || !strings.HasPrefix(s.Text, "worker (thread 5) sends to child/ep") {
		t.Errorf("the step about a thread that hangs shows %s and tells %q", s.Focus, s.Text)
	}
	if text := steps[6].Text; !strings.Contains(text, "No write to the entry frame") {
		t.Errorf("the kernel's step does not tell who wrote: %s", text)
	}
	if text := steps[7].Text; !strings.Contains(text, "Requested was 10: it goes on elsewhere") {
		t.Errorf("entered: %s", text)
	}
	if first, end := steps[0].Text, steps[14].Text; !strings.HasPrefix(first, `"It counts anew."`) || strings.Contains(first, "story") || end != "A story in lines" {
		t.Errorf("it begins with %q and ends with %q", first, end)
	}
	if text := steps[13].Text; !strings.Contains(text, "\n\n1 sheep. zzZ\n\n") {
		t.Errorf("LOG: %s", text)
	}
	if text := steps[8].Text; !strings.Contains(text, "The state stays in core.") || !strings.Contains(text, "set the cancel flag.") {
		t.Errorf("verdict: %s", text)
	}
}

// What was not seen is not told.
func TestTourOfLittle(t *testing.T) {
	w := walk()
	w.Last.Caps, w.Last.Memory, w.Last.Waits, w.Last.Log = nil, nil, nil, nil
	v := w.Last.Verdicts[1]
	v.Requested, v.Kernel, v.Entered = view.Stage{Missing: "no request for this thread was seen"}, view.Stage{}, view.Stage{}
	v.Verdict = view.NotRequested
	w.Last.Verdicts = []view.ThreadVerdict{v}
	for _, s := range Of(w) {
		if s.Title == "Requested" || s.Title == "In the kernel" || s.Title == "Capabilities" || s.Title == "Memory" || s.Title == "The first step in user mode" {
			t.Errorf("step %q about what was not seen: %s", s.Title, s.Text)
		}
	}
	if Of(Walk{}) != nil {
		t.Error("a tour of nothing")
	}
}
