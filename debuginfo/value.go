package debuginfo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
	"thaw/words"
)

// Memory is memory at addresses of the program that is looked at.
type Memory interface {
	// ReadMemory fills buf with the bytes at addr, all or none.
	ReadMemory(addr uint64, buf []byte) error
}

// Value is a typed value: a place in memory, which is read when it is asked
// for, or bytes from registers or a computation. The zero Value has no type.
type Value struct {
	Type    *Type
	Addr    uint64 // of the first byte, if HasAddr
	HasAddr bool

	bitOff, bitSize int64
	data            []byte
	gaps            []elffile.Range // bytes of data that are optimised out
	scope           *Scope          // memory and file
}

// maxValue bounds the bytes of one value.
const maxValue = 1 << 20

// errNoType is what the zero Value says.
var errNoType = errors.New("no value")

// Bytes are the value's bytes in memory order. Of a bit field they are those
// that its bits touch.
func (v Value) Bytes() ([]byte, error) {
	if v.Type == nil {
		return nil, errNoType
	}
	size := v.Type.Size
	if v.bitSize > 0 {
		size = (v.bitOff + v.bitSize + 7) / 8
	}
	switch {
	case size < 0:
		return nil, fmt.Errorf("the size of %s is not known: it is only declared in %s", v.Type, v.Type.file.Path())
	case size > maxValue:
		return nil, fmt.Errorf("%s has %d bytes: too many to read as one value", v.Type, size)
	case !v.HasAddr:
		for _, g := range v.gaps {
			if g.Start < uint64(size) {
				return nil, fmt.Errorf("a part of it is %w", errOptimisedOut)
			}
		}
		if int64(len(v.data)) < size {
			return nil, fmt.Errorf("of %s only %d of its %d bytes are known", words.A(v.Type.String()), len(v.data), size)
		}
		return v.data[:size], nil
	case v.scope == nil || v.scope.Mem == nil:
		return nil, fmt.Errorf("reading %s at %#x: no memory given", v.Type, v.Addr)
	}
	buf := make([]byte, size)
	if err := v.scope.Mem.ReadMemory(v.Addr, buf); err != nil {
		return nil, fmt.Errorf("reading %s at %#x: %w", v.Type, v.Addr, err)
	}
	return buf, nil
}

// Uint64 is the value of an integer, bool, enum or pointer, zero-extended.
func (v Value) Uint64() (uint64, error) {
	n, _, err := v.integer()
	return n, err
}

// Int64 is the value of an integer, bool, enum or pointer, sign-extended where
// its type is signed.
func (v Value) Int64() (int64, error) {
	n, size, err := v.integer()
	if err != nil {
		return 0, err
	}
	if v.Type.Underlying().Signed {
		if v.bitSize > 0 {
			shift := 64 - v.bitSize
			return int64(n<<shift) >> shift, nil
		}
		return int64(signExtend(n, size)), nil
	}
	return int64(n), nil
}

func (v Value) integer() (uint64, int, error) {
	if v.Type == nil {
		return 0, 0, errNoType
	}
	u := v.Type.Underlying()
	switch {
	case u == nil || u.Kind == KindVoid || u.Kind == KindFunc:
		return 0, 0, fmt.Errorf("%s is no number", v.Type)
	case u.Kind != KindBase && u.Kind != KindEnum && u.Kind != KindPointer && u.Kind != KindRef:
		return 0, 0, fmt.Errorf("a %v (%s) is no number", u.Kind, v.Type)
	case u.Encoding == EncodingFloat:
		return 0, 0, fmt.Errorf("%s is no integer", v.Type)
	case u.Size < 1 || u.Size > 8:
		return 0, 0, fmt.Errorf("%s of %s is no number that fits 64 bits", words.A(v.Type.String()), words.Count(int(u.Size), "byte"))
	}
	b, err := v.Bytes()
	if err != nil {
		return 0, 0, err
	}
	if v.bitSize > 0 {
		return v.bits(b), int(u.Size), nil
	}
	return v.scope.File.uintOf(b), len(b), nil
}

// bits takes a bit field out of its bytes. Bits count from the least
// significant one, as on little-endian machines.
func (v Value) bits(b []byte) uint64 {
	var n uint64
	for i := int64(0); i < v.bitSize && i < 64; i++ {
		if at := v.bitOff + i; b[at/8]>>(at%8)&1 != 0 {
			n |= 1 << i
		}
	}
	return n
}

// Float64 is the value of a float or double.
func (v Value) Float64() (float64, error) {
	b, err := v.Bytes()
	if err != nil {
		return 0, err
	}
	u := v.Type.Underlying()
	switch {
	case u.Encoding == EncodingFloat && len(b) == 4:
		return float64(math.Float32frombits(v.scope.File.ByteOrder().Uint32(b))), nil
	case u.Encoding == EncodingFloat && len(b) == 8:
		return math.Float64frombits(v.scope.File.ByteOrder().Uint64(b)), nil
	}
	return 0, fmt.Errorf("%s is no float of 4 or 8 bytes", v.Type)
}

// part is a piece of a value.
func (v Value) part(t *Type, off int64) (Value, error) {
	p := Value{Type: t, scope: v.scope}
	if v.HasAddr {
		p.Addr, p.HasAddr = v.scope.File.wrap(v.Addr+uint64(off)), true
		return p, nil
	}
	if off < 0 || off > int64(len(v.data)) {
		return Value{}, fmt.Errorf("only %s of %s are known", words.Count(len(v.data), "byte"), words.A(v.Type.String()))
	}
	p.data = v.data[off:]
	for _, g := range v.gaps {
		if g.End > uint64(off) {
			p.gaps = append(p.gaps, elffile.Range{Start: max(g.Start, uint64(off)) - uint64(off), End: g.End - uint64(off)})
		}
	}
	return p, nil
}

// wrap cuts an address to the size of a pointer.
func (f *File) wrap(addr uint64) uint64 {
	if f.PtrSize() == 4 {
		return addr & 0xffff_ffff
	}
	return addr
}

// Field takes a member, also one of a base class or a static one. Pointers are
// followed.
func (v Value) Field(name string) (Value, error) {
	if v.Type == nil {
		return Value{}, errNoType
	}
	if u := v.Type.Underlying(); u != nil && u.Kind == KindPointer {
		d, err := v.Deref()
		if err != nil {
			return Value{}, err
		}
		v = d
	}
	h, err := v.Type.lookup(name)
	if err != nil {
		return Value{}, err
	}
	if h.static {
		parts := cxx.Split(name)
		return v.scope.global(h.owner.Name + "::" + parts[len(parts)-1])
	}
	p, err := v.part(h.Type, h.Offset)
	if err != nil {
		return Value{}, err
	}
	p.bitOff, p.bitSize = h.BitOffset, h.BitSize
	return p.referent()
}

// referent is what a reference refers to; other values stay as they are.
func (v Value) referent() (Value, error) {
	if u := v.Type.Underlying(); u == nil || u.Kind != KindRef {
		return v, nil
	}
	return v.Deref()
}

// Deref follows a pointer or reference.
func (v Value) Deref() (Value, error) {
	if v.Type == nil {
		return Value{}, errNoType
	}
	u := v.Type.Underlying()
	switch {
	case u != nil && u.Kind == KindArray && u.Elem != nil:
		return v.Index(0)
	case u == nil || u.Kind != KindPointer && u.Kind != KindRef:
		return Value{}, fmt.Errorf("%s is no pointer", v.Type)
	case u.Elem == nil || u.Elem.Underlying() == nil || u.Elem.Underlying().Kind == KindVoid:
		return Value{}, fmt.Errorf("%s leads to nothing that has a type", words.A(v.Type.String()))
	}
	addr, err := v.Uint64()
	if err != nil {
		return Value{}, err
	}
	if addr == 0 {
		return Value{}, fmt.Errorf("%s is null", words.A(v.Type.String()))
	}
	return Value{Type: u.Elem, Addr: addr, HasAddr: true, scope: v.scope}, nil
}

// Index takes an element of an array, or what lies i elements behind a pointer.
func (v Value) Index(i int64) (Value, error) {
	if v.Type == nil {
		return Value{}, errNoType
	}
	u := v.Type.Underlying()
	if u == nil || u.Elem == nil || u.Elem.Size <= 0 || u.Kind != KindArray && u.Kind != KindPointer {
		return Value{}, fmt.Errorf("%s has no elements", v.Type)
	}
	if i > 1<<40 || i < -1<<40 {
		return Value{}, fmt.Errorf("index %d is too large", i)
	}
	if u.Kind == KindPointer {
		d, err := v.Deref()
		if err != nil {
			return Value{}, err
		}
		return d.part(u.Elem, i*u.Elem.Size)
	}
	if i < 0 || u.Count >= 0 && i >= u.Count && u.Count > 1 {
		return Value{}, fmt.Errorf("index %d is outside of %s", i, v.Type)
	}
	return v.part(u.Elem, i*u.Elem.Size)
}

// Path evaluates an expression over the members of a value: "ts.ip",
// "_first->name._buf". Names are those of members, or enumerators.
func (v Value) Path(expr string) (Value, error) {
	if v.Type == nil {
		return Value{}, errNoType
	}
	s := *v.scope
	s.object, s.Regs = &v, nil
	return s.Eval(expr)
}

// maxString bounds strings, in bytes.
const maxString = 4096

// String is the text of a char array or of what a char pointer leads to, up to
// the first NUL and at most 4096 bytes.
func (v Value) String() (string, error) {
	if v.Type == nil {
		return "", errNoType
	}
	u := v.Type.Underlying()
	if u == nil || u.Kind != KindArray && u.Kind != KindPointer || !isChar(u.Elem) {
		return "", fmt.Errorf("%s is no text", v.Type)
	}
	if u.Kind == KindArray && u.Count >= 0 {
		if u.Size > maxString {
			v.Type = &Type{Kind: KindArray, Name: u.Name, Elem: u.Elem, Count: maxString, Size: maxString, file: u.file, done: true}
		}
		b, err := v.Bytes()
		if err != nil {
			return "", err
		}
		return cString(b), nil
	}
	d, err := v.Deref()
	if err != nil {
		return "", err
	}
	return d.scope.readString(d.Addr)
}

func isChar(t *Type) bool {
	u := t.Underlying()
	return u != nil && u.Kind == KindBase && u.Size == 1 && (u.Encoding == EncodingChar || u.Encoding == EncodingUnsigned || u.Encoding == EncodingSigned)
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// readString reads up to a NUL, in blocks that end where a page may end.
func (s *Scope) readString(addr uint64) (string, error) {
	if s.Mem == nil {
		return "", fmt.Errorf("reading text at %#x: no memory given", addr)
	}
	var out []byte
	for len(out) < maxString {
		buf := make([]byte, 64-addr%64)
		if err := s.Mem.ReadMemory(addr, buf); err != nil {
			return "", fmt.Errorf("reading text at %#x: %w", addr, err)
		}
		text := cString(buf)
		out = append(out, text...)
		if len(text) < len(buf) {
			return string(out), nil
		}
		addr += uint64(len(buf))
	}
	return string(out[:maxString]), nil
}

// constValue reads a DW_AT_const_value.
func constValue(v any, order binary.ByteOrder) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case []byte:
		switch len(v) {
		case 8:
			return int64(order.Uint64(v)), true
		case 4:
			return int64(int32(order.Uint32(v))), true
		}
	}
	return 0, false
}

// WalkList follows a list whose head holds a pointer in member first to the
// first element, as WalkChain does.
func WalkList(head Value, first, next string, max int) ([]Value, error) {
	link, err := head.Field(first)
	if err != nil {
		return nil, err
	}
	return WalkChain(link, next, max)
}

// WalkChain follows a pointer to the first of elements that hold one to the next in
// member next. They end with a null pointer or where they come to the first again.
// Pointers to a base class of the first element's type are taken to be inside
// such elements. What was found before a broken link is returned with the
// error.
func WalkChain(link Value, next string, max int) ([]Value, error) {
	elem := link.Type.Target()
	var out []Value
	seen := map[uint64]bool{}
	for {
		addr, err := link.Uint64()
		if err != nil {
			return out, err
		}
		if addr == 0 || len(out) > 0 && addr == out[0].Addr {
			return out, nil
		}
		e, err := link.Deref()
		if err != nil {
			return out, err
		}
		if t := e.Type.Underlying(); t != elem && elem != nil {
			if off, ok := elem.BaseOffset(t.Name); ok {
				e.Addr -= uint64(off)
			}
			e.Type = elem
			if len(out) > 0 && e.Addr == out[0].Addr {
				return out, nil
			}
		}
		switch {
		case seen[e.Addr]:
			return out, fmt.Errorf("the list runs into itself at %#x", e.Addr)
		case len(out) >= max:
			return out, fmt.Errorf("the list has more than %d elements", max)
		}
		seen[e.Addr] = true
		out = append(out, e)
		if link, err = e.Field(next); err != nil {
			return out, err
		}
	}
}

// WalkTree visits the elements of a binary tree in order, which are of the class elem:
// root points to the first node, and two pointers in each node, left and right, to
// more. What was found before a broken link is returned with the error.
func WalkTree(root Value, elem *Type, left, right string, max int) ([]Value, error) {
	var out []Value
	seen := map[uint64]bool{}
	var visit func(link Value) error
	visit = func(link Value) error {
		addr, err := link.Uint64()
		if err != nil || addr == 0 {
			return err
		}
		node, err := link.Deref()
		switch {
		case err != nil:
			return err
		case seen[node.Addr]:
			return fmt.Errorf("the tree runs into itself at %#x", node.Addr)
		case len(seen) >= max:
			return fmt.Errorf("the tree has more than %d elements", max)
		}
		seen[node.Addr] = true
		e := node
		if t := node.Type.Underlying(); t != elem {
			off, ok := elem.BaseOffset(t.Name)
			if !ok {
				return fmt.Errorf("%s is no base class of %s", t, elem)
			}
			e.Addr, e.Type = e.Addr-uint64(off), elem
		}
		for i, side := range []string{left, right} {
			if i == 1 {
				out = append(out, e)
			}
			next, err := node.Path(side)
			if err == nil {
				err = visit(next)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := visit(root)
	return out, err
}
