package report

import (
	"thaw/kernel"
	"thaw/session/view"
)

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
	_, x86 := kernel.RegisterIn(all, "rcx")
	return x86 && (name == "rcx" || name == "r11")
}

// valueRows are ip and sp at each stage and, for a partial restore, the
// registers that did not arrive. For any other verdict registers differ by
// nature, and ip and sp say it all.
func valueRows(t *view.ThreadVerdict) []stageRow {
	rows := []stageRow{
		rowOf(t, "ip", func(s *view.Stage) (uint64, bool) { return s.IP, s.Known }),
		rowOf(t, "sp", func(s *view.Stage) (uint64, bool) { return s.SP, s.Known }),
	}
	if t.Verdict != view.Partial {
		return rows
	}
	for _, r := range t.Requested.Registers {
		if v, ok := kernel.RegisterIn(t.Entered.Registers, r.Name); !ok || v == r.Value || byItself(r.Name, t.Requested.Registers) {
			continue
		}
		rows = append(rows, rowOf(t, r.Name, func(s *view.Stage) (uint64, bool) { return kernel.RegisterIn(s.Registers, r.Name) }))
	}
	return rows
}

// rowOf compares a value with what the stage was handed: what was requested, or
// for the request itself what was checkpointed.
func rowOf(t *view.ThreadVerdict, name string, value func(*view.Stage) (uint64, bool)) stageRow {
	row := stageRow{Name: clean(name)}
	s := t.Stages()
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
