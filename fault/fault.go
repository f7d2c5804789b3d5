// Package fault makes errors of panics where one that ended the program would leave others
// in disorder: a guest that stands with breakpoints in it, a terminal that shows nothing
// that is typed, a recording without its end.
//
// It must not know what it guards.
package fault

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Fault is a fault of this program: a panic.
type Fault struct {
	what  any
	where string
	Stack []byte // as runtime/debug prints it
}

// Error is one line.
func (f *Fault) Error() string {
	return fmt.Sprintf("thaw itself has a fault (%v in %s): please report it", f.what, f.where)
}

// Guard runs something. A panic in it is its error, a *Fault.
func Guard(run func() error) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = &Fault{what, place(), debug.Stack()}
		}
	}()
	return run()
}

// place is the function of ours that a deferred one's panic came from, with file and line.
func place() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // without us, and who defers
	for f, more := frames.Next(); ; f, more = frames.Next() {
		if strings.HasPrefix(f.Function, "thaw/") || strings.HasPrefix(f.Function, "main.") || !more {
			return fmt.Sprintf("%s, %s:%d", strings.TrimPrefix(f.Function, "thaw/"), filepath.Base(f.File), f.Line)
		}
	}
}
