package servers

import (
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
)

// Unused lists those of a table's slots with gates that its program itself does not use, by
// the program's notes: it has given them back, and the kernel's table still has what was
// there. nil if the program does not tell.
func Unused(scope debuginfo.Scope, p *kernel.Slots, gates []kernel.Capability) (out []uint64) {
	notes, err := scope.Eval(p.Notes)
	if err != nil {
		return nil
	}
	first, err := number(notes, p.First)
	if err != nil {
		return nil
	}
	list, err := notes.Path(p.List)
	if err != nil {
		return nil
	}
	for _, c := range gates {
		if c.Slot < first {
			continue
		}
		note, err := list.Index(int64(c.Slot))
		if err != nil {
			continue
		}
		id, err := note.Path(p.ID)
		if err != nil || id.Type.Size <= 0 || id.Type.Size > 8 {
			continue
		}
		n, err := id.Uint64()
		if err == nil && slices.ContainsFunc(p.None, func(none string) bool {
			v, err := number(note, none)
			return err == nil && v<<(64-8*id.Type.Size) == n<<(64-8*id.Type.Size)
		}) {
			out = append(out, c.Slot)
		}
	}
	return out
}

func number(v debuginfo.Value, members string) (uint64, error) {
	v, err := v.Path(members)
	if err != nil {
		return 0, err
	}
	return v.Uint64()
}
