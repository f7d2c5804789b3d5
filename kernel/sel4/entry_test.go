package sel4

import (
	"testing"

	"thaw/kernel"
)

// inFunction is debug info of which only that is asked in which function an address is.
type inFunction struct {
	kernel.Symbols
	name string
}

func (f inFunction) FunctionAt(uint64) (string, uint64, bool) { return f.name, 0, f.name != "" }

// What pushes registers right into the TCB leaves it half written: nothing that stands
// there is the thread's user state. What comes after that is in the usual places.
func TestEntering(t *testing.T) {
	for name, want := range map[string]bool{
		"handle_fastsyscall": true, "handle_syscall": true, "handle_interrupt": true, "int_07": true, "c_x64_handle_interrupt": true,
		"c_handle_syscall": false, "fastpath_call": false, "restore_user_context": false, "": false,
	} {
		if got := (&Layout{file: inFunction{name: name}}).entering(1); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
