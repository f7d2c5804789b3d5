package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/index"
)

// Scope is a place in a stopped program: what names mean there and where their
// values are.
type Scope struct {
	File *File
	Mem  Memory
	Regs Registers
	PC   uint64
	// CFA is the stack pointer before the call of the function at PC, where the
	// caller knows it; 0 to find it.
	CFA uint64
	// Function picks one of the functions around PC by its qualified name, where
	// inlined copies begin at one address. Empty for all, the innermost first;
	// at the very entry of a function that one goes first.
	Function string
	// FileAt finds the file with the code at an address that File has none at: a
	// library calls back into its program, and returns to it. nil: there is no other.
	FileAt func(addr uint64) *File

	caller bool           // PC is behind a call
	object *Value         // names are members of this value
	at     *recordedPlace // where the program's file is not there
}

// lookupPC is the address that lies in the code that is running: a return
// address may lie behind its function.
func (s *Scope) lookupPC() uint64 {
	if s.caller && s.PC > 0 {
		return s.PC - 1
	}
	return s.PC
}

// atEntry says whether the function at PC was just called.
func (s *Scope) atEntry() bool {
	b, ok := s.File.BodyAt(s.PC)
	return ok && !s.caller && b.Entry && b.Low == s.PC
}

// frameOf makes the context for locations in the function whose blocks are
// given.
func (s *Scope) frameOf(blocks []index.Block) *frame {
	fr := &frame{f: s.File, mem: s.Mem, regs: s.Regs}
	fr.cfa = s.findCFA
	fr.frameBase = func() (uint64, error) {
		if len(blocks) == 0 {
			return 0, fmt.Errorf("no function at %#x", s.PC)
		}
		e := blocks[0].E
		expr, _, err := s.File.location.at(e.Val(dwarf.AttrFrameBase), e.Offset, s.lookupPC())
		if err != nil {
			return 0, fmt.Errorf("frame base of %s at %#x: %w", blocks[0].Fn.Path(), s.PC, err)
		}
		plain := *fr
		plain.frameBase = func() (uint64, error) { return 0, errors.New("a frame base refers to itself") }
		if fr.entry != nil { // nor through what it was at the entry
			plain.entry = func(expr []byte) (uint64, error) { return s.entryValue(&plain, expr) }
		}
		return plain.value(expr)
	}
	fr.entry = func(expr []byte) (uint64, error) { return s.entryValue(fr, expr) }
	return fr
}

// entryValue is what an expression was when the function at PC was entered:
// just now, or what its caller says that it passed.
func (s *Scope) entryValue(fr *frame, expr []byte) (uint64, error) {
	if s.atEntry() {
		return fr.value(expr)
	}
	v, err := s.callSiteValue(expr)
	if err != nil {
		return 0, fmt.Errorf("%w: only its value at the function's entry was kept, and the caller does not tell it (%v)", errOptimisedOut, err)
	}
	return v, nil
}

// frames lists the functions to look for names in, each with its blocks,
// innermost block first. The order is the one that names are looked up in.
func (s *Scope) frames() (all []index.Block, order [][]index.Block, err error) {
	defer s.File.Guard(&err)
	if all, err = s.File.BlocksAt(s.lookupPC()); err != nil {
		return nil, nil, err
	}
	var cur []index.Block
	for i := len(all) - 1; i >= 0; i-- {
		cur = append(cur, all[i])
		if all[i].Fn != nil || all[i].Inlined || i == 0 {
			order = append(order, cur)
			cur = nil
		}
	}
	if s.Function != "" {
		base, _, _ := cxx.SplitParams(s.Function)
		for _, fr := range order {
			if fn := fr[len(fr)-1].Fn; fn != nil && cxx.Matches(fn.Path(), base) {
				return all, [][]index.Block{fr}, nil
			}
		}
		return nil, nil, fmt.Errorf("%s is not at %#x", s.Function, s.PC)
	}
	if n := len(order); n > 1 && s.atEntry() {
		order = append([][]index.Block{order[n-1]}, order[:n-1]...)
	}
	return all, order, nil
}

// errNoName says that a name means nothing where it was looked for.
var errNoName = errors.New("unknown name")

// name finds what an identifier stands for.
func (s *Scope) name(name string) (Value, error) {
	if s.object != nil {
		return s.memberOrConst(name)
	}
	if s.at != nil {
		return s.at.name(s, name)
	}
	all, order, err := s.frames()
	if err != nil {
		return Value{}, err
	}
	var around *index.Node
	var lost error // there is a this, but it is gone
	for _, fr := range order {
		fn := fr[len(fr)-1]
		if !strings.Contains(name, "::") {
			v, err := s.local(all, fr, name)
			if !errors.Is(err, errNoName) {
				return v, err
			}
		}
		if this, err := s.local(all, fr, "this"); err == nil && name != "this" {
			if v, err := this.Field(name); err == nil || isAmbiguous(err) {
				return v, err
			} else if t := this.Type.Target(); t != nil && !strings.Contains(name, "::") && t.hasMember(name) {
				return v, err
			}
		} else if !errors.Is(err, errNoName) {
			lost = err
		}
		if around == nil {
			around = fn.Fn
		}
	}
	if v, err := s.outer(around, name); !errors.Is(err, errNoName) {
		return v, err
	}
	if lost != nil {
		return Value{}, fmt.Errorf("%w %s, unless it is a member: %w", errNoName, name, lost)
	}
	return Value{}, s.unknown(name, all, order)
}

func isAmbiguous(err error) bool { return err != nil && strings.Contains(err.Error(), "ambiguous") }

// hasMember says whether a class or its bases declare a data member.
func (t *Type) hasMember(name string) bool {
	return t.IsStruct() && len(t.Underlying().hits(name)) > 0
}

// unknown puts a name that means nothing into an error with what it may have
// meant.
func (s *Scope) unknown(name string, all []index.Block, order [][]index.Block) error {
	var known []string
	for _, fr := range order {
		for _, b := range fr {
			vs, _ := s.File.variablesIn(b.E)
			for _, v := range vs {
				if v.name != "" {
					known = append(known, v.name)
				}
			}
		}
		if this, err := s.local(all, fr, "this"); err == nil {
			known = append(known, this.Type.Target().memberNames()...)
		}
	}
	return fmt.Errorf("%w %s%s", errNoName, name, cxx.DidYouMean(cxx.Closest(name, known)))
}

// memberOrConst finds a member of the scope's object, or an enumerator.
func (s *Scope) memberOrConst(name string) (Value, error) {
	v, err := s.object.Field(name)
	if err == nil {
		return v, nil
	}
	t := s.object.Type
	if u := t.Underlying(); u != nil && u.Kind == KindPointer {
		t = t.Target()
	}
	if n, ok := t.enumerator(name, newBudget()); ok {
		return s.number(n), nil
	}
	if strings.Contains(name, "::") {
		if n, ok := s.File.findEnumerator(name); ok {
			return s.number(n), nil
		}
	}
	return Value{}, err
}

// local finds a parameter or variable of one function's blocks.
func (s *Scope) local(all, blocks []index.Block, name string) (Value, error) {
	for _, b := range blocks {
		vs, err := s.File.variablesIn(b.E)
		if err != nil {
			return Value{}, err
		}
		for _, v := range vs {
			if v.name == name {
				return s.located(all, b, v)
			}
		}
	}
	// An inlined copy leaves out the entries of what it has no place for.
	fn := blocks[len(blocks)-1]
	if ref, ok := index.Reference(fn.E); ok {
		c, err := s.File.Chain(s.File.Entries(), ref)
		if err != nil {
			return Value{}, err
		}
		ps, err := s.File.allParams(c[0])
		if err != nil {
			return Value{}, err
		}
		for _, p := range ps {
			if p.name == name {
				return Value{}, s.gone("parameter", name, nil)
			}
		}
	}
	return Value{}, errNoName
}

// gone is the error for what has no place at PC.
func (s *Scope) gone(what, name string, why error) error {
	if why != nil && !errors.Is(why, errOptimisedOut) {
		return fmt.Errorf("%s %s at %#x: %w", what, name, s.PC, why)
	}
	detail := ""
	if why != nil && why.Error() != errOptimisedOut.Error() {
		detail = " (" + strings.TrimPrefix(why.Error(), errOptimisedOut.Error()+": ") + ")"
	}
	return &goneError{fmt.Sprintf("%s %s is optimised out at %#x%s", what, name, s.PC, detail)}
}

// goneError is an errOptimisedOut with a name and an address.
type goneError struct{ text string }

func (e *goneError) Error() string { return e.text }
func (e *goneError) Unwrap() error { return errOptimisedOut }

// IsOptimisedOut says whether an error means that the compiler kept no value
// of a variable at an address.
func IsOptimisedOut(err error) bool { return errors.Is(err, errOptimisedOut) }

// around is the innermost scope of names around the function at PC, nil if there is none.
func around(s *Scope) *index.Node {
	if s.at != nil {
		n := s.File.Names.Root
		for _, p := range cxx.Split(s.at.Function) {
			k := n.Look(p)
			if k == nil {
				return n
			}
			n = k
		}
		return n
	}
	if b, ok := s.File.BodyAt(s.lookupPC()); ok {
		return b.N.Parent
	}
	return nil
}

// outer finds a name in the scopes around a function and in the outermost:
// variables and enumerators.
func (s *Scope) outer(n *index.Node, name string) (Value, error) {
	parts := cxx.Split(name)
	for depth := 0; n != nil && depth < index.MaxScopes; n, depth = n.Parent, depth+1 {
		k := n
		for _, p := range parts {
			if k = k.Look(p); k == nil {
				break
			}
		}
		if k != nil && (k.HasValue || len(k.Vars) > 0) {
			return s.global(k.Path())
		}
	}
	return s.global(name)
}

// global is a variable, constant or enumerator by its qualified name.
func (s *Scope) global(name string) (Value, error) {
	f := s.File
	if n := f.Names.Find(name); n != nil && n.HasValue && len(n.Vars) == 0 {
		return s.number(n.Value), nil
	}
	v, err := f.findVariable(name)
	switch {
	case err == nil && v.Const:
		return s.made(v.Type, uint64(v.Value)), nil
	case err == nil:
		sc := *s
		sc.object = nil
		return Value{Type: v.Type, Addr: v.Addr, HasAddr: true, scope: &sc}.referent()
	case !errors.Is(err, errNoName):
		return Value{}, err
	}
	if n, ok := f.findEnumerator(name); ok {
		return s.number(n), nil
	}
	return Value{}, errNoName
}

// number is an integer that stands nowhere.
func (s *Scope) number(n int64) Value {
	t := intType
	if n != int64(int32(n)) {
		t = longType
	}
	return s.made(t, uint64(n))
}
