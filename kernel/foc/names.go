package foc

import (
	"fmt"

	"thaw/kernel"
)

// The kinds of objects that the decoder looks into, in the kernel debugger's
// words.
const (
	kindThread kernel.Kind = "Thread"
	kindTask   kernel.Kind = "Task"
	kindGate   kernel.Kind = "Gate"
	kindIRQ    kernel.Kind = "IRQ"
)

// The names of the places where the user state of a thread is kept.
const (
	inFrame kernel.Source = "frame"     // entry frame on its kernel stack
	inCont  kernel.Source = "_exc_cont" // an exception was triggered: the frame holds a kernel ip
)

// rights are the right bits of a capability's pointer in the kernel debugger's
// words: bit 0 is W, bit 1 is S.
var rights = [4]string{"--", "-W", "S-", "SW"}

// flagWords are the further right bits of a capability table's entry, by these
// bits shifted to the right end.
var flagWords = func() (all [1 << 5]string) {
	for i := range all {
		all[i] = fmt.Sprintf("%#x", i<<3)
	}
	return all
}()

// stateNames are the kernel debugger's names of thread-state flags, by the
// flag's name in enum Thread_state without its prefix. The debugger has its own
// table (Jdb_thread::print_state_long), which is data without debug info; it
// holds for 2016's kernel and for today's.
var stateNames = map[string]string{
	"ready":               "ready",
	"drq_ready":           "drq_rdy",
	"send_wait":           "send",
	"receive_wait":        "rcv_wait",
	"receive_in_progress": "rcv_in_progr",
	"ipc_transfer":        "transfer",
	"cancel":              "cancel",
	"timeout":             "timeout",
	"dead":                "dead",
	"suspended":           "suspended",
	"finish_migration":    "migrate",
	"need_resched":        "resched",
	"fpu_owner":           "fpu",
	"alien":               "alien",
	"dis_alien":           "dealien",
	"in_exception":        "exc_progr",
	"drq_wait":            "drq",
	"waiting":             "lock_wait",
	"vcpu_enabled":        "vcpu",
	"vcpu_user":           "vcpu_user",
	"vcpu_fpu_disabled":   "vcpu_fpu_disabled",
	"ext_vcpu_enabled":    "vcpu_ext",
}

// stateWords are state flags in the kernel debugger's words. A flag that it has
// no word for keeps the kernel's.
func stateWords(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		if known, ok := stateNames[n]; ok {
			n = known
		}
		out = append(out, n)
	}
	return out
}
