// Package syntax reads C++-like expressions into trees. It does not know what names
// mean: whoever asks tells which are types.
package syntax

import (
	"strconv"
	"strings"
)

// Node is a node of a parsed expression.
type Node struct {
	Op    string // operator; "name", "number", "register", "cast", "sizeof", "sizeoftype", ".", "->", "[]", "unary*" ...
	Text  string // name, register or type
	Value uint64
	Args  []*Node
	At    int // byte offset
}

// MaxNesting bounds how deep expressions nest.
const MaxNesting = 100

// parser is a recursive-descent parser. It asks isType where C++ cannot be
// parsed without knowing types.
type parser struct {
	expr   string
	toks   []token
	pos    int
	depth  int
	isType func(name string) bool
}

// precedence of binary operators, higher binds closer.
var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

// Parse reads an expression whole.
func Parse(expr string, isType func(string) bool) (*Node, error) {
	toks, err := lex(expr)
	if err != nil {
		return nil, err
	}
	p := &parser{expr: expr, toks: toks, isType: isType}
	e, err := p.binary(1)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEnd {
		return nil, p.fail("an operator or the end")
	}
	return e, nil
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) next() token {
	t := p.toks[p.pos]
	if t.kind != tokEnd {
		p.pos++
	}
	return t
}

// accept takes an operator if it is next.
func (p *parser) accept(op string) bool {
	if t := p.peek(); t.kind == tokOp && t.Text == op {
		p.pos++
		return true
	}
	return false
}

func (p *parser) fail(want string) error { return &Error{p.expr, p.peek().At + 1, want} }

// binary reads operators that bind at least as close as min.
func (p *parser) binary(min int) (*Node, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		t := p.peek()
		prec := precedence[t.Text]
		if t.kind != tokOp || prec < min || prec == 0 {
			return left, nil
		}
		if n == maxExpr/2 {
			return nil, p.fail("a shorter expression")
		}
		p.next()
		right, err := p.binary(prec + 1)
		if err != nil {
			return nil, err
		}
		left = &Node{Op: t.Text, Args: []*Node{left, right}, At: t.At}
	}
}

var prefixes = map[string]bool{"*": true, "&": true, "-": true, "+": true, "!": true, "~": true}

func (p *parser) unary() (*Node, error) {
	if p.depth++; p.depth > MaxNesting {
		return nil, p.fail("an expression that is nested less deeply")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case t.kind == tokOp && prefixes[t.Text]:
		p.next()
		arg, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Node{Op: "unary" + t.Text, Args: []*Node{arg}, At: t.At}, nil
	case t.kind == tokName && t.Text == "sizeof":
		return p.sizeof()
	case t.kind == tokOp && t.Text == "(":
		if name, end := p.typeInBrackets(); end > 0 {
			p.pos = end
			arg, err := p.unary()
			if err != nil {
				return nil, err
			}
			return &Node{Op: "cast", Text: name, Args: []*Node{arg}, At: t.At}, nil
		}
	}
	return p.postfix()
}

func (p *parser) sizeof() (*Node, error) {
	t := p.next()
	if name, end := p.typeInBrackets(); end > 0 {
		p.pos = end
		return &Node{Op: "sizeoftype", Text: name, At: t.At}, nil
	}
	arg, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &Node{Op: "sizeof", Args: []*Node{arg}, At: t.At}, nil
}

// typeInBrackets recognises "(T)", and tells the position behind it; 0 if what
// is next is no type in brackets.
func (p *parser) typeInBrackets() (string, int) {
	if t := p.peek(); t.kind != tokOp || t.Text != "(" {
		return "", 0
	}
	depth := 0
	for i := p.pos; p.toks[i].kind != tokEnd; i++ {
		switch t := p.toks[i]; {
		case t.kind == tokNumber && depth == 1 && !strings.Contains(p.expr[p.toks[p.pos].At:t.At], "<"), t.kind == tokRegister:
			return "", 0
		case t.kind == tokOp && t.Text == "(":
			depth++
		case t.kind == tokOp && t.Text == ")":
			if depth--; depth > 0 {
				continue
			}
			name := strings.TrimSpace(p.expr[p.toks[p.pos].At+1 : t.At])
			if name != "" && p.typeLike(name) {
				return name, i + 1
			}
			return "", 0
		}
	}
	return "", 0
}

// typeLike asks about the type itself, without stars.
func (p *parser) typeLike(name string) bool {
	return p.isType != nil && p.isType(strings.TrimSpace(strings.TrimRight(name, "*& ")))
}

func (p *parser) postfix() (*Node, error) {
	e, err := p.primary()
	if err != nil {
		return nil, err
	}
	for n := 0; n < maxExpr; n++ {
		t := p.peek()
		switch {
		case p.accept("["):
			i, err := p.binary(1)
			if err != nil {
				return nil, err
			}
			if !p.accept("]") {
				return nil, p.fail("]")
			}
			e = &Node{Op: "[]", Args: []*Node{e, i}, At: t.At}
		case p.accept("."), p.accept("->"):
			if p.peek().kind != tokName && p.peek().Text != "::" {
				return nil, p.fail("the name of a member")
			}
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			e = &Node{Op: t.Text, Text: name, Args: []*Node{e}, At: t.At}
		default:
			return e, nil
		}
	}
	return e, nil
}

func (p *parser) primary() (*Node, error) {
	t := p.peek()
	switch {
	case t.kind == tokNumber:
		v, ok := number(t.Text)
		if !ok {
			return nil, p.fail("a number like 12, 0x1f or 'a'")
		}
		p.next()
		return &Node{Op: "number", Value: v, Text: t.Text, At: t.At}, nil
	case t.kind == tokRegister:
		p.next()
		return &Node{Op: "register", Text: t.Text[1:], At: t.At}, nil
	case t.kind == tokName, t.Text == "::":
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		return &Node{Op: "name", Text: name, At: t.At}, nil
	case p.accept("("):
		e, err := p.binary(1)
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, p.fail(")")
		}
		return e, nil
	}
	return nil, p.fail("a name, a number or (")
}

// name reads a qualified name, with template arguments where what they make is
// a type or is followed by "::".
func (p *parser) name() (string, error) {
	var b strings.Builder
	p.accept("::")
	for {
		t := p.peek()
		if t.kind != tokName {
			return "", p.fail("a name")
		}
		p.next()
		b.WriteString(t.Text)
		if args, end := p.templateArgs(b.String()); end > 0 {
			p.pos = end
			b.WriteString(args)
		}
		if !p.accept("::") {
			return b.String(), nil
		}
		b.WriteString("::")
	}
}

// templateArgs recognises "<...>" behind a name.
func (p *parser) templateArgs(name string) (string, int) {
	start := p.peek()
	if start.kind != tokOp || start.Text != "<" {
		return "", 0
	}
	depth := 0
	for i := p.pos; p.toks[i].kind != tokEnd; i++ {
		t := p.toks[i]
		if t.kind != tokOp {
			continue
		}
		switch t.Text {
		case "<":
			depth++
		case ">", ">>":
			if depth -= len(t.Text); depth > 0 {
				continue
			}
			args := p.expr[start.At : t.At+len(t.Text)]
			n := p.toks[i+1]
			if depth == 0 && (n.kind == tokOp && n.Text == "::" || p.typeLike(name+args)) {
				return args, i + 1
			}
			return "", 0
		case "&&", "||", "==", "!=", "+", "[", ".":
			return "", 0
		}
	}
	return "", 0
}

var escapes = map[byte]uint64{'n': '\n', 't': '\t', 'r': '\r', '0': 0, '\\': '\\', '\'': '\''}

// number reads C's integer and character literals.
func number(text string) (uint64, bool) {
	if text[0] == '\'' {
		if text[1] == '\\' {
			v, ok := escapes[text[2]]
			return v, ok
		}
		return uint64(text[1]), true
	}
	text = strings.TrimRight(text, "uUlL")
	if strings.Contains(text, "_") {
		return 0, false
	}
	v, err := strconv.ParseUint(text, 0, 64)
	return v, err == nil
}
