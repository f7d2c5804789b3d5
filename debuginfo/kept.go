package debuginfo

import (
	"cmp"
	"debug/dwarf"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"thaw/debuginfo/index"
)

// Kept is what expressions need of a program, for evaluating them without its file:
// classes and variables. It only grows: a type is referred to by its index among all that
// came so far.
type Kept struct {
	Types     []ExtractType `json:"types,omitempty"`
	Variables []ExtractVar  `json:"variables,omitempty"`
}

// Bounds of what is kept of a program.
const (
	maxKeptTypes = 1 << 13
	maxKeptVars  = 1 << 10
)

// keeper collects types and variables of a program, each once. What pointers lead to is
// kept so many pointers far as is asked for, and else by name only.
type keeper struct {
	mu       sync.Mutex
	file     *File
	all      Kept
	index    map[string]int   // types by what they look like: compilation units have copies
	declared map[string]int   // likewise, those of which only the name is kept
	looks    map[*Type]string // what types look like
	followed map[*Type]int    // how many pointers far
	around   map[uint64]bool  // addresses whose functions' names are kept

	variables bool // are kept
}

func newKeeper(f *File) *keeper {
	return &keeper{file: f, index: map[string]int{}, declared: map[string]int{}, looks: map[*Type]string{}, followed: map[*Type]int{}, around: map[uint64]bool{}}
}

// Kept is what was kept of the file beyond so many types and variables, nil for nothing. An
// extract in which it stands is read behind those with what comes before.
func (t *Tap) Kept(types, variables int) *Kept {
	k := t.keep
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all.Types) <= types && len(k.all.Variables) <= variables {
		return nil
	}
	return &Kept{slices.Clone(k.all.Types[types:]), slices.Clone(k.all.Variables[variables:])}
}

// step is a type that the walk has come to, with how many pointers more are followed.
type step struct {
	t    *Type
	left int
}

// add keeps a type with what it is made of, and returns its index.
func (k *keeper) add(root *Type, pointers int) int {
	if root == nil {
		return -1
	}
	var fresh []*Type
	begin := len(k.all.Types)
	for queue := []step{{root, pointers}}; len(queue) > 0; queue = queue[1:] {
		s := queue[0]
		if far, ok := k.followed[s.t]; ok && far >= s.left {
			continue
		}
		look := k.look(s.t)
		if _, ok := k.index[look]; !ok {
			if begin+len(fresh) >= maxKeptTypes {
				break
			}
			k.index[look] = begin + len(fresh)
			fresh = append(fresh, s.t)
		}
		k.followed[s.t] = s.left
		queue = append(queue, made(s)...)
	}
	k.all.Types = append(k.all.Types, make([]ExtractType, len(fresh))...)
	for i, t := range fresh {
		x := k.described(t) // which may add more
		k.all.Types[begin+i] = x
	}
	return k.ref(root)
}

// made are the types that one is made of, and leads to.
func made(s step) (out []step) {
	t, left := s.t, s.left
	switch {
	case t.Kind == KindMemberPtr || t.Kind == KindFunc:
		return nil
	case t.Kind == KindPointer || t.Kind == KindRef:
		if t.Elem.IsStruct() {
			left--
		}
	case t.Kind < KindTypedef || t.Kind > KindAtomic: // whose members are those of the type behind
		for _, f := range t.Fields {
			if !f.Static {
				out = append(out, step{f.Type, left})
			}
		}
	}
	if t.Elem != nil && left >= 0 {
		out = append(out, step{t.Elem, left})
	}
	return out
}

// described is a type as it is kept.
func (k *keeper) described(t *Type) ExtractType {
	x := ExtractType{Kind: t.Kind, Name: t.Name, Size: t.Size, Elem: -1, Count: t.Count, Encoding: t.Encoding, Signed: t.Signed, Incomplete: t.Incomplete}
	if i, ok := k.declared[k.look(t)]; ok {
		x.Defines = i + 1
	}
	if t.Kind != KindMemberPtr && t.Kind != KindFunc {
		x.Elem = k.ref(t.Elem)
	}
	if t.Kind >= KindTypedef && t.Kind <= KindAtomic {
		return x
	}
	x.Enumerators = t.Enumerators
	for _, f := range t.Fields {
		x.Fields = append(x.Fields, ExtractField{Name: f.Name, Type: k.ref(f.Type), Offset: f.Offset, BitSize: f.BitSize, BitOffset: f.BitOffset, Base: f.IsBase, Virtual: f.Virtual, Static: f.Static})
	}
	return x
}

// ref is a type's index: what is not kept whole is declared.
func (k *keeper) ref(t *Type) int {
	if t == nil {
		return -1
	}
	look := k.look(t)
	if i, ok := k.index[look]; ok {
		return i
	}
	i, ok := k.declared[look]
	if !ok {
		i = len(k.all.Types)
		k.declared[look] = i
		k.all.Types = append(k.all.Types, ExtractType{Kind: KindStruct, Name: t.Name, Size: -1, Elem: -1, Incomplete: true})
	}
	return i
}

// look is what tells a type from others, beside copies of it.
func (k *keeper) look(t *Type) string {
	if t == nil {
		return ""
	}
	if s, ok := k.looks[t]; ok {
		return s
	}
	k.looks[t] = t.Name // in case that it leads to itself
	var b strings.Builder
	fmt.Fprint(&b, t.Kind, t.Name, t.Size, t.Incomplete)
	switch t.Kind {
	case KindPointer, KindRef, KindArray, KindTypedef, KindConst, KindVolatile, KindRestrict, KindAtomic:
		fmt.Fprint(&b, t.Count, "(", k.look(t.Elem), ")")
	default:
		for _, f := range t.Fields {
			fmt.Fprint(&b, ";", f.Name, f.Offset, f.BitOffset, f.BitSize, f.Type.String())
		}
		for _, e := range t.Enumerators {
			fmt.Fprint(&b, ";", e.Name, e.Value)
		}
	}
	k.looks[t] = b.String()
	return k.looks[t]
}

// addAll keeps the program's variables, with what they are made of.
func (k *keeper) addAll() {
	if k.variables || k.file.Names == nil {
		return
	}
	k.variables = true
	for _, name := range k.file.Names.VarNames() {
		v, err := k.file.Variable(name)
		if err != nil || v.Type == nil {
			continue // only declared, or optimised away
		}
		if len(k.all.Variables) == maxKeptVars {
			return
		}
		k.all.Variables = append(k.all.Variables, ExtractVar{Name: name, Type: k.add(v.Type, 0), Addr: v.Addr, Const: v.Const, Value: v.Value})
	}
}

// addAt keeps the types of parameters and variables of the functions around an address.
func (k *keeper) addAt(pc uint64, pointers int) error {
	if k.around[pc] {
		return nil
	}
	k.around[pc] = true
	blocks, err := k.file.BlocksAt(pc)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		vs, err := k.file.variablesIn(b.E)
		if err != nil {
			return err
		}
		for _, v := range vs {
			if t, err := k.file.typeOfVariable(v); err == nil {
				k.add(t, pointers)
			}
		}
	}
	return nil
}

// Use makes what was kept answer in an extract's program.
func (p *Program) useKept(kept *Kept) error {
	p.kept = make([]*Type, len(kept.Types))
	for i := range p.kept {
		p.kept[i] = &Type{file: p.file.typeTable, done: true}
	}
	defined := map[int]int{}
	for i, t := range kept.Types {
		if d := t.Defines - 1; d >= 0 {
			if d >= len(p.kept) || d == i {
				return fmt.Errorf("type %d defines type %d of %d", i, d, len(p.kept))
			}
			defined[d] = i
		}
	}
	of := func(i int) (*Type, error) {
		if to, ok := defined[i]; ok {
			i = to
		}
		return typeIn(p.kept, i)
	}
	for i, t := range kept.Types {
		if err := fill(p.kept[i], t, of); err != nil {
			return fmt.Errorf("type %d: %w", i, err)
		}
	}
	finishAliases(p.kept)
	for _, v := range kept.Variables {
		t, err := of(v.Type)
		if err != nil || t == nil {
			return fmt.Errorf("variable %q has no type", v.Name)
		}
		p.names.variable(v.Name, Variable{Name: v.Name, Type: t, Addr: v.Addr, Const: v.Const, Value: v.Value})
	}
	for i, t := range p.kept {
		if _, declared := defined[i]; !declared {
			p.names.typ(t.Name, t)
		}
	}
	return nil
}

// known are the names of a program of which no file is there.
type known struct {
	file *typeTable
	vars map[*index.Node]Variable
	left int // names that may still be made
}

// maxKnownNames bounds the scopes and names of a program without a file.
const maxKnownNames = 1 << 18

// node is a name's place in the tree, nil if there is no room for it.
func (k *known) node(name string) *index.Node {
	if name == "" || strings.HasPrefix(name, "(") {
		return nil
	}
	n, made := k.file.Names.Make(name, k.left)
	k.left -= made
	return n
}

// typ names a type, and the values of an enum. The first one of a name is meant by it.
func (k *known) typ(name string, t *Type) {
	if t.Kind == KindPointer || t.Kind == KindRef || t.Kind == KindArray || t.Kind == KindMemberPtr || t.Kind == KindFunc || t.Kind >= KindConst && t.Kind <= KindAtomic || t.Incomplete {
		return
	}
	n := k.node(name)
	if n == nil || n.Typ != 0 {
		return
	}
	n.Typ = dwarf.Offset(len(k.file.types) + 1)
	k.file.types[n.Typ] = t
	t.node = n
	for _, e := range t.Enumerators {
		for _, scope := range []*index.Node{n, n.Parent} {
			if t.Kind == KindEnum && k.left > 0 && e.Name != "" {
				k.left--
				scope.Constant(e.Name, e.Value)
			}
		}
	}
}

// variable names a variable.
func (k *known) variable(name string, v Variable) {
	if n := k.node(name); n != nil {
		if _, ok := k.vars[n]; !ok {
			k.vars[n] = v
			n.Vars = []dwarf.Offset{0}
		}
	}
}

// Local is a name at a place in a program, with what it meant there.
type Local struct {
	Name string `json:"name"`
	Type int    `json:"type"` // among those that were kept
	Addr uint64 `json:"addr,omitempty"`
	Data []byte `json:"data,omitempty"` // where it stands in no memory
	Why  string `json:"why,omitempty"`  // it has no value
}

// Place is what names mean where a program stopped, for evaluating expressions there
// without its file.
type Place struct {
	Function string  `json:"function,omitempty"` // qualified, the innermost one
	Locals   []Local `json:"locals,omitempty"`   // in the order in which they are looked up
}

// maxLocals bounds the names at a place.
const maxLocals = 256

// PlaceOf takes the names at a scope's place along, pointers so many far. Their types are
// kept by the file's Tap.
func PlaceOf(s Scope, pointers int) (p *Place, err error) {
	defer s.File.Guard(&err)
	all, order, err := s.frames()
	if err != nil || len(order) == 0 {
		return nil, err
	}
	k := s.File.Tap().keep
	k.mu.Lock()
	defer k.mu.Unlock()
	p = &Place{}
	for _, fr := range order {
		if fn := fr[len(fr)-1].Fn; p.Function == "" && fn != nil {
			p.Function = fn.Path()
		}
		seen := map[string]bool{}
		var this []Local
		for _, b := range fr {
			vs, err := s.File.variablesIn(b.E)
			if err != nil {
				return nil, err
			}
			for _, v := range vs {
				if v.name == "" || seen[v.name] || len(p.Locals) >= maxLocals {
					continue
				}
				seen[v.name] = true
				l := k.local(s, v.name, pointers, func() (Value, error) { return s.located(all, b, v) })
				if v.name == "this" {
					this = []Local{l}
				} else {
					p.Locals = append(p.Locals, l)
				}
			}
		}
		p.Locals = append(p.Locals, this...)
	}
	return p, nil
}

// local takes a name along.
func (k *keeper) local(s Scope, name string, pointers int, value func() (Value, error)) Local {
	v, err := value()
	l := Local{Name: name, Type: -1}
	switch {
	case err != nil:
		l.Why = err.Error()
		return l
	case len(v.gaps) > 0:
		l.Why = "a part of it is optimised out"
	case v.HasAddr:
		l.Addr = v.Addr
		look(v)
	default:
		if l.Data, err = v.Bytes(); err != nil {
			l.Why = err.Error()
		}
	}
	if this, err := v.Deref(); name == "this" && err == nil {
		look(this)
	}
	l.Type = k.add(v.Type, pointers)
	return l
}

// look reads a value, so that a recording of what was read holds it.
func look(v Value) {
	if v.Type.Size > 0 && v.Type.Size <= maxLook {
		_, _ = v.Bytes() // what cannot be read cannot be read later
	}
}

// maxLook bounds an object that is read for a recording, in bytes.
const maxLook = 4096

// Scope is a place in a program that is known by its extract: nil for outside of all
// functions.
func (p *Program) Scope(at *Place, mem Memory, regs Registers) Scope {
	if at == nil {
		at = &Place{}
	}
	return Scope{File: p.file, Mem: mem, Regs: regs, at: &recordedPlace{at, p}}
}

// recordedPlace is a place in a program without a file.
type recordedPlace struct {
	*Place
	program *Program
}

// name is what a name means there.
func (r *recordedPlace) name(s *Scope, name string) (Value, error) {
	var lost error
	for _, l := range r.Locals {
		if l.Name != name && l.Name != "this" {
			continue
		}
		v, err := r.value(s, l)
		if l.Name == name {
			return v, err
		}
		if err != nil {
			lost = err
			continue
		}
		if m, err := v.Field(name); err == nil || isAmbiguous(err) {
			return m, err
		} else if t := v.Type.Target(); t != nil && !strings.Contains(name, "::") && t.hasMember(name) {
			return m, err
		}
	}
	v, err := s.outer(around(s), name)
	switch {
	case !errors.Is(err, errNoName):
		return v, err
	case lost != nil:
		return Value{}, fmt.Errorf("%w %s, unless it is a member: %w", errNoName, name, lost)
	}
	return Value{}, fmt.Errorf("%w %s: of what was not kept of the debug info of %s nothing is known", errNoName, name, s.File.Path())
}

func (r *recordedPlace) value(s *Scope, l Local) (Value, error) {
	if l.Why != "" {
		return Value{}, &goneError{l.Why}
	}
	t, err := typeIn(r.program.kept, l.Type)
	if err != nil || t == nil {
		return Value{}, cmp.Or(err, fmt.Errorf("the type of %s was not kept", l.Name))
	}
	sc := *s
	sc.object = nil
	if len(l.Data) > 0 {
		return Value{Type: t, data: l.Data, scope: &sc}, nil
	}
	return Value{Type: t, Addr: l.Addr, HasAddr: true, scope: &sc}, nil
}
