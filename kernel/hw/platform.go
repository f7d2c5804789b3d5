package hw

import (
	"debug/elf"

	"thaw/kernel"
)

const give = "base-hw's core with debug info (var/run/NAME.core)"

// Kernel is base-hw in the table of kernels.
var Kernel = kernel.Known{
	Give:    give,
	Files:   []string{"*.core", "core.elf"},
	Folders: []string{"var/run", "debug"},
	Causes:  causes,
	Describes: func(f kernel.Symbols) bool {
		_, err := generationOf(f)
		return err == nil
	},
	New: func(f, _ kernel.Symbols) (kernel.Decoder, error) { return NewLayout(f) },
}

// inRegs is the one place where the kernel keeps a thread's user state, and inEntry
// the frame of the kernel's entry, from which it is copied there.
const (
	inRegs  kernel.Source = "regs"
	inEntry kernel.Source = "entry frame"
	inNoted kernel.Source = "ELR_EL1" // with SP_EL0: what the processor itself keeps, before the kernel pushes it
)

// newPlatform is that of a processor. It pushes onto a stack of its own at a kernel
// entry, never over what is saved, or right into the saved registers: then there is no
// frame to be copied.
func newPlatform(m elf.Machine, attached *kernel.Attached, pushed bool) kernel.Platform {
	return kernel.Platform{
		Name:     "base-hw",
		Requests: requests,
		Attached: attached,
		Causes:   causes,
		Kept:     "the CPU context",
		Entries:  []string{"_ZN6Kernel24main_handle_kernel_entryE*", "kernel"}, // from 22.02 on, and before: where _kernel_entry leads to
		Saves:    []string{"Kernel::Thread::_save"},
		Selector: map[elf.Machine]string{elf.EM_X86_64: "rsi", elf.EM_AARCH64: "x1"}[m], // second argument of a kernel call
		Places: []*kernel.PlaceKind{
			{Name: inRegs, Text: "CPU context", Pushed: pushed},
			{Name: inEntry, Text: "frame of the kernel's entry", Why: "the kernel has not saved it so far", Passing: true},
		},
	}
}

// requests are who takes a thread's state: core and kernel are one program. From there
// it goes by a kernel call into the saved registers, whatever the thread does.
var requests = []kernel.Request{{
	Function: "Core::Platform_thread::state(Genode::Thread_state)",
	Has:      kernel.Member{Type: "Genode::Thread_state", Path: "cpu.ip"}, // 24.08 to 26.02
	Object:   "(unsigned long)&_kobj._space", IP: "thread_state.cpu.ip", SP: "thread_state.cpu.sp", Registers: "thread_state.cpu",
}, {
	Function: "Core::Platform_thread::state(Genode::Thread_state)",
	Has:      kernel.Member{Type: "Genode::Thread_state", Path: "ip"}, // 23.05 to 24.05
	Object:   "(unsigned long)&_kobj._space", IP: "thread_state.ip", SP: "thread_state.sp", Registers: "thread_state",
}, {
	Function: "Genode::Platform_thread::state(Genode::Thread_state)",
	Has:      kernel.Member{Type: "Genode::Platform_thread", Path: "_kobj._space"}, // 20.02 to 22.11
	Object:   "(unsigned long)&_kobj._space", IP: "thread_state.ip", SP: "thread_state.sp", Registers: "thread_state",
}, {
	Function: "Genode::Platform_thread::state(Genode::Thread_state)",
	Has:      kernel.Member{Type: "Genode::Platform_thread", Path: "_kobj._data"}, // 19.08
	Object:   "(unsigned long)&_kobj._data", IP: "thread_state.ip", SP: "thread_state.sp", Registers: "thread_state",
}, {
	Function: "Genode::Platform_thread::state(Genode::Thread_state)",
	Has:      kernel.Member{Type: "Genode::Platform_thread", Path: "_data"}, // 18.02
	Object:   "(unsigned long)&_data", IP: "thread_state.ip", SP: "thread_state.sp", Registers: "thread_state",
	RegionMap: "((Genode::Rm_client *)_pager)->_region_map",
}}

// causes are this kernel's words for the causes of verdicts.
var causes = kernel.Causes{
	"killed": {Why: "; cs, ss and flags are taken from the request as they are",
		Advice: "ask for the state that was read from the thread, with ip and sp changed: not for one in which only these are filled in"},
	"partial-registers": {Advice: "hand over all registers; where only that of a call's first argument differs, the kernel has written its answer there as the call ended, as it does up to 25.05"},
	"overwritten":       {Advice: "ask for the state after the thread was started: core's start() sets ip and sp itself"},
}
