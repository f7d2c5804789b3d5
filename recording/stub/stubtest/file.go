package stubtest

import (
	"testing"

	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/session"
	"thaw/session/view"
)

// First is the first stop of a recording in a file, which must be whole, and of that
// kernel.
func First(t *testing.T, file, kernel string) *view.View {
	t.Helper()
	rec, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Damage() != "" {
		t.Fatal(rec.Damage())
	}
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	dec, paging, err := kernels.Open(symbols, core)
	if err != nil {
		t.Fatal(err)
	}
	if name := dec.Platform().Name; name != kernel {
		t.Fatalf("%s is taken for one of %s", file, name)
	}
	r, err := session.NewReplay(rec, dec, paging)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.View(1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
