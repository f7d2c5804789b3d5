package session

import (
	"fmt"
	"regexp"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/view"
)

// Bounds of a value that is shown member by member.
const (
	inspectDepth   = 12  // of members inside members
	inspectMembers = 600 // in all
	inspectElems   = 64  // of an array
)

// askValue evaluates a C++ expression where the stopped processor is, with the
// debug info of the program that runs there; "COMPONENT: EXPR" takes another
// one's, for its global variables and types.
func (a *asker) askValue(s *view.Snapshot, p *view.Peek) error {
	p.Title = p.Query.Expr
	c, expr, err := a.programs.Expr(s, p.Query.Expr)
	if err != nil {
		return err
	}
	p.Title = c.Name + ": " + expr
	scope, task, err := a.programs.Scope(s, c, p.Query.Task)
	if err != nil {
		return err
	}
	v, err := scope.Eval(expr)
	if err != nil {
		return err
	}
	a.rec.keepType(c, v)
	in := &inspection{eval: func(expr string) error { _, err := scope.Eval(expr); return err }, component: c.Name, task: task, means: pointee(s.System, c.Place), names: map[string]bool{}}
	in.add(v, "", expr, 0)
	p.Members = in.members
	return nil
}

// askObject shows a kernel object's members.
func (a *asker) askObject(s *view.Snapshot, p *view.Peek) error {
	o := s.System.Object(p.Query.Object)
	if o == nil {
		return fmt.Errorf("object %s is not there any more", p.Query.Object)
	}
	if o.Class == "" {
		return fmt.Errorf("the class of object %s is not known", o.ID)
	}
	q := p.Query
	p.Query = view.Query{Kind: view.QueryValue, Expr: fmt.Sprintf("%s: *(%s*)%#x", a.scn.KernelName(), o.Class, o.Addr)}
	err := a.askValue(s, p)
	p.Query, p.Title = q, fmt.Sprintf("%s %s, a %s at %x", o.Kind, o.ID, o.Class, o.Addr)
	return err
}

// inspection takes a value apart.
type inspection struct {
	eval      func(expr string) error // says why an expression has no value
	component string
	task      kernel.ID
	means     pointer
	names     map[string]bool // types that an expression can name
	members   []view.PeekMember
}

// add adds a value that an expression means, and its members. A base class is
// shown through its members alone.
func (in *inspection) add(v debuginfo.Value, name, expr string, depth int) {
	if len(in.members) == inspectMembers {
		in.members = append(in.members, view.PeekMember{Depth: depth, Name: "…", Value: fmt.Sprintf("the first %d members are shown", inspectMembers)})
	}
	if len(in.members) > inspectMembers {
		return
	}
	m := view.PeekMember{Depth: depth, Name: name, Type: v.Type.String()}
	if v.HasAddr {
		m.Addr = v.Addr
		if t := v.Type.Underlying(); t != nil && t.Size > 0 && t.Size <= maxWord {
			m.Size = int(t.Size)
		}
	}
	parts := v.Parts(inspectElems)
	if text, err := v.String(); err == nil && v.Type.Underlying().Kind == debuginfo.KindArray {
		parts, m.Value = nil, fmt.Sprintf("%q", text)
	}
	switch {
	case len(parts) > 0 && depth == inspectDepth:
		m.Value, m.Leads = "{…}", in.query(expr)
		parts = nil
	case len(parts) > 0:
		if depth > 0 && v.HasAddr {
			m.Leads = in.query(in.named(v.Type, v.Addr, expr))
		}
	case m.Value == "":
		m.Value = valueWords(v)
		m.Means, m.Leads = in.follow(v, expr)
	}
	in.members = append(in.members, m)
	for _, part := range parts {
		if part.Err != nil {
			in.members = append(in.members, view.PeekMember{Depth: depth + 1, Name: part.Name, Value: "<" + part.Err.Error() + ">"})
			continue
		}
		in.add(part.Value, partName(part), partExpr(part, expr), depth+1)
	}
}

// valueWords puts a value without members into words: numbers that are no counts
// in hex, too.
func valueWords(v debuginfo.Value) string {
	text := v.Format(0)
	u := v.Type.Underlying()
	if u == nil || u.Kind != debuginfo.KindBase || u.Signed || u.Encoding != debuginfo.EncodingUnsigned {
		return text
	}
	switch n, err := v.Uint64(); {
	case err != nil || n < 10:
		return text
	case n < 1<<32:
		return fmt.Sprintf("%s  %#x", text, n)
	default:
		return fmt.Sprintf("%#x", n)
	}
}

func partName(p debuginfo.Part) string {
	switch {
	case p.Base:
		return "<" + p.Name + ">"
	case p.Name == "":
		return "<anonymous>"
	}
	return p.Name
}

// simple is an expression that a member can be taken of without brackets: names,
// or brackets with members behind them.
var simple = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_:]*|\([^()]*(\([^()]*\)[^()]*)*\)[.\[])[A-Za-z0-9_:.\[\]]*$`)

func bracketed(expr string) string {
	if simple.MatchString(expr) {
		return expr
	}
	return "(" + expr + ")"
}

// partExpr is the expression for a part of what an expression means. The members
// of base classes and of what has no name are found in the value itself.
func partExpr(p debuginfo.Part, expr string) string {
	expr = bracketed(expr)
	switch {
	case p.Base || p.Name == "":
		return expr
	case strings.HasPrefix(p.Name, "["):
		return expr + p.Name
	}
	return expr + "." + p.Name
}

func (in *inspection) query(expr string) view.Query {
	return view.Query{Kind: view.QueryValue, Task: in.task, Expr: in.component + ": " + expr}
}

// follow tells what a pointer or a reference leads to, and how to see that: typed where its
// type says more than bytes.
func (in *inspection) follow(v debuginfo.Value, expr string) (means string, leads view.Query) {
	u := v.Type.Underlying()
	if u == nil || u.Kind != debuginfo.KindPointer && u.Kind != debuginfo.KindRef {
		return "", view.Query{}
	}
	addr, err := v.Uint64()
	if err != nil || addr == 0 {
		return "", view.Query{}
	}
	means = in.means(addr)
	target := v.Type.Target()
	if target == nil || target.Kind == debuginfo.KindVoid || target.Kind == debuginfo.KindFunc || target.Size <= 1 {
		return means, view.Query{Kind: view.QueryMemory, Task: in.task, Addr: addr}
	}
	long := "*" + bracketed(expr)
	if u.Kind == debuginfo.KindRef {
		long = expr // which means what it refers to already
	}
	short := in.named(target, addr, long)
	if short == long {
		if in.eval(long) != nil { // a name that no program can write: a table of virtual functions
			return means, view.Query{Kind: view.QueryMemory, Task: in.task, Addr: addr}
		}
	}
	return means, in.query(short)
}

// named is "*(TYPE*)ADDR" where an expression can name the type, else the long
// way that led there.
func (in *inspection) named(t *debuginfo.Type, addr uint64, expr string) string {
	name := t.String()
	known, asked := in.names[name]
	if !asked {
		known = in.eval(fmt.Sprintf("sizeof(%s)", name)) == nil
		in.names[name] = known
	}
	if !known {
		return expr
	}
	return fmt.Sprintf("*(%s*)%#x", name, addr)
}
