// Package query answers questions to a whole run: an expression over the model of a
// stop is evaluated at every stop, and the answer tells from which one to which it had
// which value.
//
// It knows the vocabulary of the kernel's model and of what front ends see. It must not
// know where stops come from.
package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
	"thaw/words"
)

// Stops are those of a run.
type Stops struct {
	First, Last        int
	Original, Restored kernel.ID // tasks of both children of the last restore, 0 where not known
	Restores           []int     // last stop of each restore

	Snapshot func(stop int) (*view.Snapshot, error)
	View     func(stop int) (*view.View, error) // what else is known, which costs more
	// Memory is that of a task, with the size of a word there in bytes.
	Memory func(stop int, task kernel.ID) (mem *memory.Space, word int, err error)
	// Print is what "COMPONENT: EXPR" means: a number, or text.
	Print func(stop int, text string) (any, error)
	// Member is a member of a kernel object: a number, or text.
	Member func(stop int, object kernel.ID, path string) (any, error)
}

// maxExpr bounds an expression, in bytes.
const maxExpr = 2000

// Question is an expression that was understood.
type Question struct {
	text    string
	program *vm.Program
	uses    map[string]bool // names and members in it
}

// Parse reads an expression. Words in the parentheses of functions that take ids or
// slots are hex, as everywhere.
func Parse(text string) (*Question, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, errors.New("an expression is missing, such as `thread(231).state` (docs/query.md lists what there is)")
	}
	if len(text) > maxExpr {
		return nil, fmt.Errorf("the expression is longer than %d bytes", maxExpr)
	}
	source := withHex(text)
	q := &Question{text: text, uses: map[string]bool{}}
	look := &looker{source: source, uses: q.uses}
	program, err := expr.Compile(source, append(numbers(), expr.Env(env{}), expr.DisableBuiltin("now"), expr.DisableBuiltin("date"), expr.Patch(look))...)
	switch {
	case look.err != nil:
		return nil, look.err
	case err != nil:
		return nil, fmt.Errorf("the expression: %s", told(err))
	}
	q.program = program
	return q, nil
}

// told is an error of the library in one line.
func told(err error) string {
	var e *file.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Prev != nil {
		return e.Prev.Error()
	}
	return strings.ReplaceAll(e.Message, "<nil>", "nothing")
}

// looker notes what an expression uses, finds numbers that are meant to be hex, and has
// numbers compared as what they are.
type looker struct {
	source string
	uses   map[string]bool
	err    error
}

// Visit implements ast.Visitor.
func (l *looker) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		l.uses[n.Value] = true
	case *ast.MemberNode:
		if name, ok := n.Property.(*ast.StringNode); ok {
			l.uses[name.Value] = true
		}
	case *ast.BinaryNode:
		for _, side := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
			if member, ok := side[0].(*ast.MemberNode); ok {
				l.compared(member, side[1])
			}
		}
	}
	exact(node)
}

// compared refuses a decimal number beside an id or an address: 231 is not 0x231.
func (l *looker) compared(m *ast.MemberNode, with ast.Node) {
	name, ok := m.Property.(*ast.StringNode)
	number, is := with.(*ast.IntegerNode)
	if !ok || !is || !hexMembers[name.Value] || number.Value < 10 {
		return
	}
	if at := number.Location().From; at+1 < len(l.source) && l.source[at+1] != 'x' && l.source[at+1] != 'X' {
		l.err = fmt.Errorf("%s is hex: write 0x%d", name.Value, number.Value)
	}
}

// NeedsStops refuses what belongs to stops, for a question that is asked elsewhere.
func (q *Question) NeedsStops() error {
	if q.Uses("verdicts", "phases", "happenings", "requests", "writes", "entries", "stop", "time", "reason", "phase") {
		return errors.New("verdicts, phases, happenings and reasons belong to stops: ask all stops for them (query)")
	}
	return nil
}

// Run is neighbouring stops at which the expression has the same value.
type Run struct {
	From, To int    // numbers of stops
	Value    string // "true", of an expression that holds or does not
	Why      string // it has no value there: why
}

// Answer tells the value at each stop. Stops at which the expression is false are left
// out.
type Answer struct {
	Expr    string
	First   int // stops that were asked
	Last    int
	Runs    []Run // with a value
	Unknown []Run // without one
}

// Ask evaluates the expression at all stops.
func (q *Question) Ask(ctx context.Context, s *Stops) (*Answer, error) {
	a := &Answer{Expr: q.text, First: s.First, Last: s.Last}
	asking, err := q.Begin(s)
	if err != nil {
		return nil, err
	}
	for n := s.First; n <= s.Last; n++ {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("asking %s, at stop %d of %d: %w", words.Count(s.Last-s.First+1, "stop"), n, s.Last, err)
		}
		v, err := asking.At(n)
		switch {
		case err != nil:
			return nil, err
		case v.False:
			continue
		}
		a.add(Run{From: n, To: n, Value: v.Text, Why: v.Why})
	}
	return a, nil
}

// Asking is a question that is asked at one stop after the other.
type Asking struct {
	q       *Question
	world   *world
	machine vm.VM
}

// Value is what an expression has at a stop.
type Value struct {
	Text  string
	False bool   // of an expression that holds or does not
	Why   string // it has no value: why
}

// Begin begins to ask at stops.
func (q *Question) Begin(s *Stops) (*Asking, error) {
	w, err := newWorld(s, q.uses)
	return &Asking{q: q, world: w}, err
}

// At is the expression's value at a stop.
func (a *Asking) At(stop int) (v Value, err error) {
	e, err := a.world.at(stop)
	if err != nil {
		return v, err
	}
	if v.Why = a.world.missing(e); v.Why != "" {
		return v, nil
	}
	got, err := a.machine.Run(a.q.program, e)
	if err != nil {
		v.Why = told(err)
		return v, nil
	}
	v.Text, v.False = format(got), got == false
	return v, nil
}

// Uses says whether the expression has one of these names or members.
func (q *Question) Uses(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return q.uses[n] })
}

// add appends a run, or prolongs the last one.
func (a *Answer) add(r Run) {
	list := &a.Runs
	if r.Why != "" {
		list = &a.Unknown
	}
	if n := len(*list); n > 0 {
		if last := &(*list)[n-1]; last.To+1 == r.From && last.Value == r.Value && last.Why == r.Why {
			last.To = r.To
			return
		}
	}
	*list = append(*list, r)
}

// Summary is the answer in a sentence.
func (a *Answer) Summary() string {
	n := 0
	for _, r := range a.Runs {
		n += r.To - r.From + 1
	}
	text := fmt.Sprintf("at %d of %s", n, words.Count(a.Last-a.First+1, "stop"))
	unknown := 0
	for _, r := range a.Unknown {
		unknown += r.To - r.From + 1
	}
	if unknown > 0 {
		text += fmt.Sprintf(", without a value at %d", unknown)
	}
	return text
}

// All are the runs with a value and without one, by their first stops.
func (a *Answer) All() []Run {
	out := slices.Concat(a.Runs, a.Unknown)
	slices.SortFunc(out, func(x, y Run) int { return cmp.Compare(x.From, y.From) })
	return out
}

// Text is the value, or why there is none.
func (r *Run) Text() string {
	if r.Why != "" {
		return "not known: " + r.Why
	}
	return r.Value
}

// Stops is the stops in words: "7", "7-12".
func (r *Run) Stops() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}
