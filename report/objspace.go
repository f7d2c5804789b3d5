package report

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/session"
)

// perRow is the number of slots in a row of the kernel debugger's object space.
const perRow = 4

// kindWidth is what the kernel debugger leaves for an object's kind.
const kindWidth = 9

// objectSpace prints a capability table as kernel debuggers do: rows of four slots, each row headed by the number of its first slot. A cell
// is the object's number in hex, a letter for the rights, and the kind:
//
//	000008 00144* IRQ             --        0013eS Gate      0014b* Gate
//
// "*" stands for all rights that the kernel has, else there is a letter, "-" for
// none. "--" is an empty slot. "?????" is an object that is not in the kernel's
// list. Rows of empty slots only are left out. A row takes 71 columns; names, labels
// and further flags of a capability are in the JSON form.
func (p *printer) objectSpace(sys *kernel.System, s *session.Snapshot, o *kernel.Object) {
	p.line("")
	p.line("task %s %s: %s", o.ID, s.TaskName(o.ID), capabilities(len(o.PD.Caps)))
	if o.PD.Problem != "" {
		p.line("  incomplete: %s", o.PD.Problem)
	}
	caps := o.PD.Caps
	for len(caps) > 0 {
		first := caps[0].Slot - caps[0].Slot%perRow
		var cells [perRow]string
		for i := range cells {
			cells[i] = emptyCell
		}
		n := 0
		for ; n < len(caps) && caps[n].Slot-first < perRow; n++ {
			cells[caps[n].Slot-first] = cell(sys, caps[n])
		}
		p.line("%s", strings.TrimRight(fmt.Sprintf("%06x %s", first, strings.Join(cells[:], "")), " "))
		caps = caps[n:]
	}
}

// emptyCell is as wide as a cell.
const emptyCell = "       --       "

// cell is one slot, 16 columns wide.
func cell(sys *kernel.System, c kernel.Capability) string {
	id, kind := "?????", "?"
	if o := sys.Named(c); o != nil {
		id, kind = fmt.Sprintf("%05x", uint64(o.ID)), o.Type()
	}
	return fmt.Sprintf("%s%s %-*.*s", id, rightsLetter(c.Rights), kindWidth, kindWidth, kind)
}

// rightsLetter is one letter for rights, of which a "-" stands for each that is not
// there.
func rightsLetter(r string) string {
	switch has := strings.ReplaceAll(r, "-", ""); {
	case has == "":
		return "-"
	case has == r:
		return "*"
	default:
		return has[:1]
	}
}

func capabilities(n int) string { return count(n, "capability") }
