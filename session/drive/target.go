package drive

import (
	"context"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/target"
)

// Target is a target that can be let go, and stopped by break- and watchpoints.
type Target interface {
	memory.Source
	breaker

	Resume(ctx context.Context) error
	Wait(ctx context.Context) (target.Stop, error)
	Step(ctx context.Context, cpu int) (target.Stop, error)
	// Running says whether the target runs: Resume came and Wait has not
	// returned a stop since.
	Running() bool
	// Interrupt stops a running target; it may be called by any goroutine.
	Interrupt() error
}

// Advancer is a target that can be resumed with other registers, and a word of
// memory.
type Advancer interface {
	// Advances says whether that is so; the target may be one that must execute
	// every instruction itself.
	Advances(ctx context.Context) bool
	// IsRAM says whether n bytes of physical memory are known to be RAM, to read which has
	// no effects.
	IsRAM(addr uint64, n int) bool
	// Far says whether a request takes so long that each is worth sparing.
	Far() bool
	// Advance sets registers of a processor and writes data, which may be empty,
	// to physical memory, and resumes the target.
	Advance(ctx context.Context, cpu int, regs []kernel.Register, addr uint64, data []byte) error
}

// Teller is a target that can be resumed and tell the registers as of that, which costs
// nobody's waiting: a link to it may be slow.
type Teller interface {
	// Tells says whether that is so.
	Tells() bool
	// ResumeTelling resumes the target; Wait hands a processor's registers and n bytes of
	// physical memory (nil if they cannot be read) to tell before it returns a stop.
	ResumeTelling(ctx context.Context, cpu int, addr uint64, n int, tell func(regs target.Registers, data []byte)) error
}
