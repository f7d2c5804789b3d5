package query

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// The library takes all whole numbers for signed ones of 64 bits, so that the addresses
// of most kernels would be less than 0. These functions stand for its operators and for
// some of its own functions, and leave all else to it.

// orders are the comparisons.
var orders = map[string]struct {
	name  string
	holds func(sign int) bool
	other func(a, b any) bool
}{
	"<":  {"__less", func(sign int) bool { return sign < 0 }, runtime.Less},
	"<=": {"__lessOrEqual", func(sign int) bool { return sign <= 0 }, runtime.LessOrEqual},
	">":  {"__more", func(sign int) bool { return sign > 0 }, runtime.More},
	">=": {"__moreOrEqual", func(sign int) bool { return sign >= 0 }, runtime.MoreOrEqual},
}

// sums are what is computed. An address with a number added or taken off is an address.
var sums = map[string]struct {
	name  string
	of    func(z, a, b *big.Int) *big.Int
	moves bool
	other func(a, b any) any
}{
	"+": {"__add", (*big.Int).Add, true, runtime.Add},
	"-": {"__subtract", (*big.Int).Sub, true, runtime.Subtract},
	"*": {"__multiply", (*big.Int).Mul, false, runtime.Multiply},
	"%": {"__modulo", (*big.Int).Rem, false, func(a, b any) any { return runtime.Modulo(a, b) }},
}

// lists are the library's functions that compare the elements of lists, or add them.
var lists = map[string]struct {
	name string
	of   func(args []any) (any, error)
}{
	"min":    {"__min", func(args []any) (any, error) { return extreme(-1, args) }},
	"max":    {"__max", func(args []any) (any, error) { return extreme(1, args) }},
	"sort":   {"__sort", sorted},
	"sortBy": {"__sortBy", sortedBy},
	"sum":    {"__sum", total},
}

// numbers are the functions, for the compiler.
func numbers() (out []expr.Option) {
	for _, o := range orders {
		out = append(out, expr.Function(o.name, func(p ...any) (any, error) {
			if a, b := whole(p[0]), whole(p[1]); a != nil && b != nil {
				return o.holds(a.Cmp(b)), nil
			}
			return o.other(p[0], p[1]), nil
		}, new(func(any, any) bool)))
	}
	for op := range sums {
		out = append(out, expr.Function(sums[op].name, func(p ...any) (any, error) { return compute(op, p[0], p[1]) }, new(func(any, any) any)))
	}
	for _, l := range lists {
		out = append(out, expr.Function(l.name, func(p ...any) (any, error) { return l.of(p) }))
	}
	return out
}

// compute is what an operator makes of two values.
func compute(op string, a, b any) (any, error) {
	do := sums[op]
	x, y := whole(a), whole(b)
	if x == nil || y == nil {
		return do.other(a, b), nil
	}
	if op == "%" && y.Sign() == 0 {
		return nil, errors.New("dividing by 0")
	}
	z := do.of(new(big.Int), x, y)
	switch addresses := isAddress(a) != isAddress(b); {
	case do.moves && addresses && z.IsUint64():
		return z.Uint64(), nil
	case z.IsInt64():
		return int(z.Int64()), nil
	case z.IsUint64():
		return z.Uint64(), nil
	}
	return nil, fmt.Errorf("%v %s %v needs more than 64 bits", x, op, y)
}

func isAddress(v any) bool { _, is := v.(uint64); return is }

// order compares two values: whole numbers by what they are, others as the library does;
// what is not known comes before all that is.
func order(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	if x, y := whole(a), whole(b); x != nil && y != nil {
		return x.Cmp(y)
	}
	switch {
	case runtime.Less(a, b):
		return -1
	case runtime.Less(b, a):
		return 1
	}
	return 0
}

// elements are those of a list.
func elements(list any) ([]any, error) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice {
		return nil, fmt.Errorf("%v is no list", list)
	}
	out := make([]any, v.Len())
	for i := range out {
		out[i] = v.Index(i).Interface()
	}
	return out, nil
}

// extreme is the least of the values (sign -1) or the greatest, those of lists among them.
func extreme(sign int, args []any) (best any, err error) {
	for _, a := range args {
		all := []any{a}
		if reflect.ValueOf(a).Kind() == reflect.Slice {
			if all, err = elements(a); err != nil {
				return nil, err
			}
		}
		for _, v := range all {
			if v != nil && (best == nil || order(v, best) == sign) {
				best = v
			}
		}
	}
	return best, nil
}

// sorted is sort(LIST), sort(LIST, "asc") or sort(LIST, "desc").
func sorted(args []any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("sort takes a list")
	}
	return sortedBy(append([]any{args[0]}, args...))
}

// sortedBy is the same by other values, those of a second list.
func sortedBy(args []any) (any, error) {
	descending := len(args) == 3 && args[2] == "desc"
	if len(args) > 3 || len(args) == 3 && !descending && args[2] != "asc" {
		return nil, errors.New(`the order is "asc" or "desc"`)
	}
	list, err := elements(args[0])
	if err != nil {
		return nil, err
	}
	by, err := elements(args[1])
	if err != nil {
		return nil, err
	}
	at := make([]int, len(list))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(i, j int) int {
		if descending {
			i, j = j, i
		}
		return order(by[i], by[j])
	})
	out := make([]any, len(list))
	for i, n := range at {
		out[i] = list[n]
	}
	return out, nil
}

// total is sum(LIST).
func total(args []any) (sum any, err error) {
	list, err := elements(args[0])
	sum = 0
	for i := 0; i < len(list) && err == nil; i++ {
		v := list[i]
		if x := whole(v); x != nil && x.IsInt64() {
			v = int(x.Int64()) // a sum of addresses is none
		}
		if v != nil {
			sum, err = compute("+", sum, v)
		}
	}
	return sum, err
}

// whole is a whole number that an expression may have, nil if it is none.
func whole(v any) *big.Int {
	switch v := v.(type) {
	case uint64:
		return new(big.Int).SetUint64(v)
	case int64:
		return big.NewInt(v)
	case int:
		return big.NewInt(int64(v))
	}
	return nil
}

// exact puts a function in the place of an operator between numbers that may be large, and
// of a library's function of lists.
func exact(node *ast.Node) {
	call := func(name string, args ...ast.Node) {
		ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: args})
	}
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		large := func(n ast.Node) bool {
			t := n.Type()
			return t == nil || t.Kind() == reflect.Interface || t.Kind() == reflect.Uint64
		}
		if !large(n.Left) && !large(n.Right) {
			return
		}
		if o, ok := orders[n.Operator]; ok {
			call(o.name, n.Left, n.Right)
		} else if s, ok := sums[n.Operator]; ok {
			call(s.name, n.Left, n.Right)
		}
	case *ast.BuiltinNode:
		switch l, ok := lists[n.Name]; {
		case !ok:
		case n.Name == "sum" && len(n.Arguments) > 1:
			call(l.name, &ast.BuiltinNode{Name: "map", Arguments: n.Arguments})
		case n.Name == "sortBy":
			values := &ast.BuiltinNode{Name: "map", Arguments: n.Arguments[:2:2]}
			call(l.name, append([]ast.Node{n.Arguments[0], values}, n.Arguments[2:]...)...)
		default:
			call(l.name, n.Arguments...)
		}
	}
}
