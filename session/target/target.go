// Package target holds the words in which a machine under a debugger is spoken of:
// its registers, and why it stopped. What is asked of it stands where it is asked.
//
// It must not know how a machine is reached, nor what runs on it.
package target

// Registers are one processor's registers by GDB's names.
type Registers interface {
	Uint64(name string) (uint64, bool)
	Names() []string
}

// BreakKind says what stops the guest.
type BreakKind int

// A word that is written or read, or an instruction that is to be executed.
const (
	WatchWrite BreakKind = iota
	WatchRead
	Execute
)

// Break is a watchpoint, or a breakpoint, at a virtual address. A breakpoint counts in
// every address space, and its length is the target's business.
type Break struct {
	Kind   BreakKind
	Addr   uint64
	Length int // bytes watched
}

// At are breakpoints at addresses.
func At(addrs ...uint64) []Break {
	out := make([]Break, len(addrs))
	for i, a := range addrs {
		out[i] = Break{Kind: Execute, Addr: a}
	}
	return out
}

// Gone says that the guest has ended, and will not be there again.
type Gone struct{ Why string }

func (g *Gone) Error() string { return "the guest is gone: " + g.Why }

// Stop says why a target stopped.
type Stop struct {
	CPU       int // processor that stopped
	Signal    int
	Stepped   bool // it was told to execute one instruction
	Watch     bool // a watchpoint was hit
	WatchKind BreakKind
	WatchAddr uint64
	RunEnds   bool   // the end of a recorded run was reached
	Ended     bool   // the target is gone
	Why       string // for Ended
}
