package debuginfo

import (
	"debug/elf"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
	"thaw/debuginfo/index"
)

// Extract is the part of a program's debug info that was asked for, without
// the file: types, variables, enumerators, vtables, functions and lines by the
// very question. It is plain data, made by Tap.Extract, and is written as JSON
// into recordings. Use makes it answer.
type Extract struct {
	File        string                   `json:"file"` // base name
	BuildID     string                   `json:"buildID,omitempty"`
	Machine     uint16                   `json:"machine"` // ELF's e_machine
	PtrSize     int                      `json:"ptrSize"`
	Text        []elffile.Range          `json:"text,omitempty"`
	Types       []ExtractType            `json:"types,omitempty"`       // others refer to them by index
	Named       map[string]int           `json:"named,omitempty"`       // types by the name that was asked for
	Variables   map[string]ExtractVar    `json:"variables,omitempty"`   // by the name that was asked for
	Enumerators map[string]int64         `json:"enumerators,omitempty"` // likewise
	VTables     map[uint64]vtablePlace   `json:"vtables,omitempty"`     // by vtable pointer
	Functions   map[uint64]functionPlace `json:"functions,omitempty"`   // by address
	Lines       map[uint64]linePlace     `json:"lines,omitempty"`       // by address
	Kept        *Kept                    `json:"kept,omitempty"`        // for expressions
}

// ExtractType is a type in an extract. What a pointer or reference leads to is
// kept where something else needs it too, else by name only.
type ExtractType struct {
	Kind        Kind           `json:"kind"`
	Name        string         `json:"name,omitempty"`
	Size        int64          `json:"size,omitempty"`
	Elem        int            `json:"elem"` // index, -1 for none
	Count       int64          `json:"count,omitempty"`
	Encoding    Encoding       `json:"encoding,omitempty"`
	Signed      bool           `json:"signed,omitempty"`
	Incomplete  bool           `json:"incomplete,omitempty"`
	Fields      []ExtractField `json:"fields,omitempty"`
	Enumerators []Enumerator   `json:"values,omitempty"`
	Defines     int            `json:"defines,omitempty"` // 1 + the index of a declaration that stands for it
}

// ExtractField is a member in an extract.
type ExtractField struct {
	Name      string `json:"name,omitempty"`
	Type      int    `json:"type"`
	Offset    int64  `json:"offset"`
	BitSize   int64  `json:"bits,omitempty"`
	BitOffset int64  `json:"bitOffset,omitempty"`
	Base      bool   `json:"base,omitempty"`
	Virtual   bool   `json:"virtual,omitempty"`
	Static    bool   `json:"static,omitempty"`
}

// ExtractVar is a variable in an extract.
type ExtractVar struct {
	Name  string `json:"name"`
	Type  int    `json:"type"`
	Addr  uint64 `json:"addr"`
	Const bool   `json:"const,omitempty"`
	Value int64  `json:"value,omitempty"`
}

// Bare is an extract that says of which file it is, and no more.
func (t *Tap) Bare() *Extract {
	return &Extract{File: filepath.Base(t.file.Path()), BuildID: t.file.BuildID(), Machine: uint16(t.file.Machine()), PtrSize: t.file.PtrSize(), Text: t.file.Text()}
}

// Extract takes along what was asked since the last call, nil if nothing was.
// Types and variables come all together, or not at all if none is new. Kept is not in it.
func (t *Tap) Extract() *Extract {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.changed {
		return nil
	}
	fresh := t.fresh
	t.fresh, t.changed = newQuestions(), false
	e := t.Bare()
	e.Enumerators, e.VTables, e.Functions, e.Lines = fresh.enumerators, fresh.vtables, fresh.functions, fresh.lines
	if len(fresh.types)+len(fresh.variables) > 0 {
		e.addTypes(&t.asked)
	}
	return e
}

// addTypes adds all types and variables with what they are made of.
func (e *Extract) addTypes(q *questions) {
	e.Named, e.Variables = map[string]int{}, map[string]ExtractVar{}
	x := &extractor{out: e, index: map[*Type]int{}}
	for _, name := range slices.Sorted(maps.Keys(q.types)) {
		e.Named[name] = x.add(q.types[name])
	}
	for _, name := range slices.Sorted(maps.Keys(q.variables)) {
		v := q.variables[name]
		e.Variables[name] = ExtractVar{Name: v.Name, Type: x.add(v.Type), Addr: v.Addr, Const: v.Const, Value: v.Value}
	}
	x.finish()
}

// Merge adds what a later extract of the same file brought.
func (e *Extract) Merge(next *Extract) {
	if len(next.Types) > 0 {
		e.Types, e.Named, e.Variables = next.Types, next.Named, next.Variables
	}
	e.Enumerators = merged(e.Enumerators, next.Enumerators)
	e.VTables = merged(e.VTables, next.VTables)
	e.Functions = merged(e.Functions, next.Functions)
	e.Lines = merged(e.Lines, next.Lines)
	switch k := next.Kept; {
	case e.Kept == nil:
		e.Kept = k
	case k != nil:
		e.Kept.Types, e.Kept.Variables = append(e.Kept.Types, k.Types...), append(e.Kept.Variables, k.Variables...)
	}
}

func merged[K comparable, V any](a, b map[K]V) map[K]V {
	if a == nil {
		return b
	}
	maps.Copy(a, b)
	return a
}

// extractor collects types.
type extractor struct {
	out   *Extract
	index map[*Type]int
	queue []*Type // whose parts are to be added
	types []*Type // in the order of out.Types
}

// add returns a type's index; its parts follow in finish.
func (x *extractor) add(t *Type) int {
	if t == nil {
		return -1
	}
	if i, ok := x.index[t]; ok {
		return i
	}
	i := len(x.out.Types)
	x.index[t] = i
	x.types = append(x.types, t)
	x.out.Types = append(x.out.Types, ExtractType{Kind: t.Kind, Name: t.Name, Size: t.Size, Elem: -1, Count: t.Count, Encoding: t.Encoding, Signed: t.Signed, Incomplete: t.Incomplete})
	x.queue = append(x.queue, t)
	return i
}

// finish adds the parts of all types: whole, but for what is behind pointers.
func (x *extractor) finish() {
	for len(x.queue) > 0 {
		t := x.queue[0]
		x.queue = x.queue[1:]
		i := x.index[t]
		if t.Kind != KindPointer && t.Kind != KindRef && t.Kind != KindMemberPtr && t.Kind != KindFunc {
			elem := x.add(t.Elem)
			x.out.Types[i].Elem = elem
		}
		if t.Kind >= KindTypedef && t.Kind <= KindAtomic {
			continue // its members are those of the type behind it
		}
		x.out.Types[i].Enumerators = t.Enumerators
		for _, f := range t.Fields {
			if f.Static {
				continue
			}
			field := ExtractField{Name: f.Name, Type: x.add(f.Type), Offset: f.Offset, BitSize: f.BitSize, BitOffset: f.BitOffset, Base: f.IsBase, Virtual: f.Virtual}
			x.out.Types[i].Fields = append(x.out.Types[i].Fields, field)
		}
	}
	for _, t := range x.types {
		if t.Kind == KindPointer || t.Kind == KindRef {
			x.out.Types[x.index[t]].Elem = x.pointee(t.Elem)
		}
	}
}

// pointee is the index of what a pointer leads to: the type itself if it is
// there, else a declaration of it.
func (x *extractor) pointee(t *Type) int {
	if t == nil {
		return -1
	}
	if i, ok := x.index[t]; ok {
		return i
	}
	x.index[t] = len(x.out.Types)
	x.out.Types = append(x.out.Types, ExtractType{Kind: KindStruct, Name: t.String(), Size: -1, Elem: -1, Incomplete: true})
	return x.index[t]
}

// Program answers from an extract what its file answered. Other questions have
// no answer.
type Program struct {
	x     *Extract
	file  *File // without contents: it tells what a word is, and what names mean
	types []*Type
	kept  []*Type // for expressions
	names *known
}

// maxExtractTypes bounds an extract's types.
const maxExtractTypes = 1 << 17

// Use checks an extract and makes it answer; the error says what is wrong with
// it.
func (x *Extract) Use() (*Program, error) {
	switch {
	case x.PtrSize != 4 && x.PtrSize != 8:
		return nil, fmt.Errorf("debug info of %q: pointers of %d bytes", x.File, x.PtrSize)
	case len(x.Types) > maxExtractTypes || x.Kept != nil && len(x.Kept.Types) > maxExtractTypes:
		return nil, fmt.Errorf("debug info of %q: more than %d types", x.File, maxExtractTypes)
	}
	p := &Program{x: x, types: make([]*Type, len(x.Types))}
	file := newTypes(index.Named(x.File, x.PtrSize))
	p.file = newFile(file, archOf(elf.Machine(x.Machine)))
	p.file.vars = map[*index.Node]Variable{}
	p.names = &known{file: file, vars: p.file.vars, left: maxKnownNames}
	for i := range p.types {
		p.types[i] = &Type{file: file, done: true}
	}
	for i, t := range x.Types {
		if err := fill(p.types[i], t, p.typeOf); err != nil {
			return nil, fmt.Errorf("debug info of %q: type %d: %w", x.File, i, err)
		}
	}
	finishAliases(p.types)
	for name, i := range x.Named {
		if i < 0 || i >= len(p.types) {
			return nil, fmt.Errorf("debug info of %q: %q is type %d of %d", x.File, name, i, len(p.types))
		}
	}
	if x.Kept != nil {
		if err := p.useKept(x.Kept); err != nil {
			return nil, fmt.Errorf("debug info of %q: %w", x.File, err)
		}
	}
	p.nameAsked()
	return p, nil
}

// nameAsked names what was asked for, for expressions.
func (p *Program) nameAsked() {
	for _, name := range slices.Sorted(maps.Keys(p.x.Named)) {
		p.names.typ(name, p.types[p.x.Named[name]])
	}
	for _, name := range slices.Sorted(maps.Keys(p.x.Variables)) {
		if v, err := p.Variable(name); err == nil {
			p.names.variable(name, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.x.Enumerators)) {
		if n := p.names.node(name); n != nil {
			parts := cxx.Split(name)
			n.Parent.Constant(parts[len(parts)-1], p.x.Enumerators[name])
		}
	}
	for _, t := range p.types { // what a pointer leads to may be kept elsewhere
		if e := t.Elem; e != nil && e.Incomplete && (t.Kind == KindPointer || t.Kind == KindRef) {
			if n := p.file.Names.Find(e.Name); n != nil && n.Typ != 0 {
				t.Elem = p.file.types[n.Typ]
			}
		}
	}
}

// typeOf is the type with an index, nil for -1.
func (p *Program) typeOf(i int) (*Type, error) { return typeIn(p.types, i) }

func typeIn(types []*Type, i int) (*Type, error) {
	if i == -1 {
		return nil, nil
	}
	if i < 0 || i >= len(types) {
		return nil, fmt.Errorf("it refers to type %d of %d", i, len(types))
	}
	return types[i], nil
}

// finishAliases gives types what callers look at in the types behind them.
func finishAliases(types []*Type) {
	for _, t := range types {
		if u := t.Underlying(); u != nil && u != t {
			t.Fields, t.Enumerators = u.Fields, u.Enumerators
		}
	}
}

// fill takes a type over from its extract.
func fill(t *Type, x ExtractType, of func(i int) (*Type, error)) error {
	if x.Kind > KindUnknown {
		return fmt.Errorf("kind %d is none", x.Kind)
	}
	t.Kind, t.Name, t.Size, t.Count, t.Encoding, t.Signed, t.Incomplete = x.Kind, x.Name, x.Size, x.Count, x.Encoding, x.Signed, x.Incomplete
	t.Enumerators = x.Enumerators
	var err error
	if t.Elem, err = of(x.Elem); err != nil {
		return err
	}
	for _, f := range x.Fields {
		typ, err := of(f.Type)
		if err != nil || typ == nil {
			return fmt.Errorf("member %q has no type", f.Name)
		}
		t.Fields = append(t.Fields, Field{Name: f.Name, Type: typ, Offset: f.Offset, BitSize: f.BitSize, BitOffset: f.BitOffset, IsBase: f.Base, Virtual: f.Virtual, Static: f.Static})
	}
	return nil
}

// Path is the base name of the file that the extract was taken from.
func (p *Program) Path() string { return p.x.File }

// Machine is the file's.
func (p *Program) Machine() elf.Machine { return elf.Machine(p.x.Machine) }

// PtrSize is the file's, in bytes.
func (p *Program) PtrSize() int { return p.x.PtrSize }

// Text lists the file's ranges of machine code.
func (p *Program) Text() []elffile.Range { return slices.Clone(p.x.Text) }

// Type answers for a type that was asked for.
func (p *Program) Type(name string) (*Type, error) {
	i, ok := p.x.Named[name]
	if !ok {
		return nil, fmt.Errorf("no type %s in the debug info taken from %s", name, p.x.File)
	}
	return p.types[i], nil
}

// Variable answers for a variable that was asked for.
func (p *Program) Variable(name string) (Variable, error) {
	v, ok := p.x.Variables[name]
	if !ok {
		return Variable{}, fmt.Errorf("no variable %s in the debug info taken from %s", name, p.x.File)
	}
	t, err := p.typeOf(v.Type)
	if err != nil || t == nil {
		return Variable{}, fmt.Errorf("variable %s in the debug info taken from %s has no type", name, p.x.File)
	}
	return Variable{Name: v.Name, Type: t, Addr: v.Addr, Const: v.Const, Value: v.Value}, nil
}

// Enumerator answers for an enumerator that was asked for.
func (p *Program) Enumerator(name string) (int64, error) {
	v, ok := p.x.Enumerators[name]
	if !ok {
		return 0, fmt.Errorf("no enumerator %s in the debug info taken from %s", name, p.x.File)
	}
	return v, nil
}

// VTableAt answers for a vtable pointer that was asked for.
func (p *Program) VTableAt(vptr uint64) (class string, off uint64, ok bool) {
	v, ok := p.x.VTables[vptr]
	return v.Class, v.Offset, ok
}

// FunctionAt answers for an address that was asked for.
func (p *Program) FunctionAt(pc uint64) (name string, off uint64, ok bool) {
	v, ok := p.x.Functions[pc]
	return v.Name, v.Offset, ok
}

// LineAt answers for an address that was asked for.
func (p *Program) LineAt(pc uint64) (file string, line int, ok bool) {
	v, ok := p.x.Lines[pc]
	return v.File, v.Line, ok
}
