package nova

import (
	"thaw/kernel"
)

const give = "NOVA's hypervisor with debug info (kernel/nova/hypervisor)"

// Kernel is NOVA in the table of kernels.
var Kernel = kernel.Known{
	Give:    give,
	Files:   []string{"hypervisor"},
	Folders: []string{"kernel/nova", "var/libcache/kernel-nova*"},
	Causes:  causes,
	Describes: func(f kernel.Symbols) bool {
		_, err := f.Variable("Pd::kern")
		return err == nil
	},
	New: func(f, core kernel.Symbols) (kernel.Decoder, error) { return NewLayout(f, core) },
}

// inIret is the frame that the processor pushes at an interrupt or exception, and
// inSyscall the registers that the kernel saves at a system call.
const (
	inIret    kernel.Source = "regs"
	inSyscall kernel.Source = "syscall regs"
)

func newPlatform() kernel.Platform {
	return kernel.Platform{
		Name:     "NOVA",
		Requests: requests,
		Causes:   causes,
		Entries:  []string{"entry_exc_error", "entry_[^e]*"}, // entry_exc goes on into entry_exc_error
		Kept:     "the frame of an exception or the registers of a system call",
		Places: []*kernel.PlaceKind{
			{Name: inIret, Text: "frame of the exception or interrupt", Pushed: true},
			{Name: inSyscall, Text: "registers of the system call", Why: "it made a system call"},
		},
	}
}

// requests are who takes a thread's state in Genode's core: core keeps it in the thread's
// pager object, and hands it over in its reply when the thread is recalled.
var requests = []kernel.Request{{
	Component: kernel.Core, Function: "Core::Platform_thread::state(Genode::Thread_state)",
	Has:    kernel.Member{Type: "Genode::Thread_state", Path: "cpu.ip"}, // 24.05 to 26.02
	Thread: "_name._buf", Missing: "the kernel has no EC of it, as of one that was never started; core keeps the state, and start() sets ip and sp itself",
	Selector: "_id_base", IP: "s.cpu.ip", SP: "s.cpu.sp", Registers: "s.cpu",
	Copy: &kernel.Copy{Name: "core's pager object (Platform_thread::_pager->_state.thread)", IP: "_pager->_state.thread.cpu.ip", SP: "_pager->_state.thread.cpu.sp"},
}}

// causes are this kernel's words for the causes of verdicts.
var causes = kernel.Causes{
	"refused": {Why: ": core takes a state only of a thread that is paused, and tells nobody else",
		Advice: "pause the thread around the request; one on another processor only after it stands: state() tells that by an ip that is not 0"},
	"stays-in-copy":   {Why: ", and core hands it over only in the reply to a recall", Advice: "recall the thread: pause it, or let it run to its next way out of the kernel"},
	"written-blocked": {Advice: "resume the thread, or end its wait"},
	"blocked":         {Advice: "end the wait: core hands a state over when the thread is recalled on its way to user mode"},
}
