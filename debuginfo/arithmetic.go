package debuginfo

import "fmt"

func isPointer(t *Type) bool {
	u := t.Underlying()
	return u != nil && (u.Kind == KindPointer || u.Kind == KindArray)
}

// promote is the type that C++ computes in.
func promote(t *Type) *Type {
	u := t.Underlying()
	switch {
	case u.Size == 8 && !u.Signed:
		return ulongType
	case u.Size == 8:
		return longType
	case u.Size == 4 && !u.Signed && u.Kind != KindPointer:
		return uintType
	}
	return intType
}

// common is the type that two operands are converted to.
func common(a, b *Type) *Type {
	a, b = promote(a), promote(b)
	if a.Size < b.Size || a.Size == b.Size && !b.Signed {
		return b
	}
	return a
}

// integerOps compute on two's-complement bits.
var integerOps = map[string]func(a, b uint64) uint64{
	"+": func(a, b uint64) uint64 { return a + b }, "-": func(a, b uint64) uint64 { return a - b },
	"*": func(a, b uint64) uint64 { return a * b }, "&": func(a, b uint64) uint64 { return a & b },
	"|": func(a, b uint64) uint64 { return a | b }, "^": func(a, b uint64) uint64 { return a ^ b },
}

// comparisons decide on the order of the operands: below, equal, above.
var comparisons = map[string]func(order int) bool{
	"==": func(o int) bool { return o == 0 }, "!=": func(o int) bool { return o != 0 },
	"<": func(o int) bool { return o < 0 }, "<=": func(o int) bool { return o <= 0 },
	">": func(o int) bool { return o > 0 }, ">=": func(o int) bool { return o >= 0 },
}

// integers are the operands' values.
func integers(a, b Value) (x, y int64, err error) {
	if x, err = a.Int64(); err == nil {
		y, err = b.Int64()
	}
	return x, y, err
}

func (s evaluator) arithmetic(op string, a, b Value) (Value, error) {
	if isPointer(a.Type) || isPointer(b.Type) {
		return s.pointerOp(op, a, b)
	}
	x, y, err := integers(a, b)
	if err != nil {
		return Value{}, err
	}
	t := common(a.Type, b.Type)
	if cmp, ok := comparisons[op]; ok {
		return s.made(boolType, truth(cmp(order(t, uint64(x), uint64(y))))), nil
	}
	if op == "<<" || op == ">>" {
		return s.shift(op, promote(a.Type), x, y)
	}
	if fn, ok := integerOps[op]; ok {
		return s.made(t, fn(uint64(x), uint64(y))), nil
	}
	return s.divide(op, t, x, y)
}

// order compares two numbers of a type.
func order(t *Type, a, b uint64) int {
	if t.Size == 4 {
		a, b = a&0xffff_ffff, b&0xffff_ffff
		if t.Signed {
			a, b = signExtend(a, 4), signExtend(b, 4)
		}
	}
	if t.Signed {
		a, b = a^1<<63, b^1<<63
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (s evaluator) shift(op string, t *Type, x, y int64) (Value, error) {
	if y < 0 || y >= t.Size*8 {
		return Value{}, fmt.Errorf("shifting a %s by %d bits", t, y)
	}
	n := uint64(x) << y
	if op == ">>" {
		n = uint64(x >> y)
		if !t.Signed {
			n = uint64(x) & (^uint64(0) >> (64 - 8*t.Size)) >> y
		}
	}
	return s.made(t, n), nil
}

func (s evaluator) divide(op string, t *Type, x, y int64) (Value, error) {
	mask := ^uint64(0) >> (64 - 8*t.Size)
	switch {
	case y == 0:
		return Value{}, fmt.Errorf("division by zero")
	case op == "/" && !t.Signed:
		return s.made(t, uint64(x)&mask/(uint64(y)&mask)), nil
	case op == "%" && !t.Signed:
		return s.made(t, uint64(x)&mask%(uint64(y)&mask)), nil
	case op == "/" && y == -1:
		return s.made(t, uint64(-x)), nil
	case op == "/":
		return s.made(t, uint64(x/y)), nil
	case op == "%" && y == -1:
		return s.made(t, 0), nil
	case op == "%":
		return s.made(t, uint64(x%y)), nil
	}
	return Value{}, fmt.Errorf("operator %s is not supported", op)
}

// decay makes an array a pointer to its first element.
func (s evaluator) decay(v Value) (Value, error) {
	u := v.Type.Underlying()
	if u == nil || u.Kind != KindArray {
		return v, nil
	}
	if !v.HasAddr || u.Elem == nil {
		return Value{}, fmt.Errorf("%s stands in no memory", v.Type)
	}
	return s.made(s.File.pointerTo(u.Elem, KindPointer), v.Addr), nil
}

// pointerOp computes with pointers, in elements.
func (s evaluator) pointerOp(op string, a, b Value) (Value, error) {
	a, err := s.decay(a)
	if err != nil {
		return Value{}, err
	}
	if b, err = s.decay(b); err != nil {
		return Value{}, err
	}
	x, y, err := integers(a, b)
	if err != nil {
		return Value{}, err
	}
	if cmp, ok := comparisons[op]; ok {
		return s.made(boolType, truth(cmp(order(s.wordType(), uint64(x), uint64(y))))), nil
	}
	ap, bp := isPointer(a.Type), isPointer(b.Type)
	switch {
	case op == "-" && ap && bp:
		size, err := elemSize(a.Type)
		if err != nil {
			return Value{}, err
		}
		if other, err := elemSize(b.Type); err != nil || other != size {
			return Value{}, fmt.Errorf("%s and %s do not point to the same type", a.Type, b.Type)
		}
		return s.made(longType, uint64((x-y)/size)), nil
	case (op == "+" || op == "-") && ap && !bp:
		size, err := elemSize(a.Type)
		if op == "-" {
			y = -y
		}
		return s.made(a.Type, s.File.wrap(uint64(x+y*size))), err
	case op == "+" && bp && !ap:
		size, err := elemSize(b.Type)
		return s.made(b.Type, s.File.wrap(uint64(y+x*size))), err
	}
	return Value{}, fmt.Errorf("operator %s cannot be applied to %s and %s: cast the pointer to an integer first", op, a.Type, b.Type)
}

// elemSize is the size of what a pointer steps over; that of void is 1.
func elemSize(t *Type) (int64, error) {
	u := t.Underlying()
	switch {
	case u.Elem == nil:
		return 1, nil
	case u.Elem.Size <= 0:
		return 0, fmt.Errorf("the size of %s is not known", u.Elem)
	}
	return u.Elem.Size, nil
}
