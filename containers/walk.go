package containers

import (
	"fmt"
	"strings"

	"thaw/debuginfo"
)

// chain walks elements that point to the next one, the first of which the container has
// in member first. An element may be in several containers: the pointer meant is that of
// the container's own Element.
func chain(first string) func(debuginfo.Value, *debuginfo.Type, int) ([]debuginfo.Value, error) {
	return func(c debuginfo.Value, _ *debuginfo.Type, max int) ([]debuginfo.Value, error) {
		return debuginfo.WalkList(c, first, c.Type.Underlying().Name+"::Element::_next", max)
	}
}

// nodeOf is the class of nodes that a tree, which is one itself, is derived from:
// Avl_node<T>, nil if there is none.
func nodeOf(tree *debuginfo.Type) *debuginfo.Type {
	for _, f := range tree.Underlying().Fields {
		if f.IsBase && strings.HasPrefix(f.Type.Underlying().Name, "Genode::Avl_node<") {
			return f.Type.Underlying()
		}
	}
	return nil
}

// tree walks an Avl_tree in order: its root is the left child of itself.
func tree(c debuginfo.Value, elem *debuginfo.Type, max int) ([]debuginfo.Value, error) {
	arg := elem.Underlying()
	root, err := c.Path("_child[0]")
	if err != nil {
		return nil, err
	}
	base := root.Type.Target()
	if base == nil {
		return nil, fmt.Errorf("the root of %s is %s, not a pointer to nodes", c.Type, root.Type)
	}
	// An element may be in several trees: the node meant is that of elements of this one.
	node := nodeOf(c.Type)
	if node == nil {
		return nil, fmt.Errorf("%s is not derived from a node", c.Type)
	}
	off, ok := arg.BaseOffset(node.Name)
	if !ok {
		return nil, fmt.Errorf("%s is in a tree, and not derived from %s", arg, node)
	}
	inner, _ := node.BaseOffset(base.Name)
	off += inner
	nodes, err := debuginfo.WalkTree(root, base, "_child[0]", "_child[1]", max)
	out := make([]debuginfo.Value, len(nodes))
	for i, n := range nodes {
		out[i] = n.At(arg, n.Addr-uint64(off))
	}
	return out, err
}

// member walks the container that a container has in a member.
func member(name string, walk func(debuginfo.Value, *debuginfo.Type, int) ([]debuginfo.Value, error)) func(debuginfo.Value, *debuginfo.Type, int) ([]debuginfo.Value, error) {
	return func(c debuginfo.Value, elem *debuginfo.Type, max int) ([]debuginfo.Value, error) {
		m, err := c.Field(name)
		if err != nil {
			return nil, err
		}
		return walk(m, elem, max)
	}
}

// idSpace walks the tree of an Id_space, whose elements refer to what is kept.
func idSpace(c debuginfo.Value, _ *debuginfo.Type, max int) ([]debuginfo.Value, error) {
	arg, err := c.Type.TemplateArgument(0) // Element, not what is kept
	if err != nil {
		return nil, err
	}
	return eachField(tree(c, arg, max))("_obj")
}

// registry walks the list of a Registry, whose elements point to what is kept, without
// its type.
func registry(c debuginfo.Value, elem *debuginfo.Type, max int) ([]debuginfo.Value, error) {
	links, err := eachField(chain("_first")(c, nil, max))("_obj")
	var out []debuginfo.Value
	for _, l := range links {
		addr, lerr := l.Uint64()
		if lerr != nil {
			return out, lerr
		}
		if addr != 0 {
			out = append(out, l.At(elem, addr))
		}
	}
	return out, err
}

// eachField takes a member of each of what was found.
func eachField(all []debuginfo.Value, err error) func(name string) ([]debuginfo.Value, error) {
	return func(name string) (out []debuginfo.Value, _ error) {
		for _, v := range all {
			m, merr := v.Field(name)
			if merr != nil {
				return out, merr
			}
			out = append(out, m)
		}
		return out, err
	}
}

// constructed takes what a Constructible holds, if it does.
func constructed(c debuginfo.Value, elem *debuginfo.Type, _ int) ([]debuginfo.Value, error) {
	is, err := c.Field("_constructed")
	if err != nil {
		return nil, err
	}
	if n, err := is.Uint64(); err != nil || n == 0 {
		return nil, err
	}
	space, err := c.Field("_space")
	if err != nil {
		return nil, err
	}
	return []debuginfo.Value{space.At(elem, space.Addr)}, nil
}

// array lists the elements of an array; one of arrays has those of all.
func array(c debuginfo.Value, u *debuginfo.Type, max int) ([]debuginfo.Value, error) {
	if u.Count < 0 {
		return nil, fmt.Errorf("the number of elements of %s is not known", c.Type)
	}
	all := []debuginfo.Value{}
	for i := range u.Count {
		if int(i) == max {
			return all, fmt.Errorf("%s has more than %d elements", c.Type, max)
		}
		v, err := c.Index(i)
		if err != nil {
			return all, err
		}
		in := v.Type.Underlying()
		if in == nil || in.Kind != debuginfo.KindArray {
			all = append(all, v)
			continue
		}
		if in.Count > 0 && len(all) > max-int(in.Count) {
			return all, fmt.Errorf("%s has more than %d elements", c.Type, max)
		}
		more, err := array(v, in, max-len(all))
		if all = append(all, more...); err != nil {
			return all, err
		}
	}
	return all, nil
}

// linked is the member by which elements that a pointer leads to point to the next one,
// "" if they do not.
func linked(t *debuginfo.Type) string {
	elem := t.Target()
	if !elem.IsStruct() || Is(elem) || isWrapper(elem) {
		return ""
	}
	for _, name := range []string{"_next", "next"} {
		if r, err := elem.FieldPath(name); err == nil && r.Type.Target() != nil && r.Type.Target() == elem {
			return name
		}
	}
	return ""
}
