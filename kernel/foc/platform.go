package foc

import (
	"math"

	"thaw/kernel"
)

// Platform is what the debugger must know of Fiasco.OC beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

// newPlatform is that of a kernel with pointers of so many bytes.
func newPlatform(ptr int) kernel.Platform {
	unused := uint64(math.MaxUint64) // the kernel's mark of a continuation that is not in use: all bits of a word
	if ptr == 4 {
		unused = math.MaxUint32
	}
	return kernel.Platform{
		Name: "Fiasco.OC",
		Places: []*kernel.PlaceKind{
			{Name: inFrame, Text: "entry frame"},
			{Name: inCont, Text: string(inCont), Why: "an exception is triggered", Aside: true, Unused: unused},
		},
	}
}
