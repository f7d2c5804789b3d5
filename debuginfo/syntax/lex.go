package syntax

import (
	"fmt"
	"strings"
)

// Error says where an expression is wrong. Columns count from 1.
type Error struct {
	Expr   string
	Column int
	Want   string // what was expected there
}

func (e *Error) Error() string {
	return fmt.Sprintf("expression %q, column %d: expected %s", e.Expr, e.Column, e.Want)
}

// tokenKind is the sort of a token.
type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokNumber
	tokRegister
	tokOp
)

type token struct {
	kind tokenKind
	Text string
	At   int // byte offset
}

// operators, longer ones first.
var operators = []string{"->", "<<", ">>", "==", "!=", "<=", ">=", "&&", "||", "::",
	"+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "!", "~", "(", ")", "[", "]", ".", ","}

// maxExpr bounds an expression, in bytes.
const maxExpr = 4096

func nameStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// lex cuts an expression into tokens; the last is tokEnd.
func lex(expr string) ([]token, error) {
	if len(expr) > maxExpr {
		return nil, fmt.Errorf("an expression of %d bytes is too long", len(expr))
	}
	var out []token
	for i := 0; ; {
		for i < len(expr) && strings.IndexByte(" \t\r\n", expr[i]) >= 0 {
			i++
		}
		if i == len(expr) {
			return append(out, token{tokEnd, "", i}), nil
		}
		start, kind := i, tokOp
		switch c := expr[i]; {
		case nameStart(c):
			kind = tokName
			i = wordEnd(expr, i)
		case digit(c):
			kind = tokNumber
			i = wordEnd(expr, i)
		case c == '\'':
			kind = tokNumber
			if i = charEnd(expr, i); i < 0 {
				return nil, &Error{expr, start + 1, "a character like 'a'"}
			}
		case c == '$' && i+1 < len(expr) && nameStart(expr[i+1]):
			kind = tokRegister
			i = wordEnd(expr, i+1)
		default:
			op := ""
			for _, o := range operators {
				if strings.HasPrefix(expr[i:], o) {
					op = o
					break
				}
			}
			if op == "" {
				return nil, &Error{expr, start + 1, "a name, a number or an operator"}
			}
			i += len(op)
		}
		out = append(out, token{kind, expr[start:i], start})
	}
}

func wordEnd(expr string, i int) int {
	for i < len(expr) && (nameStart(expr[i]) || digit(expr[i])) {
		i++
	}
	return i
}

func charEnd(expr string, i int) int {
	switch {
	case i+2 < len(expr) && expr[i+1] != '\\' && expr[i+1] != '\'' && expr[i+2] == '\'':
		return i + 3
	case i+3 < len(expr) && expr[i+1] == '\\' && expr[i+3] == '\'':
		return i + 4
	}
	return -1
}
