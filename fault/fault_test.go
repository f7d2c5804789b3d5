package fault

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func spoil(m map[string]int) { m["x"] = 1 }

// A panic becomes an error that says what and where, and has the stack; all else is as
// it was.
func TestGuard(t *testing.T) {
	err := Guard(func() error { spoil(nil); return nil })
	if ok, _ := regexp.MatchString(`^thaw itself has a fault \(assignment to entry in nil map in fault\.spoil, fault_test\.go:\d+\): please report it$`, err.Error()); !ok {
		t.Error(err)
	}
	var f *Fault
	if !errors.As(err, &f) || !strings.Contains(string(f.Stack), "fault.spoil(") {
		t.Errorf("%v", f)
	}
	plain := errors.New("plain")
	if err := Guard(func() error { return plain }); err != plain {
		t.Error(err)
	}
	if err := Guard(func() error { return nil }); err != nil {
		t.Error(err)
	}
}
