package ui

import (
	"strings"
	"testing"

	"thaw/session/captables"
	"thaw/session/view"
)

// What moved is told in one row, with how sure that is; so is what is not made yet.
func TestMovedCapabilities(t *testing.T) {
	v := *viewComplete()
	irq := view.SlotCap{Slot: 0x210, Object: 0x155, Type: "IRQ", Rights: "SW", Receiver: "sheep_counter/signal handler"}
	now := irq
	now.Slot, now.Object = 0x201, 0x1f1
	v.Caps = &view.CapDiff{Original: 0x153, Restored: 0x1ef, Checkpoint: 14, After: 32, Same: 30,
		Moved:  []view.CapMove{{Before: irq, After: now, Certainty: captables.Likely}},
		Later:  []view.SlotCap{{Slot: 0x201, Object: 0x1b0, Type: "Gate", Rights: "SW", Receiver: "rtcr/resources ep"}},
		Copies: []view.CapCopy{{SlotCap: view.SlotCap{Slot: 0x20f, Object: 0x202, Type: "Gate", Rights: "SW"}, Of: 0x21e, Restored: true}}}
	u := newDrawn(t, newFake(&v), &v, Options{})
	press(u, "4", "d", "g")
	f := draw(t, u, 120, 40)
	for _, want := range []string{"1 moved, 0 missing, 0 extra, 0 changed, 1 not made yet, 1 copy", "→ moved", "210→201", "IRQ 1f1 SW sheep_counter/signal handler", "… not made yet", "· copy"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("the screen lacks %q:\n%s", want, f.text())
		}
	}
	press(u, "Enter")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "likely: others are like it") {
		t.Errorf("how sure the move is:\n%s", f.text())
	}
}

// What stands behind a gate is told as long as there is room, before who serves it.
func TestSlotWords(t *testing.T) {
	c := &view.SlotCap{Type: "Gate", Object: 0x1aa, Rights: "SW", Receiver: "rtcr/resources ep", Behind: "Rtcr::Log_session_component"}
	for w, want := range map[int]string{
		100: "Gate 1aa SW rtcr/resources ep (Rtcr::Log_session_component)",
		50:  "Gate 1aa SW resources ep (Log_session_component)",
		40:  "Gate resources ep (Log_session_component)",
		30:  "Gate Log_session_component",
		20:  "Gate resources ep",
	} {
		if got := slotWords(c, false, w+1); got != want {
			t.Errorf("%d columns: %q, want %q", w, got, want)
		}
	}
	c.Called = `"sheep_counter"`
	for w, want := range map[int]string{
		100: `Gate 1aa SW rtcr/resources ep (Rtcr::Log_session_component "sheep_counter")`,
		50:  `Gate Log_session_component "sheep_counter"`,
		41:  "Gate resources ep (Log_session_component)",
	} {
		if got := slotWords(c, false, w); got != want {
			t.Errorf("%d columns, with what it is called: %q, want %q", w, got, want)
		}
	}
}
