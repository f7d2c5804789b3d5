package query

import (
	"math/big"
	"reflect"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm/runtime"
)

// The library takes all whole numbers for signed ones of 64 bits as it compares them, so
// that the addresses of most kernels would be less than 0. These functions stand for its
// operators, and leave all else to it.
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

// orderings are the functions, for the compiler.
func orderings() (out []expr.Option) {
	for _, o := range orders {
		out = append(out, expr.Function(o.name, func(p ...any) (any, error) {
			if a, b := whole(p[0]), whole(p[1]); a != nil && b != nil {
				return o.holds(a.Cmp(b)), nil
			}
			return o.other(p[0], p[1]), nil
		}, new(func(any, any) bool)))
	}
	return out
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

// ordered puts the function in the place of an operator between numbers that may be large.
func ordered(node *ast.Node, n *ast.BinaryNode) {
	large := func(n ast.Node) bool {
		t := n.Type()
		return t == nil || t.Kind() == reflect.Interface || t.Kind() == reflect.Uint64
	}
	if o, ok := orders[n.Operator]; ok && (large(n.Left) || large(n.Right)) {
		ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: o.name}, Arguments: []ast.Node{n.Left, n.Right}})
	}
}
