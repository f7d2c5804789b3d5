// Package offsets finds where the members of a kernel's classes lie, by its debug
// info, for the decoders.
//
// It knows types. It must not know which classes a kernel has.
package offsets

import (
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
)

// Finder looks members up until one is missing: then Err says which, and what is
// looked up further is zero.
type Finder struct {
	File kernel.Symbols
	Err  error
}

// Part is a part of a kernel's layout: what it is, and how it is found.
type Part struct {
	What string
	Find func(f *Finder)
}

// FindParts finds the parts of a layout in a file. The error names the first that it
// does not describe, and what to give instead.
func FindParts(file kernel.Symbols, give string, parts []Part) error {
	for _, part := range parts {
		find := Finder{File: file}
		if part.Find(&find); find.Err != nil {
			return fmt.Errorf("%s does not describe %s (give %s): %w", file.Path(), part.What, give, find.Err)
		}
	}
	return nil
}

// maxObject is more than any kernel object has bytes.
const maxObject = 1 << 20

// Member is an integer: where it lies, and of how many bytes it is. One of no bytes
// does not exist.
type Member struct {
	Off  uint64
	Size int
}

// Exists says whether the class has the member.
func (m Member) Exists() bool { return m.Size > 0 }

// Type is a type by its name.
func (f *Finder) Type(name string) *debuginfo.Type {
	if f.Err != nil {
		return nil
	}
	t, err := f.File.Type(name)
	f.Err = err
	return t
}

// Path is a member of a class by its path; of several paths the first that exists
// counts.
func (f *Finder) Path(typ string, paths ...string) debuginfo.Resolved {
	t := f.Type(typ)
	if t == nil {
		return debuginfo.Resolved{}
	}
	var err error
	for _, p := range paths {
		r, e := t.FieldPath(p)
		if e == nil {
			return r
		}
		err = e
	}
	f.Err = err
	return debuginfo.Resolved{}
}

// At is where a member lies.
func (f *Finder) At(typ string, paths ...string) uint64 { return uint64(f.Path(typ, paths...).Offset) }

// Maybe is where a member lies that not all versions of the kernel have.
func (f *Finder) Maybe(typ string, paths ...string) (off uint64, ok bool) {
	one := Finder{File: f.File, Err: f.Err}
	off = one.At(typ, paths...)
	return off, one.Err == nil
}

// Number is a member that is a number.
func (f *Finder) Number(typ string, paths ...string) Member {
	r := f.Path(typ, paths...)
	if f.Err != nil {
		return Member{}
	}
	m := Member{uint64(r.Offset), int(r.Type.Underlying().Size)}
	if m.Size < 1 || m.Size > 8 {
		f.Err = fmt.Errorf("%s::%s is no number", typ, paths[0])
	}
	return m
}

// MaybeNumber is one that not all versions of the kernel have.
func (f *Finder) MaybeNumber(typ string, paths ...string) Member {
	if _, ok := f.Maybe(typ, paths...); !ok {
		return Member{}
	}
	return f.Number(typ, paths...)
}

// Text is where a member of characters lies, and how many of them count, at most so many.
func (f *Finder) Text(typ, path string, most int64) (off uint64, length int) {
	r := f.Path(typ, path)
	if f.Err != nil {
		return 0, 0
	}
	return uint64(r.Offset), int(min(max(r.Type.Underlying().Size, 0), most))
}

// Enumerator is the value of an enumerator.
func (f *Finder) Enumerator(name string) uint64 {
	if f.Err != nil {
		return 0
	}
	n, err := f.File.Enumerator(name)
	f.Err = err
	return uint64(n)
}

// Variable is the address of a variable.
func (f *Finder) Variable(name string) uint64 {
	if f.Err != nil {
		return 0
	}
	v, err := f.File.Variable(name)
	f.Err = err
	return v.Addr
}

// Base is where a base class lies in a class.
func (f *Finder) Base(typ, base string) uint64 {
	t := f.Type(typ)
	if t == nil {
		return 0
	}
	off, ok := t.BaseOffset(base)
	if !ok {
		f.Err = fmt.Errorf("%s has no base class %s", typ, base)
	}
	return uint64(off)
}

// Size is that of a class.
func (f *Finder) Size(typ string) uint64 {
	t := f.Type(typ)
	if t == nil {
		return 0
	}
	n := t.Underlying().Size
	if n <= 0 || n > maxObject {
		f.Err = fmt.Errorf("%s has a size of %d bytes", typ, n)
		return 0
	}
	return uint64(n)
}

// Enum are an enum's names by value, of the first that exists.
func (f *Finder) Enum(types ...string) map[uint64]string {
	if f.Err != nil {
		return nil
	}
	for _, name := range types {
		t, err := f.File.Type(name)
		if f.Err = err; err != nil {
			continue
		}
		out := map[uint64]string{}
		for _, e := range t.Underlying().Enumerators {
			out[uint64(e.Value)] = e.Name
		}
		if len(out) == 0 {
			f.Err = fmt.Errorf("enum %s has no values", name)
		}
		return out
	}
	return nil
}

// Hop is a step from an object to another.
type Hop struct {
	class, path string // path: of a member or variable, or a base class
	how         how
}

type how uint8

const (
	inside how = iota
	pointer
	base
	whole
	owner
)

// In leads to a member of a class; without a class, to a variable from anywhere.
func In(class, path string) Hop { return Hop{class, path, inside} }

// Through leads to what such a pointer or reference points to.
func Through(class, path string) Hop { return Hop{class, path, pointer} }

// InBase leads to a base class of a class.
func InBase(class, of string) Hop { return Hop{class, of, base} }

// Of leads from a base class to the object of a class.
func Of(base, class string) Hop { return Hop{class, base, whole} }

// Owner leads from a member to the object of a class.
func Owner(class, member string) Hop { return Hop{class, member, owner} }

// Route leads from an object to another.
type Route []leg

// leg is a number to be added, and whether there is a pointer to be followed then.
type leg struct {
	add     uint64
	through bool
}

// Route is the first of several ways whose members all exist.
func (f *Finder) Route(ways ...[]Hop) (out Route) {
	if f.Err != nil {
		return nil
	}
	for _, way := range ways {
		one := Finder{File: f.File}
		out = nil
		for _, h := range way {
			out = append(out, one.leg(h))
		}
		if f.Err = one.Err; f.Err == nil {
			return out
		}
	}
	return nil
}

// MaybeRoute is one that not all versions of the kernel have: nil where it does not exist.
func (f *Finder) MaybeRoute(ways ...[]Hop) Route {
	one := Finder{File: f.File, Err: f.Err}
	return one.Route(ways...)
}

func (f *Finder) leg(h Hop) leg {
	switch {
	case f.Err != nil:
	case h.how == base:
		return leg{add: f.Base(h.class, h.path)}
	case h.how == whole:
		return leg{add: -f.Base(h.class, h.path)}
	case h.how == owner:
		return leg{add: -f.At(h.class, h.path)}
	case h.class != "":
		return leg{f.At(h.class, h.path), h.how == pointer}
	default:
		return leg{f.Variable(h.path), h.how == pointer}
	}
	return leg{}
}

// Follow goes the route from an object. It ends with 0 at a pointer that is 0.
func (r Route) Follow(space memory.Reader, ptr int, from uint64) (uint64, error) {
	at := from
	for _, l := range r {
		at += l.add
		if !l.through {
			continue
		}
		to, err := memory.Uint(space, at, ptr)
		if err != nil || to == 0 {
			return 0, err
		}
		at = to
	}
	return at, nil
}
