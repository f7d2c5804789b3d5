package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"sort"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/index"
)

// LocationKind says how a function's code came to a place.
type LocationKind uint8

// The ways in which a function is entered.
const (
	Entry   LocationKind = iota // the function itself, called
	Clone                       // a part or variant that the compiler made (".part.0", ".isra.0"), called
	Thunk                       // a copy that moves `this` first, called where the object is known as another base
	Inlined                     // a copy in another function, run into
)

func (k LocationKind) String() string {
	return [...]string{"entry", "clone", "thunk", "inlined"}[min(k, Inlined)]
}

// Location is an address where a function is entered.
type Location struct {
	Addr        uint64
	Kind        LocationKind
	Symbol      string // raw symbol of an entry or clone, "" if there is none
	InlinedInto string // function around an inlined copy
}

// Function is one overload of a function with all places where it is entered.
type Function struct {
	Name      string   // qualified, without parameters
	Signature string   // with parameter types
	Params    []string // names of the parameters, without this
	// Locations are entries, then clones, thunks and inlined copies, each by
	// address. They are empty when the function was optimised away.
	Locations []Location
}

// Functions finds a function by its qualified name, or one overload by name and
// parameter types: "Genode::Platform_thread::state(Genode::Thread_state)".
// Types may be spelled as demanglers do or with the typedefs of the source.
func (f *File) Functions(name string) (fns []Function, err error) {
	defer f.Guard(&err)
	base, params, hasParams := cxx.SplitParams(strings.TrimPrefix(strings.TrimSpace(name), "::"))
	n := f.Names.Find(base)
	if n == nil || !n.IsFunc {
		return f.symbolFunctions(name, base, hasParams)
	}
	groups, err := f.overloads(n)
	if err != nil {
		return nil, err
	}
	if hasParams {
		if groups = matchParams(groups, params); len(groups) == 0 {
			all, _ := f.overloads(n)
			return nil, fmt.Errorf("no function %s in %s%s", name, f.Path(), cxx.DidYouMean(signatures(all)))
		}
	}
	for _, g := range groups {
		f.addSymbolClones(g)
		f.addThunks(g)
		g.sort()
		fns = append(fns, g.Function)
	}
	sort.SliceStable(fns, func(i, j int) bool { return fns[i].Signature < fns[j].Signature })
	return fns, nil
}

func signatures(gs []*overload) []string {
	var out []string
	for _, g := range gs {
		out = append(out, g.Signature)
	}
	sort.Strings(out)
	return out[:min(len(out), 4)]
}

// overload is a function while its places are collected.
type overload struct {
	Function
	linkage string
	types   []string // parameter types as the debug info spells them
	plain   []string // the same without typedefs
}

// overloads groups the code of a name by parameters.
func (f *File) overloads(n *index.Node) ([]*overload, error) {
	inl, err := f.AllInlined()
	if err != nil {
		return nil, err
	}
	groups := map[string]*overload{}
	var order []*overload
	r := f.Entries()
	group := func(off dwarf.Offset) (*overload, error) {
		c, err := f.Chain(r, off)
		if err != nil {
			return nil, err
		}
		o, err := f.describe(n, c)
		if err != nil {
			return nil, err
		}
		if g := groups[o.Signature]; g != nil {
			return g, nil
		}
		groups[o.Signature] = o
		order = append(order, o)
		return o, nil
	}
	for _, b := range f.Names.Bodies {
		if b.N != n || !b.Entry {
			continue
		}
		g, err := group(b.Off)
		if err != nil {
			return nil, err
		}
		if kind, sym, ok := f.entryKind(b.Low); ok {
			g.Locations = append(g.Locations, Location{Addr: b.Low, Kind: kind, Symbol: sym})
		}
	}
	for _, i := range inl {
		if i.Fn != n {
			continue
		}
		g, err := group(i.Off)
		if err != nil {
			return nil, err
		}
		g.Locations = append(g.Locations, Location{Addr: i.Entry, Kind: Inlined, InlinedInto: i.Into.Path()})
	}
	if len(order) > 0 {
		return order, nil
	}
	for _, d := range f.Names.ByOff { // optimised away: its declarations
		if d.N == n {
			if _, err := group(d.Off); err != nil {
				return nil, err
			}
		}
	}
	return order, nil
}

// describe spells a function from its entry.
func (f *File) describe(n *index.Node, c index.Chain) (*overload, error) {
	o := &overload{Function: Function{Name: n.Path()}}
	o.linkage, _ = c.Val(dwarf.AttrLinkageName).(string)
	decl := c[len(c)-1]
	for i := len(c) - 1; i >= 0; i-- { // the declaration may lack names
		ps, err := f.params(c[i])
		if err != nil {
			return nil, err
		}
		if len(ps) < len(o.Params) {
			continue // a copy may have lost some
		}
		if len(ps) > 0 {
			o.Params, o.types, o.plain = nil, nil, nil
		}
		for _, p := range ps {
			o.Params = append(o.Params, p.name)
			o.types = append(o.types, p.typ.String())
			o.plain = append(o.plain, plainName(p.typ))
		}
		if len(ps) > 0 && ps[0].name != "" {
			break
		}
	}
	o.Signature = o.Name + "(" + strings.Join(o.types, ", ") + ")"
	if o.linkage == "" {
		o.linkage, _ = decl.Val(dwarf.AttrLinkageName).(string)
	}
	if d := cxx.Demangle(o.linkage); o.linkage != "" && d != o.linkage {
		o.Signature = strings.ReplaceAll(d, "(anonymous namespace)::", "")
	}
	return o, nil
}

// entryKind tells by the symbols at an address how code is entered there. Cold
// parts are jumped to and no entry.
func (f *File) entryKind(addr uint64) (LocationKind, string, bool) {
	kind, raw, ok := Entry, "", true
	syms := f.Symbols()
	i := sort.Search(len(syms), func(i int) bool { return syms[i].Addr >= addr })
	for ; i < len(syms) && syms[i].Addr == addr; i++ {
		s := syms[i]
		k, cold := cloneKind(s.Raw)
		switch {
		case !s.Func:
		case cold:
			ok = raw != ""
		case raw == "" || k == Entry:
			kind, raw, ok = k, s.Raw, true
		}
	}
	return kind, raw, ok
}

// addSymbolClones adds clones that only the symbol table knows.
func (f *File) addSymbolClones(g *overload) {
	if g.linkage == "" {
		return
	}
	for _, s := range f.Symbols() {
		rest, ok := strings.CutPrefix(s.Raw, g.linkage)
		if !ok || !s.Func || rest != "" && rest[0] != '.' || !f.InText(s.Addr) {
			continue
		}
		if k, cold := cloneKind(s.Raw); !cold {
			g.Locations = append(g.Locations, Location{Addr: s.Addr, Kind: k, Symbol: s.Raw})
		}
	}
}

// sort orders the places and drops what was found twice.
func (o *overload) sort() {
	sort.SliceStable(o.Locations, func(i, j int) bool {
		a, b := o.Locations[i], o.Locations[j]
		if a.Kind != b.Kind {
			return a.Kind < b.Kind
		}
		return a.Addr < b.Addr
	})
	seen := map[uint64]bool{}
	kept := o.Locations[:0]
	for _, l := range o.Locations {
		if !seen[l.Addr] {
			seen[l.Addr] = true
			kept = append(kept, l)
		}
	}
	o.Locations = kept
}

// symbolFunctions answers Functions where debug info does not know the name.
func (f *File) symbolFunctions(name, base string, hasParams bool) ([]Function, error) {
	want := cxx.Key(base)
	found := map[string]*overload{}
	var order []*overload
	for _, s := range f.Symbols() {
		if !s.Func || !f.InText(s.Addr) {
			continue
		}
		d := cxx.Demangle(s.Raw)
		if cxx.Key(cxx.StripParams(d)) != want || hasParams && cxx.Canon(d) != cxx.Canon(name) {
			continue
		}
		kind, cold := cloneKind(s.Raw)
		if cold {
			continue
		}
		o := found[d]
		if o == nil {
			o = &overload{Function: Function{Name: base, Signature: d}}
			found[d], order = o, append(order, o)
		}
		o.Locations = append(o.Locations, Location{Addr: s.Addr, Kind: kind, Symbol: s.Raw})
	}
	var out []Function
	for _, o := range order {
		o.sort()
		out = append(out, o.Function)
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, fmt.Errorf("no function %s in %s%s", name, f.Path(), cxx.DidYouMean(cxx.Closest(base, f.functionNames())))
}

func (f *File) functionNames() []string {
	var out []string
	f.Names.Root.Walk(func(n *index.Node) {
		if n.IsFunc {
			out = append(out, n.Path())
		}
	})
	if len(out) == 0 {
		for _, s := range f.Symbols() {
			if s.Func {
				out = append(out, cxx.StripParams(cxx.Demangle(s.Raw)))
			}
		}
	}
	return out
}

func cloneKind(raw string) (kind LocationKind, cold bool) {
	if strings.HasSuffix(raw, ".cold") || strings.Contains(raw, ".cold.") {
		return Clone, true
	}
	for _, m := range cloneMarks {
		if strings.Contains(raw, m) {
			return Clone, false
		}
	}
	return Entry, false
}

// cloneMarks are the suffixes of compiler-made functions that are called.
var cloneMarks = []string{".part.", ".isra.", ".constprop.", ".localalias", ".lto_priv."}
