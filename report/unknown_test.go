package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// What there is none of, and what is not known, is no number in text and JSON.
func TestNoneIsNoNumber(t *testing.T) {
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 1, Class: "Task", Kind: "Task", PD: &kernel.PD{Problem: "page 3 cannot be read"}},
		{ID: 2, Class: "Thread", Kind: "Thread", Thread: &kernel.Thread{PD: 1, Source: kernel.SourceNone}},
		{ID: 3, Class: "Task", Kind: "Task", PD: &kernel.PD{Root: 0x5000, Caps: []kernel.Capability{{Slot: 7}}}},
	}, nil)
	s := &view.Snapshot{System: sys}
	var out bytes.Buffer
	if err := Snapshot(&out, s, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"none                  none             none", "none    0+?", "5000      1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	raw, err := json.Marshal(NewSnapshotJSON(s))
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`"ip"`, `"sp"`, `"root":"0x0"`, `"object":"0"`} {
		if bytes.Contains(raw, []byte(bad)) {
			t.Errorf("%s is in %s", bad, raw)
		}
	}
	if !bytes.Contains(raw, []byte(`"root":"0x5000"`)) {
		t.Errorf("page tables are gone: %s", raw)
	}
}
