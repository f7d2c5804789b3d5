package propose

import (
	"cmp"
	"slices"
	"strings"

	"thaw/containers"
	"thaw/debuginfo"
	"thaw/session/scenario"
	"thaw/session/scenario/verify"
)

// Bounds on the search for stored states: members that are followed from one to the
// next, containers in each other, and classes that are looked at in all.
const (
	maxMembers    = 5
	maxContainers = 4
	maxClasses    = 20000
)

// pairs are how ip and sp are called in states.
var pairs = [][2]string{{"ip", "sp"}, {"pc", "sp"}, {"rip", "rsp"}, {"eip", "esp"}, {"_ip", "_sp"}, {"ip", "stack_pointer"}}

// way is a path to an object: expressions to containers, and one to a member of what the
// last one holds.
type way struct {
	lists []string
	expr  string
	typ   *debuginfo.Type
	steps int
}

// seeker looks for stored states.
type seeker struct {
	f     *debuginfo.File
	todo  []way
	seen  map[string]bool
	found []scenario.StoredSpec
	cost  []int
}

// findStored finds the likeliest way from the arguments of a function to elements of a
// container that have ip, sp and a name; nil if there is none.
func findStored(f *debuginfo.File, component, function string) (*scenario.StoredSpec, error) {
	fns, err := f.Functions(function)
	if err != nil {
		return nil, err
	}
	s := &seeker{f: f, seen: map[string]bool{}}
	base, _, _ := strings.Cut(function, "(")
	var scopes []debuginfo.Scope
	for _, fn := range fns {
		for _, l := range fn.Locations {
			scope := debuginfo.Supposed(f, l.Addr, base)
			scopes = append(scopes, scope)
			if this, err := scope.Eval("this"); err == nil {
				s.add(way{expr: "", typ: this.Type, steps: 0})
			}
			for _, p := range fn.Params {
				if v, err := scope.Eval(p); err == nil {
					s.add(way{expr: p, typ: v.Type, steps: 1})
				}
			}
		}
	}
	for n := 0; len(s.todo) > 0 && n < maxClasses; n++ {
		w := s.todo[0]
		s.todo = s.todo[1:]
		s.members(w)
	}
	order := make([]int, len(s.found))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.cost[a], s.cost[b]) })
	for _, i := range order {
		spec := s.found[i]
		spec.Component, spec.Function = component, function
		if slices.ContainsFunc(scopes, func(sc debuginfo.Scope) bool { return len(verify.Stored(&spec, sc)) == 0 }) {
			return &spec, nil
		}
	}
	return nil, nil
}

// add puts an object on the list of those to look at: a container by what it holds.
func (s *seeker) add(w way) {
	elem, ok := containers.Element(w.typ)
	if !ok {
		if elem, ok = containers.Chained(w.typ); ok && len(w.lists) > 0 {
			ok = elem != nil
		}
	}
	if ok && w.expr != "" {
		if u := w.typ.Underlying(); u != nil && u.Kind == debuginfo.KindArray && !elem.IsStruct() {
			return
		}
		s.element(way{lists: append(slices.Clone(w.lists), w.expr), typ: elem, steps: w.steps + 1})
		return
	}
	t := w.typ
	if to := t.Target(); to != nil {
		t = to
	}
	w.typ = t.Underlying()
	key := w.typ.String()
	if !w.typ.IsStruct() || s.seen[key] {
		return
	}
	s.seen[key] = true
	s.todo = append(s.todo, w)
}

// element looks at what a container holds: a stored state, or an object with more.
func (s *seeker) element(w way) {
	if len(w.lists) > maxContainers {
		return
	}
	if w.typ.String() == "Genode::Avl_string_base" {
		s.derived(w)
		return
	}
	if spec, ok := stateIn(w.typ); ok {
		spec.Lists = w.lists
		s.note(spec, w)
		return
	}
	if inner, ok := containers.Element(w.typ); ok { // a container of containers
		s.element(way{lists: append(slices.Clone(w.lists), ""), typ: inner, steps: w.steps + 1})
		return
	}
	s.add(w)
}

// derived looks for classes of which a container may hold objects without telling so.
func (s *seeker) derived(w way) {
	for _, name := range slices.Sorted(slices.Values(s.f.Names.TypeNames())) {
		if top(name) == "Genode" || strings.Contains(name, "<") {
			continue
		}
		t, err := s.f.Type(name)
		if err != nil || !t.IsStruct() {
			continue
		}
		if _, ok := t.BaseOffset(w.typ.String()); !ok {
			continue
		}
		if spec, ok := stateIn(t); ok {
			spec.Lists, spec.Class = w.lists, name
			s.note(spec, w)
		}
	}
}

// note keeps a way, with what speaks against it: its length, names that say nothing of
// states that are kept, and no more than ip and sp.
func (s *seeker) note(spec scenario.StoredSpec, w way) {
	cost := 10 * w.steps
	for _, name := range append(slices.Clone(w.lists), w.typ.String(), spec.Class) {
		if p, _ := purposeOf(name); p == checkpointing || says(name, keptWords) {
			cost -= 15
		}
	}
	if spec.Registers != "" {
		cost -= 20
	}
	s.found, s.cost = append(s.found, spec), append(s.cost, cost)
}

// members goes on to what an object has.
func (s *seeker) members(w way) {
	if w.steps > maxMembers+len(w.lists) {
		return
	}
	for _, f := range fields(w.typ) {
		if f.Name != "" {
			s.add(way{w.lists, join(w.expr, f.Name), f.Type, w.steps + 1})
		}
	}
}

// stateIn finds ip, sp, registers and a name in what a container holds.
func stateIn(t *debuginfo.Type) (spec scenario.StoredSpec, ok bool) {
	name := nameIn(t, 2)
	if name == "" {
		return spec, false
	}
	at, pair, ok := stateAt(t)
	if !ok {
		return spec, false
	}
	spec.Name = name
	spec.IP, spec.SP = join(at, pair[0]), join(at, pair[1])
	if at != "" {
		spec.Registers = at
	}
	return spec, true
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// maxStateDepth bounds how many members are followed to a state.
const maxStateDepth = 3

// stateAt finds the member with ip and sp, "" for the object itself: the nearest, and
// what an object has itself before what it points to.
func stateAt(t *debuginfo.Type) (path string, pair [2]string, ok bool) {
	type place struct {
		path  string
		typ   *debuginfo.Type
		depth int
	}
	todo, pointed := []place{{"", t, 0}}, []place(nil)
	seen := map[*debuginfo.Type]bool{}
	for len(todo)+len(pointed) > 0 {
		if len(todo) == 0 {
			todo, pointed = pointed[:1], pointed[1:]
		}
		at := todo[0]
		todo = todo[1:]
		u := at.typ.Underlying()
		if !u.IsStruct() || seen[u] {
			continue
		}
		seen[u] = true
		if pair, ok := pairIn(u); ok {
			return at.path, pair, true
		}
		if at.depth == maxStateDepth {
			continue
		}
		for _, f := range fields(u) {
			next := place{join(at.path, f.Name), f.Type, at.depth + 1}
			if to := f.Type.Target(); to != nil {
				next.typ = to
				pointed = append(pointed, next)
			} else if !containers.Is(f.Type) {
				todo = append(todo, next)
			}
		}
	}
	return "", pair, false
}

// pairIn tells how ip and sp are called in a class that has them itself.
func pairIn(u *debuginfo.Type) ([2]string, bool) {
	for _, p := range pairs {
		ip, err := u.FieldPath(p[0])
		if err != nil || !isNumber(ip.Type) {
			continue
		}
		if sp, err := u.FieldPath(p[1]); err == nil && isNumber(sp.Type) {
			return p, true
		}
	}
	return [2]string{}, false
}

func isNumber(t *debuginfo.Type) bool {
	u := t.Underlying()
	return u != nil && u.Kind == debuginfo.KindBase && u.Size >= 4 && u.Encoding != debuginfo.EncodingFloat
}

// nameIn finds a text that is a name: one that is called so, else one that is the only
// text.
func nameIn(t *debuginfo.Type, depth int) string {
	for _, wanted := range []bool{true, false} {
		for _, f := range fields(t) {
			if says(f.Name, nameWords) != wanted {
				continue
			}
			if path, ok := textIn(f.Type, depth); ok {
				return join(f.Name, path)
			}
		}
	}
	return ""
}

// textIn finds an array of chars in a member, or a pointer to some.
func textIn(t *debuginfo.Type, depth int) (path string, ok bool) {
	u := t.Underlying()
	if u == nil {
		return "", false
	}
	switch {
	case u.Kind == debuginfo.KindArray && u.Elem != nil && isChar(u.Elem), u.Kind == debuginfo.KindPointer && u.Elem != nil && isChar(u.Elem):
		return "", true
	case depth == 0 || !strings.HasPrefix(u.Name, "Genode::String<") && !strings.Contains(strings.ToLower(u.Name), "string"):
		return "", false
	}
	for _, f := range fields(u) {
		if path, ok := textIn(f.Type, depth-1); ok {
			return join(f.Name, path), true
		}
	}
	return "", false
}

func isChar(t *debuginfo.Type) bool {
	u := t.Underlying()
	return u != nil && u.Kind == debuginfo.KindBase && u.Size == 1 && u.Encoding == debuginfo.EncodingChar
}

// fields lists the members that an object has of its own and of its bases.
func fields(t *debuginfo.Type) []debuginfo.Field { return fieldsWithin(t, maxBases) }

// maxBases bounds base classes of base classes, which damaged debug info may make their
// own.
const maxBases = 16

func fieldsWithin(t *debuginfo.Type, depth int) []debuginfo.Field {
	var out []debuginfo.Field
	u := t.Underlying()
	if !u.IsStruct() || depth == 0 {
		return nil
	}
	for _, f := range u.Fields {
		switch {
		case f.Static || f.Virtual || strings.HasPrefix(f.Name, "_vptr"):
		case f.IsBase, f.Name == "" && f.Type.IsStruct():
			out = append(out, fieldsWithin(f.Type, depth-1)...)
		default:
			out = append(out, f)
		}
	}
	return out
}
