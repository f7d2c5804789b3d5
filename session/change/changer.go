// Package change changes a stopped guest when the user asks for it, and puts it back:
// requested states that are put in place, waits that are ended, calls into the kernel, and
// excursions, which execute a thread's next instructions and undo them.
//
// It knows processors and the kernel's frames. It must not know phases, verdicts, or a
// history.
package change

import (
	"errors"

	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/memcompare"
	"thaw/session/observe"
)

// Changer changes a stopped guest, when asked for.
type Changer struct {
	target   interface{ Name() string } // a Writer or Putter, if it can be changed
	m        *machine.Machine
	programs *components.Set
	drive    *drive.Driver
	obs      *observe.Observer
	memory   *memcompare.Comparer
	undo     undoing
}

// New changes the guest that a driver drives.
func New(target interface{ Name() string }, m *machine.Machine, programs *components.Set, d *drive.Driver, obs *observe.Observer, memory *memcompare.Comparer) *Changer {
	return &Changer{target: target, m: m, programs: programs, drive: d, obs: obs, memory: memory, undo: undoing{}}
}

// ErrReplayed says why nothing is changed in a recorded run.
var ErrReplayed = errors.New("a replayed run cannot be changed: it would no longer be the one that was recorded")
