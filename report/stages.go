package report

import (
	"thaw/kernel"
	"thaw/session"
)

// stageNames are the four places that a restored state passes, in order.
var stageNames = [4]string{"checkpointed", "requested", "kernel", "entered"}

// stagesOf lists a thread's stages in the order of stageNames.
func stagesOf(t *session.ThreadVerdict) [4]*session.Stage {
	return [4]*session.Stage{&t.Checkpointed, &t.Requested, &t.Kernel, &t.Entered}
}

// gap says what happened between two neighbouring stages.
type gap string

const (
	gapReached gap = "reached" // the value arrived
	gapLost    gap = "lost"    // it stopped here
	gapEqual   gap = "equal"   // both hold it, but nothing carried it
	gapOther   gap = "other"   // another value went on
	gapPending gap = "pending" // not there so far
	gapUnknown gap = "unknown" // a neighbour is not known
)

// lostAt is the gap in which a state got lost, by the stage before it: 0 to 2,
// or -1 for a state that did not get lost.
func lostAt(t *session.ThreadVerdict) int {
	s := stagesOf(t)
	first := func(differ func(a, b *session.Stage) bool, otherwise int) int {
		for g := range 3 {
			if s[g].Known && s[g+1].Known && differ(s[g], s[g+1]) {
				return g
			}
		}
		return otherwise
	}
	switch t.Verdict {
	case session.NotRequested:
		return 0
	case session.Partial:
		return first(registersDiffer, 1)
	case session.Ignored:
		return first(entryDiffers, 1)
	case session.Overwritten:
		return first(entryDiffers, 2)
	}
	return -1
}

func entryDiffers(a, b *session.Stage) bool { return a.IP != b.IP || a.SP != b.SP }

// registersDiffer compares the registers that both stages hold.
func registersDiffer(a, b *session.Stage) bool {
	for _, r := range a.Registers {
		if v, ok := register(b.Registers, r.Name); ok && v != r.Value {
			return true
		}
	}
	return false
}

func register(regs []kernel.Register, name string) (uint64, bool) {
	for _, r := range regs {
		if r.Name == name {
			return r.Value, true
		}
	}
	return 0, false
}

// gapsOf tells all three gaps.
func gapsOf(t *session.ThreadVerdict) [3]gap {
	var out [3]gap
	s, lost := stagesOf(t), lostAt(t)
	for g := range 3 {
		switch {
		case g == lost:
			out[g] = gapLost
		case g == 2 && t.Verdict == session.Pending && !s[3].Known:
			out[g] = gapPending
		case !s[g].Known || !s[g+1].Known:
			out[g] = gapUnknown
		case lost >= 0 && g > lost:
			out[g] = gapOther
		case t.Verdict == session.Coincident && g == 1:
			out[g] = gapEqual
		case entryDiffers(s[g], s[g+1]):
			out[g] = gapOther
		default:
			out[g] = gapReached
		}
	}
	return out
}

// stageValue is one value of a stage as a report shows it.
type stageValue struct {
	Name    string // of the row: "ip", "rax"
	Text    string // hex, "" where it is not known
	Differs bool   // from what the stage was handed
}

// stageRow is one value at all four stages.
type stageRow struct {
	Name   string
	Values [4]stageValue
}

// byItself says whether a system call overwrites a register by itself: session
// gives no verdict by it. That is so on x86_64; ARM has an r11 too, but no rcx.
func byItself(name string, all []kernel.Register) bool {
	_, x86 := register(all, "rcx")
	return x86 && (name == "rcx" || name == "r11")
}

// valueRows are ip and sp at each stage and, for a partial restore, the
// registers that did not arrive. For any other verdict registers differ by
// nature, and ip and sp say it all.
func valueRows(t *session.ThreadVerdict) []stageRow {
	rows := []stageRow{
		rowOf(t, "ip", func(s *session.Stage) (uint64, bool) { return s.IP, s.Known }),
		rowOf(t, "sp", func(s *session.Stage) (uint64, bool) { return s.SP, s.Known }),
	}
	if t.Verdict != session.Partial {
		return rows
	}
	for _, r := range t.Requested.Registers {
		if v, ok := register(t.Entered.Registers, r.Name); !ok || v == r.Value || byItself(r.Name, t.Requested.Registers) {
			continue
		}
		rows = append(rows, rowOf(t, r.Name, func(s *session.Stage) (uint64, bool) { return register(s.Registers, r.Name) }))
	}
	return rows
}

// rowOf compares a value with what the stage was handed: what was requested, or
// for the request itself what was checkpointed.
func rowOf(t *session.ThreadVerdict, name string, value func(*session.Stage) (uint64, bool)) stageRow {
	row := stageRow{Name: clean(name)}
	s := stagesOf(t)
	for i := range s {
		v, ok := value(s[i])
		if !ok {
			continue
		}
		from := 1
		if i == 1 {
			from = 0
		}
		want, known := value(s[from])
		row.Values[i] = stageValue{Name: row.Name, Text: hex(v), Differs: i > 0 && known && v != want}
	}
	return row
}
