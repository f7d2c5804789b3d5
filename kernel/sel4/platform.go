package sel4

import "thaw/kernel"

const give = "seL4's kernel.elf with debug info (Genode builds it without: set CFLAGS=-g as the kernel is built)"

// Kernel is seL4 in the table of kernels.
var Kernel = kernel.Known{
	Give:    give,
	Files:   []string{"kernel.elf"},
	Folders: []string{"var/libcache/kernel-sel4*"},
	Causes:  causes,
	Describes: func(f kernel.Symbols) bool {
		_, err := f.Variable("x64KSKernelPML4")
		return err == nil
	},
	New: func(f, core kernel.Symbols) (kernel.Decoder, error) { return NewLayout(f, core) },
}

// inNext is where a thread goes on, and inFault where it starts again: the instruction
// that faulted, made the system call, or was the next as it was suspended.
const (
	inNext  kernel.Source = nextIP
	inFault kernel.Source = faultIP
)

func newPlatform() kernel.Platform {
	return kernel.Platform{
		Name:     "seL4",
		Requests: requests,
		Causes:   causes,
		Entries:  []string{"int_??", "handle_syscall", "handle_fastsyscall"},
		Kept:     "NextIP or FaultIP of the TCB",
		Places: []*kernel.PlaceKind{
			{Name: inNext, Text: "NextIP of the TCB"},
			{Name: inFault, Text: "FaultIP of the TCB", Why: "it starts again there: it was suspended, or a fault of it is being handled"},
		},
	}
}

// requests are who takes a thread's state in Genode's core. The argument has no name there.
var requests = []kernel.Request{{
	Component: kernel.Core, Function: "Core::Platform_thread::state(Genode::Thread_state)",
	Has:    kernel.Member{Type: "Genode::Thread_state", Path: "cpu.ip"}, // 24.05 to 26.02
	Thread: "_name._buf", Missing: "core has no TCB of it",
	Selector: "_info.tcb_sel._value", IP: "$arg1.cpu.ip", SP: "$arg1.cpu.sp", Registers: "$arg1.cpu",
}}

// causes are this kernel's words for the causes of verdicts.
var causes = kernel.Causes{
	"empty-function":         {Advice: advice},
	"empty-function-blocked": {Advice: advice},
}

const advice = "core must set the registers (seL4_TCB_WriteRegisters): no order of calls in the restorer helps"
