package nova

import (
	"thaw/kernel"
)

const give = "NOVA's hypervisor with debug info (kernel/nova/hypervisor)"

// Kernel is NOVA in the table of kernels.
var Kernel = kernel.Known{
	Name:    "NOVA",
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

// Platform is what the debugger must know of NOVA beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

func newPlatform() kernel.Platform {
	return kernel.Platform{
		Name:   "NOVA",
		Causes: causes,
		Kept:   "the frame of an exception or the registers of a system call",
		Places: []*kernel.PlaceKind{
			{Name: inIret, Text: "frame of the exception or interrupt", Pushed: true},
			{Name: inSyscall, Text: "registers of the system call", Why: "it made a system call"},
		},
	}
}

// causes are this kernel's words for the causes of verdicts.
var causes = kernel.Causes{}
