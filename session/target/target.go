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

// WatchKind says what kind of access a watchpoint waits for.
type WatchKind int

// The kinds of watchpoints.
const (
	WatchWrite WatchKind = iota
	WatchRead
)

// Stop says why a target stopped.
type Stop struct {
	CPU       int // processor that stopped
	Signal    int
	Watch     bool // a watchpoint was hit
	WatchKind WatchKind
	WatchAddr uint64
	RunEnds   bool   // the end of a recorded run was reached
	Ended     bool   // the target is gone
	Why       string // for Ended
}
