package propose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/debuginfo/index"
)

// graph is who calls whom among a program's own functions.
type graph struct {
	f       *debuginfo.File
	names   []string
	calls   map[string][]string // in order, each once; those of library functions between are theirs
	callers map[string]map[string]bool
}

// Bounds on what is looked at, for programs of any size.
const (
	maxOwn    = 20000 // functions
	maxPhases = 60    // of a checkpoint or a restore
	maxDepth  = 3     // of phases in each other
)

// newGraph reads who calls whom.
func newGraph(f *debuginfo.File) (*graph, error) {
	names, err := f.FunctionNames()
	if err != nil {
		return nil, fmt.Errorf("looking for functions in %s: %w", f.Path(), err)
	}
	g := &graph{f: f, calls: map[string][]string{}, callers: map[string]map[string]bool{}}
	for _, n := range names {
		if own(n) && len(g.names) < maxOwn {
			g.names = append(g.names, n)
		}
	}
	for _, n := range g.names {
		calls, err := f.Calls(n)
		if err != nil {
			return nil, fmt.Errorf("looking for what %s calls: %w", n, err)
		}
		g.take(n, calls)
	}
	return g, nil
}

// take notes the own functions that a function calls. What library functions that were
// inlined call, such as a for_each with a lambda, it calls itself; an own function that
// was inlined is entered for itself.
func (g *graph) take(name string, calls []index.Call) {
	for _, c := range calls {
		at := name
		if own(c.Function) && c.Function != name {
			if !slices.Contains(g.calls[name], c.Function) {
				g.calls[name] = append(g.calls[name], c.Function)
			}
			if g.callers[c.Function] == nil {
				g.callers[c.Function] = map[string]bool{}
			}
			g.callers[c.Function][name] = true
			at = c.Function
		}
		g.take(at, c.Inlined)
	}
}

// root finds the function that does all of a purpose: its name says so plainly, its class
// too, and much of that purpose is called by it.
func (g *graph) root(p purpose) string {
	best, most := "", 0
	for _, n := range g.names {
		class, last := split(n)
		got, plain := purposeOf(last)
		if got != p || slices.Contains(minor, verb(last)) || len(g.places(n)) == 0 {
			continue
		}
		_, short := split(class)
		score := 100 * (plain - 1)
		if of, _ := purposeOf(short); of == p {
			score += 50
		} else if of != nothing {
			score -= 50
		}
		score += min(g.below(n), 45)
		if score > most || best == "" {
			best, most = n, score
		}
	}
	return best
}

// below counts the functions of the same class that are called in a function, however
// deep.
func (g *graph) below(name string) int {
	class, _ := split(name)
	seen := map[string]bool{name: true}
	todo := []string{name}
	n := 0
	for len(todo) > 0 && n < maxPhases {
		for _, c := range g.calls[todo[0]] {
			if of, _ := split(c); of == class && !seen[c] {
				seen[c] = true
				todo = append(todo, c)
				n++
			}
		}
		todo = todo[1:]
	}
	return n
}

// places are where a function is entered.
func (g *graph) places(name string) []debuginfo.Location {
	fns, err := g.f.Functions(name)
	if err != nil {
		return nil
	}
	var all []debuginfo.Location
	for _, fn := range fns {
		all = append(all, fn.Locations...)
	}
	return all
}

// phases are the parts of a function: what it calls of its own class, or of others what
// says that it pauses, starts, checkpoints or restores. What is called deeper down
// must be called there alone, and say what it is for: else it is a helper.
func (g *graph) phases(root string) []*Phase {
	left := maxPhases
	seen := map[string]bool{root: true}
	var within func(name string, depth int) []*Phase
	within = func(name string, depth int) []*Phase {
		var out []*Phase
		for _, c := range g.called(name, depth) {
			if seen[c] || left == 0 || !g.isPhase(root, name, c, depth) {
				continue
			}
			seen[c] = true
			left--
			ph := &Phase{Name: phaseName(c), Function: c}
			out = append(out, ph)
			if depth < maxDepth {
				ph.Phases = within(c, depth+1)
			}
		}
		return out
	}
	return within(root, 1)
}

// called lists what a function calls. Where debug info does not tell, since nothing was
// optimised, that may be all of its class, in the order of their addresses.
func (g *graph) called(name string, depth int) []string {
	if len(g.callers) > 0 || depth > 1 {
		return g.calls[name]
	}
	class, _ := split(name)
	at := map[string]uint64{}
	var out []string
	for _, n := range g.names {
		if c, _ := split(n); c != class || n == name {
			continue
		}
		if places := g.places(n); len(places) > 0 {
			at[n] = places[0].Addr
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(at[a], at[b]) })
	return out
}

func (g *graph) isPhase(root, caller, name string, depth int) bool {
	class, last := split(name)
	if slices.Contains(minor, verb(last)) || strings.Contains(last, "<") || len(g.places(name)) == 0 {
		return false
	}
	if in, _ := split(root); class != in {
		p, _ := purposeOf(last)
		return depth == 1 && top(name) == top(root) && (p != nothing || says(last, startWords) || says(last, []string{"pause", "stop"}))
	}
	if depth == 1 {
		return true
	}
	_, around := split(caller)
	p, _ := purposeOf(last)
	return len(g.callers[name]) == 1 && (p != nothing || verb(last) == verb(around))
}

// phaseName puts a function's name in words.
func phaseName(function string) string {
	_, last := split(function)
	return strings.Join(wordsOf(last), " ")
}
