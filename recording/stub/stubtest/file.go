package stubtest

import (
	"testing"

	"thaw/kernel"
	"thaw/recording"
	"thaw/session"
	"thaw/session/view"
)

// Open opens a recording in a file, with its decoder and its replay.
func Open(t *testing.T, file string) (*recording.Recording, kernel.Decoder, *session.Replay) {
	t.Helper()
	rec, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	dec, r := decoded(t, rec)
	return rec, dec, r
}

// First is the first stop of a recording in a file, which must be whole, and of that
// kernel.
func First(t *testing.T, file, kernel string) *view.View {
	t.Helper()
	rec, dec, r := Open(t, file)
	if rec.Damage() != "" {
		t.Fatal(rec.Damage())
	}
	if name := dec.Platform().Name; name != kernel {
		t.Fatalf("%s is taken for one of %s", file, name)
	}
	v, err := r.View(1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
