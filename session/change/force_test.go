package change

import (
	"testing"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/machine"
)

// keeper is a decoder of which only that is asked where a thread's user state is.
type keeper struct {
	kernel.Decoder
	in kernel.Source
}

func (keeper) Platform() *kernel.Platform { return &kernel.Platform{} }

func (k keeper) KeptIn(kernel.Machine, uint64) kernel.Source { return k.in }

// A thread that was ready as its state was requested, and is suspended now, goes on from
// another place: a state is forced there.
func TestForcedWhereItCounts(t *testing.T) {
	tr := &evidence.Track{Places: []evidence.Kept{{Name: "NextIP"}, {Name: "FaultIP"}}}
	for in, want := range map[kernel.Source]int{"NextIP": 0, "FaultIP": 1, kernel.SourceCPU: 0} {
		ch := &Changer{m: &machine.Machine{Decoder: keeper{in: in}}}
		if n := ch.counting(tr, make([]evidence.Saved, 2)); n != want {
			t.Errorf("kept in %s: forced into %s", in, tr.Places[n].Name)
		}
	}
}
