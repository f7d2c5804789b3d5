package debuginfo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"thaw/debuginfo/syntax"
	"thaw/words"
)

// Types of what expressions compute, as on a machine with 64-bit longs.
var (
	intType   = &Type{Kind: KindBase, Name: "int", Size: 4, Encoding: EncodingSigned, Signed: true, done: true}
	uintType  = &Type{Kind: KindBase, Name: "unsigned int", Size: 4, Encoding: EncodingUnsigned, done: true}
	longType  = &Type{Kind: KindBase, Name: "long int", Size: 8, Encoding: EncodingSigned, Signed: true, done: true}
	ulongType = &Type{Kind: KindBase, Name: "long unsigned int", Size: 8, Encoding: EncodingUnsigned, done: true}
	charType  = &Type{Kind: KindBase, Name: "char", Size: 1, Encoding: EncodingChar, Signed: true, done: true}
	boolType  = &Type{Kind: KindBase, Name: "bool", Size: 1, Encoding: EncodingBool, done: true}
)

// Eval computes a C++-like expression at the scope's place: parameters,
// variables, this and its members, globals, static members, enumerators,
// registers ("$rip"), parameters by number ("$arg1"), a.b, a->b, *p, &x, p[i], casts, sizeof, integers and the
// operators + - * / % << >> & | ^ ~ ! == != < > <= >= && ||. Members of base
// classes are found; "." and "->" both follow pointers and references. Memory
// is read where the value is asked for. A SyntaxError tells the column.
func (s Scope) Eval(expr string) (v Value, err error) {
	if s.File == nil {
		return Value{}, fmt.Errorf("evaluating %s: no file given", expr)
	}
	if err := s.File.NeedDWARF(); err != nil && s.File.vars == nil {
		return Value{}, err
	}
	defer s.File.Guard(&err)
	if s, err = s.throughThunk(); err != nil {
		return Value{}, fmt.Errorf("evaluating %s: %w", expr, err)
	}
	by := evaluator{&s}
	e, err := syntax.Parse(expr, by.isType)
	if err != nil {
		return Value{}, err
	}
	v, err = by.eval(e)
	if err != nil {
		return Value{}, fmt.Errorf("evaluating %s: %w", expr, err)
	}
	return v, nil
}

// numberedArgument is what a parameter without a name is called with its number, as by
// the kernel's tracer (ftrace): no processor has such a register.
const numberedArgument = "arg"

// evaluator computes an expression's tree at a place.
type evaluator struct{ *Scope }

// isType says whether a name in brackets is a type: a variable of the same
// name goes first.
func (s evaluator) isType(name string) bool {
	if _, err := s.typeOf(name); err != nil {
		return false
	}
	_, err := s.name(name)
	return errors.Is(err, errNoName) || err != nil && !IsOptimisedOut(err)
}

// typeOf finds a type as seen from the function at PC.
func (s evaluator) typeOf(name string) (*Type, error) {
	t, err := s.File.findType(name)
	if !errors.Is(err, errNoName) {
		return t, err
	}
	for n := around(s.Scope); n != nil && n.Parent != nil; n = n.Parent {
		if t, err := s.File.findType(n.Path() + "::" + strings.TrimPrefix(name, "const ")); err == nil {
			return t, nil
		}
	}
	return nil, fmt.Errorf("no type %s in %s", name, s.File.Path())
}

func (s evaluator) eval(e *syntax.Node) (Value, error) {
	switch e.Op {
	case "number":
		return s.literal(e), nil
	case "name":
		return s.name(e.Text)
	case "register":
		if number, ok := strings.CutPrefix(e.Text, numberedArgument); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return s.numbered(n)
			}
		}
		n, err := s.register(e.Text)
		return s.made(s.wordType(), n), err
	case "cast":
		return s.cast(e)
	case "sizeof", "sizeoftype":
		return s.sizeof(e)
	case ".", "->":
		v, err := s.eval(e.Args[0])
		if err != nil {
			return Value{}, err
		}
		return v.Field(e.Text)
	case "[]":
		return s.index(e)
	case "&&", "||":
		return s.logic(e)
	}
	if op, ok := strings.CutPrefix(e.Op, "unary"); ok {
		return s.unaryOp(op, e.Args[0])
	}
	a, err := s.eval(e.Args[0])
	if err != nil {
		return Value{}, err
	}
	b, err := s.eval(e.Args[1])
	if err != nil {
		return Value{}, err
	}
	return s.arithmetic(e.Op, a, b)
}

// wordType is an unsigned integer of a pointer's size.
func (s evaluator) wordType() *Type {
	if s.File.PtrSize() == 4 {
		return uintType
	}
	return ulongType
}

func (s evaluator) literal(e *syntax.Node) Value {
	t := longType
	unsigned, long := strings.ContainsAny(e.Text, "uU"), strings.ContainsAny(e.Text, "lL")
	switch {
	case strings.HasPrefix(e.Text, "'"):
		return s.made(charType, e.Value)
	case long && unsigned:
		t = ulongType
	case long && e.Value <= 1<<63-1:
	case e.Value > 1<<63-1, unsigned && e.Value > 1<<32-1:
		t = ulongType
	case unsigned:
		t = uintType
	case e.Value < 1<<31:
		t = intType
	case strings.HasPrefix(e.Text, "0x") && e.Value < 1<<32:
		t = uintType
	}
	return s.made(t, e.Value)
}

func (s evaluator) sizeof(e *syntax.Node) (Value, error) {
	var t *Type
	if e.Op == "sizeoftype" {
		var err error
		if t, err = s.typeOf(e.Text); err != nil {
			return Value{}, err
		}
	} else {
		v, err := s.eval(e.Args[0])
		if err != nil {
			return Value{}, err
		}
		t = v.Type
	}
	if t.Size < 0 {
		return Value{}, fmt.Errorf("the size of %s is not known", t)
	}
	return s.made(s.wordType(), uint64(t.Size)), nil
}

func (s evaluator) index(e *syntax.Node) (Value, error) {
	v, err := s.eval(e.Args[0])
	if err != nil {
		return Value{}, err
	}
	i, err := s.eval(e.Args[1])
	if err != nil {
		return Value{}, err
	}
	n, err := i.Int64()
	if err != nil {
		return Value{}, err
	}
	el, err := v.Index(n)
	if err != nil {
		return Value{}, err
	}
	return el.referent()
}

func (s evaluator) logic(e *syntax.Node) (Value, error) {
	for _, a := range e.Args {
		v, err := s.eval(a)
		if err != nil {
			return Value{}, err
		}
		n, err := v.Uint64()
		if err != nil {
			return Value{}, err
		}
		if (n != 0) == (e.Op == "||") {
			return s.made(boolType, truth(n != 0)), nil
		}
	}
	return s.made(boolType, truth(e.Op == "&&")), nil
}

func (s evaluator) unaryOp(op string, arg *syntax.Node) (Value, error) {
	v, err := s.eval(arg)
	if err != nil {
		return Value{}, err
	}
	switch op {
	case "*":
		if v, err = v.Deref(); err != nil {
			return Value{}, err
		}
		return v.referent()
	case "&":
		switch {
		case !v.HasAddr:
			return Value{}, fmt.Errorf("%s that stands in a register or is computed has no address", words.A(v.Type.String()))
		case v.bitSize > 0:
			return Value{}, fmt.Errorf("a bit field has no address")
		}
		return s.made(s.File.pointerTo(v.Type, KindPointer), v.Addr), nil
	}
	n, err := v.Int64()
	if err != nil {
		return Value{}, err
	}
	if op == "!" {
		return s.made(boolType, truth(n == 0)), nil
	}
	if isPointer(v.Type) {
		return Value{}, fmt.Errorf("operator %s cannot be applied to %s", op, v.Type)
	}
	t := promote(v.Type)
	switch op {
	case "-":
		n = -n
	case "~":
		n = ^n
	}
	return s.made(t, uint64(n)), nil
}

// cast converts as C++'s (T)x does: pointers to related classes move to the
// base or derived class.
func (s evaluator) cast(e *syntax.Node) (Value, error) {
	t, err := s.typeOf(e.Text)
	if err != nil {
		return Value{}, err
	}
	v, err := s.eval(e.Args[0])
	if err != nil {
		return Value{}, err
	}
	u := t.Underlying()
	if u == nil || u.Kind == KindVoid {
		return Value{}, fmt.Errorf("a value cannot be made %s", t)
	}
	if u.Kind == KindRef || t.IsStruct() {
		return s.castObject(t, v)
	}
	if v, err = s.decay(v); err != nil {
		return Value{}, err
	}
	n, err := v.Int64()
	if err != nil {
		return Value{}, err
	}
	switch {
	case u.Kind == KindPointer && n != 0 && v.Type.Target() != nil:
		n += between(v.Type.Target(), t.Target())
	case u.Kind == KindBase && u.Encoding == EncodingBool:
		n = int64(truth(n != 0))
	case u.Kind != KindPointer && u.Kind != KindEnum && (u.Kind != KindBase || u.Encoding == EncodingFloat):
		return Value{}, fmt.Errorf("%s cannot be made %s", v.Type, t)
	}
	return s.made(t, uint64(n)), nil
}

// castObject reinterprets what stands in memory, or takes a base class.
func (s evaluator) castObject(t *Type, v Value) (Value, error) {
	to := t.Underlying()
	if to.Kind == KindRef {
		to = t.Target()
	}
	if to == nil || !v.HasAddr || !v.Type.IsStruct() && t.IsStruct() {
		return Value{}, fmt.Errorf("%s cannot be made %s", v.Type, t)
	}
	return Value{Type: to, Addr: s.File.wrap(v.Addr + uint64(between(v.Type.Underlying(), to))), HasAddr: true, scope: v.scope}, nil
}

// between is the distance from an object of one class to its base, or to what
// it is the base of; 0 for unrelated types.
func between(from, to *Type) int64 {
	if !from.IsStruct() || !to.IsStruct() || from.Name == to.Name {
		return 0
	}
	if off, ok := from.BaseOffset(to.Name); ok {
		return off
	}
	if off, ok := to.BaseOffset(from.Name); ok {
		return -off
	}
	return 0
}
