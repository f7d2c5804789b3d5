package debuginfo

import (
	"strconv"
	"strings"
)

// expression is a node of a parsed expression.
type expression struct {
	op    string // operator; "name", "number", "register", "cast", "sizeof", "sizeoftype", ".", "->", "[]", "unary*" ...
	text  string // name, register or type
	value uint64
	args  []*expression
	at    int // byte offset
}

// maxNesting bounds how deep expressions nest.
const maxNesting = 100

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

// parse reads an expression whole.
func parse(expr string, isType func(string) bool) (*expression, error) {
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
	if t := p.peek(); t.kind == tokOp && t.text == op {
		p.pos++
		return true
	}
	return false
}

func (p *parser) fail(want string) error { return &SyntaxError{p.expr, p.peek().at + 1, want} }

// binary reads operators that bind at least as close as min.
func (p *parser) binary(min int) (*expression, error) {
	left, err := p.unary()
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		t := p.peek()
		prec := precedence[t.text]
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
		left = &expression{op: t.text, args: []*expression{left, right}, at: t.at}
	}
}

var prefixes = map[string]bool{"*": true, "&": true, "-": true, "+": true, "!": true, "~": true}

func (p *parser) unary() (*expression, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, p.fail("an expression that is nested less deeply")
	}
	defer func() { p.depth-- }()
	t := p.peek()
	switch {
	case t.kind == tokOp && prefixes[t.text]:
		p.next()
		arg, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &expression{op: "unary" + t.text, args: []*expression{arg}, at: t.at}, nil
	case t.kind == tokName && t.text == "sizeof":
		return p.sizeof()
	case t.kind == tokOp && t.text == "(":
		if name, end := p.typeInBrackets(); end > 0 {
			p.pos = end
			arg, err := p.unary()
			if err != nil {
				return nil, err
			}
			return &expression{op: "cast", text: name, args: []*expression{arg}, at: t.at}, nil
		}
	}
	return p.postfix()
}

func (p *parser) sizeof() (*expression, error) {
	t := p.next()
	if name, end := p.typeInBrackets(); end > 0 {
		p.pos = end
		return &expression{op: "sizeoftype", text: name, at: t.at}, nil
	}
	arg, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &expression{op: "sizeof", args: []*expression{arg}, at: t.at}, nil
}

// typeInBrackets recognises "(T)", and tells the position behind it; 0 if what
// is next is no type in brackets.
func (p *parser) typeInBrackets() (string, int) {
	if t := p.peek(); t.kind != tokOp || t.text != "(" {
		return "", 0
	}
	depth := 0
	for i := p.pos; p.toks[i].kind != tokEnd; i++ {
		switch t := p.toks[i]; {
		case t.kind == tokNumber && depth == 1 && !strings.Contains(p.expr[p.toks[p.pos].at:t.at], "<"), t.kind == tokRegister:
			return "", 0
		case t.kind == tokOp && t.text == "(":
			depth++
		case t.kind == tokOp && t.text == ")":
			if depth--; depth > 0 {
				continue
			}
			name := strings.TrimSpace(p.expr[p.toks[p.pos].at+1 : t.at])
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

func (p *parser) postfix() (*expression, error) {
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
			e = &expression{op: "[]", args: []*expression{e, i}, at: t.at}
		case p.accept("."), p.accept("->"):
			if p.peek().kind != tokName && p.peek().text != "::" {
				return nil, p.fail("the name of a member")
			}
			name, err := p.name()
			if err != nil {
				return nil, err
			}
			e = &expression{op: t.text, text: name, args: []*expression{e}, at: t.at}
		default:
			return e, nil
		}
	}
	return e, nil
}

func (p *parser) primary() (*expression, error) {
	t := p.peek()
	switch {
	case t.kind == tokNumber:
		v, ok := number(t.text)
		if !ok {
			return nil, p.fail("a number like 12, 0x1f or 'a'")
		}
		p.next()
		return &expression{op: "number", value: v, text: t.text, at: t.at}, nil
	case t.kind == tokRegister:
		p.next()
		return &expression{op: "register", text: t.text[1:], at: t.at}, nil
	case t.kind == tokName, t.text == "::":
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		return &expression{op: "name", text: name, at: t.at}, nil
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
		b.WriteString(t.text)
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
	if start.kind != tokOp || start.text != "<" {
		return "", 0
	}
	depth := 0
	for i := p.pos; p.toks[i].kind != tokEnd; i++ {
		t := p.toks[i]
		if t.kind != tokOp {
			continue
		}
		switch t.text {
		case "<":
			depth++
		case ">", ">>":
			if depth -= len(t.text); depth > 0 {
				continue
			}
			args := p.expr[start.at : t.at+len(t.text)]
			n := p.toks[i+1]
			if depth == 0 && (n.kind == tokOp && n.text == "::" || p.typeLike(name+args)) {
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
