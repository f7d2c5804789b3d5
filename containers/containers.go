// Package containers walks Genode's containers in a component's memory: lists, trees,
// registries and what is made of them.
//
// It knows the names of their classes and members, through all generations of Genode.
// Where they lie debug info tells. It must not know what is kept in them, nor whose
// memory it is. Memory may hold anything: every walk is bounded.
package containers

import (
	"fmt"
	"strings"

	"thaw/debuginfo"
)

// kind is a class of containers.
type kind struct {
	class string // its qualified name, without template arguments
	// walk lists what it holds, of the type that is its first template argument. What was
	// found before something broken is returned with the error.
	walk func(c debuginfo.Value, elem *debuginfo.Type, max int) ([]debuginfo.Value, error)
}

// kinds are the classes of containers that are known. Base classes count: a class
// derived from one is one.
var kinds = []kind{
	{"Genode::List", chain("_first")},
	{"Genode::Fifo", chain("_head")},
	{"Genode::Avl_tree", tree},
	{"Genode::Dictionary", member("_tree", tree)},
	{"Genode::Id_space", member("_elements", idSpace)},
	{"Genode::Registry", member("_elements", registry)},
	{"Genode::Reconstructible", constructed}, // Constructible is derived from it
	{"Genode::Constructible", constructed},
	{"Genode::Volatile_object", constructed}, // as it was called in 2016
}

// wrappers hold a pointer to what is meant: an object can be in several lists so.
var wrappers = []string{"Genode::List_element", "Genode::Fifo_element"}

// maxNested bounds wrappers in wrappers.
const maxNested = 8

// Element tells the type of what a container holds, false for what is no container. An
// array is a container, too; pointers in it are followed.
func Element(t *debuginfo.Type) (*debuginfo.Type, bool) {
	t = pointed(t)
	u := t.Underlying()
	if u == nil {
		return nil, false
	}
	if u.Kind == debuginfo.KindArray && u.Elem != nil {
		if in := u.Elem.Underlying(); in != nil && in.Kind == debuginfo.KindArray {
			return Element(in)
		}
		return meant(u.Elem), true
	}
	if k, base, _ := kindOf(u); k != nil {
		if e, err := base.TemplateArgument(0); err == nil {
			return meant(e), true
		}
	}
	return nil, false
}

// Chained tells the type of the elements that a pointer leads to one after the other.
func Chained(t *debuginfo.Type) (*debuginfo.Type, bool) {
	if linked(t) == "" {
		return nil, false
	}
	return t.Target(), true
}

// Is says whether a type is a container's, by its class: arrays and pointers are not.
func Is(t *debuginfo.Type) bool {
	k, _, _ := kindOf(pointed(t).Underlying())
	return k != nil
}

// Walk lists what a container holds, at most max. What was found before something broken
// is returned with the error.
func Walk(c debuginfo.Value, max int) ([]debuginfo.Value, error) {
	for n := 0; n < maxNested && c.Type.Target() != nil; n++ {
		if next := linked(c.Type); next != "" {
			return debuginfo.WalkChain(c, next, max)
		}
		d, err := c.Deref()
		if err != nil {
			return nil, err
		}
		c = d
	}
	var all []debuginfo.Value
	var err error
	u := c.Type.Underlying()
	k, base, off := kindOf(u)
	switch {
	case u != nil && u.Kind == debuginfo.KindArray:
		all, err = array(c, u, max)
	case k == nil:
		return nil, fmt.Errorf("%s is no container: %s, an array or a pointer to one is", c.Type, Known())
	default:
		var elem *debuginfo.Type
		if elem, err = base.TemplateArgument(0); err == nil {
			all, err = k.walk(c.At(base, c.Addr+uint64(off)), elem, max)
		}
	}
	out := make([]debuginfo.Value, 0, len(all))
	for _, v := range all {
		m, merr := object(v)
		if merr != nil {
			return out, merr
		}
		if m.Type != nil {
			out = append(out, m)
		}
	}
	return out, err
}

// Known names the containers, in words.
func Known() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.class)
	}
	return strings.Join(names, ", ")
}

// kindOf finds the container that a class is or is derived from, and where in it that
// lies.
func kindOf(u *debuginfo.Type) (*kind, *debuginfo.Type, int64) {
	if !u.IsStruct() {
		return nil, nil, 0
	}
	for i := range kinds {
		if isOf(u, kinds[i].class) {
			return &kinds[i], u, 0
		}
	}
	for _, f := range u.Fields {
		if !f.IsBase || f.Virtual {
			continue
		}
		if k, base, off := kindOf(f.Type.Underlying()); k != nil {
			return k, base, off + f.Offset
		}
	}
	return nil, nil, 0
}

// isOf says whether a class is an instance of a template.
func isOf(u *debuginfo.Type, class string) bool {
	rest, ok := strings.CutPrefix(u.Name, class)
	return ok && strings.HasPrefix(rest, "<") && strings.HasSuffix(rest, ">") && !strings.Contains(outside(rest), "::")
}

// outside cuts template arguments out of a name.
func outside(name string) string {
	var b strings.Builder
	depth := 0
	for _, c := range name {
		switch {
		case c == '<':
			depth++
		case c == '>':
			depth--
		case depth == 0:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// pointed follows pointers and references in a type.
func pointed(t *debuginfo.Type) *debuginfo.Type {
	for range maxNested {
		next := t.Target()
		if next == nil {
			break
		}
		t = next
	}
	return t
}

// meant is the type that an element stands for: what a pointer, a reference or a wrapper
// leads to.
func meant(t *debuginfo.Type) *debuginfo.Type {
	for range maxNested {
		t = pointed(t)
		u := t.Underlying()
		if !isWrapper(u) {
			return u
		}
		arg, err := u.TemplateArgument(0)
		if err != nil {
			return u
		}
		t = arg
	}
	return t.Underlying()
}

func isWrapper(u *debuginfo.Type) bool {
	if !u.IsStruct() {
		return false
	}
	for _, w := range wrappers {
		if isOf(u, w) {
			return true
		}
	}
	return false
}

// object is what an element stands for; the zero value where a pointer is null.
func object(v debuginfo.Value) (debuginfo.Value, error) {
	for range maxNested {
		u := v.Type.Underlying()
		var err error
		switch {
		case v.Type.Target() != nil:
			addr, err := v.Uint64()
			if err != nil || addr == 0 {
				return debuginfo.Value{}, err
			}
			if v, err = v.Deref(); err != nil {
				return debuginfo.Value{}, err
			}
		case isWrapper(u):
			if v, err = v.Field("_object"); err != nil {
				return debuginfo.Value{}, err
			}
		default:
			return v, nil
		}
	}
	return debuginfo.Value{}, fmt.Errorf("pointers lead to pointers %d times", maxNested)
}

// As takes an element as a class that is derived from its type, as Avl_string_base's
// elements are.
func As(v debuginfo.Value, f *debuginfo.File, class string) (debuginfo.Value, error) {
	t, err := f.Type(class)
	if err != nil {
		return debuginfo.Value{}, err
	}
	if v.Type.Underlying() == t.Underlying() {
		return v, nil
	}
	off, ok := t.BaseOffset(v.Type.Underlying().Name)
	if !ok {
		return debuginfo.Value{}, fmt.Errorf("%s is not derived from %s, of which the elements are", t, v.Type)
	}
	return v.At(t, v.Addr-uint64(off)), nil
}
