package foc

import (
	"strings"
	"testing"
)

func TestStateWords(t *testing.T) {
	for flags, want := range map[string]string{
		"receive_wait in_exception": "rcv_wait exc_progr",
		"ready fpu_owner":           "ready fpu",
		"receive_wait canceled":     "rcv_wait canceled", // JDB has no name for it
		"":                          "",
	} {
		if got := strings.Join(stateWords(strings.Fields(flags)), " "); got != want {
			t.Errorf("%s: %q, want %q", flags, got, want)
		}
	}
}
