package kernel

import "slices"

// Platform is what is true of a kernel, beside its objects, as data: its decoder
// brings it along.
type Platform struct {
	Name   string       // of the kernel
	Places []*PlaceKind // where it keeps user states, the usual place first
}

// Place is a kind of places by its name; one of that name alone where the kernel
// has none such.
func (p *Platform) Place(name Source) *PlaceKind {
	if i := slices.IndexFunc(p.Places, func(k *PlaceKind) bool { return k.Name == name }); i >= 0 {
		return p.Places[i]
	}
	return &PlaceKind{Name: name, Text: string(name)}
}
