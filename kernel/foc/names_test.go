package foc_test

import (
	"testing"

	"thaw/kernel"
	"thaw/kernel/foc"
)

func TestStateString(t *testing.T) {
	for want, th := range map[string]*kernel.Thread{
		"rcv_wait,exc_progr": {State: 0x40008, StateNames: []string{"receive_wait", "in_exception"}},
		"ready,fpu":          {State: 0x8001, StateNames: []string{"ready", "fpu_owner"}},
		"rcv_wait,canceled":  {State: 0x48, StateNames: []string{"receive_wait", "canceled"}}, // JDB has no name for it
		"0x800":              {State: 0x800},
	} {
		if got := foc.StateString(th); got != want {
			t.Errorf("state %#x: %q, want %q", th.State, got, want)
		}
	}
}
