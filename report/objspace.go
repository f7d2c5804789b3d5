package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
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
func (p *printer) objectSpace(sys *kernel.System, s *view.Snapshot, o *kernel.Object) {
	p.line("")
	p.line("task %s %s: %s", o.ID, s.TaskName(o.ID), capabilities(len(o.PD.Caps)))
	if o.PD.Problem != "" {
		p.line("  incomplete: %s", o.PD.Problem)
	}
	caps := o.PD.Caps
	if wide(sys, caps) {
		p.objectList(sys, caps)
		return
	}
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

// wide says whether a kernel's words for its objects need more room than rows of four
// have.
func wide(sys *kernel.System, caps []kernel.Capability) bool {
	return slices.ContainsFunc(caps, func(c kernel.Capability) bool {
		o := sys.Named(c)
		return o != nil && len(o.Kind) > kindWidth
	})
}

// objectList prints a capability table with a slot on each row: the object's number and
// kind, its full name, and where it leads.
//
//	1f     bb  RPC object        server init -> timer -> ep
func (p *printer) objectList(sys *kernel.System, caps []kernel.Capability) {
	for _, c := range caps {
		o := sys.Named(c)
		if o == nil {
			p.line("%6x  ?????", c.Slot)
			continue
		}
		p.line("%s", strings.TrimRight(fmt.Sprintf("%6x %6s  %-16s %s", c.Slot, o.ID, o.Type(), fullName(sys, o)+leads(sys, o)), " "))
	}
}

// fullName is an object's name behind that of its protection domain; "" if it has none.
func fullName(sys *kernel.System, o *kernel.Object) string {
	if o.Thread != nil {
		if pd := sys.Object(o.Thread.PD); pd != nil && pd.Name != "" {
			return pd.Name + " -> " + o.Name
		}
	}
	return o.Name
}

// leads is where an object leads, and what tells it apart.
func leads(sys *kernel.System, o *kernel.Object) string {
	var out []string
	for _, l := range o.Links {
		to := sys.Object(l.To)
		switch {
		case l.To == 0 || to == nil:
			out = append(out, l.None)
		default:
			out = append(out, l.Name+" "+cmp.Or(fullName(sys, to), to.ID.String()))
		}
	}
	for _, v := range o.Values {
		out = append(out, v.Name+" "+cmp.Or(v.Text, fmt.Sprintf("%x", v.Number)))
	}
	return strings.Join(out, ", ")
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
