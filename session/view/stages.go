package view

import "thaw/kernel"

// StageNames are the four places that a restored state passes, in order.
var StageNames = [4]string{"checkpointed", "requested", "kernel", "entered"}

// Stages lists a thread's stages in the order of StageNames.
func (v *ThreadVerdict) Stages() [4]*Stage {
	return [4]*Stage{&v.Checkpointed, &v.Requested, &v.Kernel, &v.Entered}
}

// Gap says what happened between two neighbouring stages.
type Gap string

// The gaps.
const (
	GapReached Gap = "reached" // the value arrived
	GapLost    Gap = "lost"    // it stopped here
	GapEqual   Gap = "equal"   // both hold it, but nothing carried it
	GapOther   Gap = "other"   // another value went on
	GapPending Gap = "pending" // not there so far
	GapUnknown Gap = "unknown" // a neighbour is not known
)

// LostAt is the gap in which a state got lost, by the stage before it: 0 to 2,
// or -1 for a state that did not get lost.
func (v *ThreadVerdict) LostAt() int {
	s := v.Stages()
	first := func(differ func(a, b *Stage) bool, otherwise int) int {
		for g := range 3 {
			if s[g].Known && s[g+1].Known && differ(s[g], s[g+1]) {
				return g
			}
		}
		return otherwise
	}
	switch v.Verdict {
	case NotRequested:
		return 0
	case Partial:
		if v.Rule == OtherCode {
			return -1
		}
		return first(registersDiffer, 1)
	case Ignored:
		return first(entryDiffers, 1)
	case Overwritten:
		return first(entryDiffers, 2)
	case Killed:
		return 2
	}
	return -1
}

// Loss is in a word what happened at LostAt: of a partial state ip and sp arrived.
func (v *ThreadVerdict) Loss() string {
	switch v.Verdict {
	case Partial:
		return "registers"
	case Overwritten:
		return "overwritten"
	}
	return "lost"
}

// OtherCode is the rule for a state that passed all places, and arrived among other
// instructions.
const OtherCode = "other-code"

func entryDiffers(a, b *Stage) bool { return a.IP != b.IP || a.SP != b.SP }

// registersDiffer compares the registers that both stages hold.
func registersDiffer(a, b *Stage) bool {
	for _, r := range a.Registers {
		if v, ok := kernel.RegisterIn(b.Registers, r.Name); ok && v != r.Value {
			return true
		}
	}
	return false
}

// Gaps tells all three gaps.
func (v *ThreadVerdict) Gaps() [3]Gap {
	var out [3]Gap
	s, lost := v.Stages(), v.LostAt()
	for g := range 3 {
		switch {
		case g == lost:
			out[g] = GapLost
		case g == 2 && v.Verdict == Pending && !s[3].Known:
			out[g] = GapPending
		case !s[g].Known || !s[g+1].Known:
			out[g] = GapUnknown
		case lost >= 0 && g > lost:
			out[g] = GapOther
		case v.Verdict == Coincident && g == 1:
			out[g] = GapEqual
		case entryDiffers(s[g], s[g+1]):
			out[g] = GapOther
		default:
			out[g] = GapReached
		}
	}
	return out
}
