// Package propose makes a scenario of what programs' debug info says: which functions
// checkpoint and restore, what they call, where the checkpointed states are kept, and when
// the restored threads may run.
//
// It knows how checkpointers are named, debug info and Genode's containers. It must not
// know targets: what was seen in a run others tell it.
package propose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/session/scenario"
)

// Candidate is a component that may be meant.
type Candidate struct {
	Name  string
	Why   string // what speaks for it
	score int
}

// Restorers lists the components that may be the restorer, the likeliest first: those with
// functions whose names say that they restore.
func Restorers(files map[string]*debuginfo.File, kernel string) ([]Candidate, error) {
	var out []Candidate
	for name, f := range files {
		if name == kernel || strings.HasSuffix(name, ".so") || slices.Contains(system, name) {
			continue
		}
		names, err := f.FunctionNames()
		if err != nil {
			return nil, fmt.Errorf("looking for functions in %s: %w", f.Path(), err)
		}
		c := Candidate{Name: name}
		classes := map[string]bool{}
		restores := false
		for _, n := range names {
			class, last := split(n)
			if !own(n) {
				continue
			}
			_, short := split(class)
			if p, plain := purposeOf(last); p != nothing {
				restores = restores || p == restoring && !slices.Contains(minor, verb(last))
				c.score += plain * plain
				classes[class] = true
			} else if p, _ := purposeOf(short); p != nothing {
				c.score++
				classes[class] = true
			}
		}
		if !restores {
			continue
		}
		list := slices.Sorted(maps.Keys(classes))
		c.Why = strings.Join(list[:min(len(list), 3)], ", ")
		if len(list) > 3 {
			c.Why += ", …"
		}
		out = append(out, c)
	}
	slices.SortFunc(out, byScore)
	return out, nil
}

func byScore(a, b Candidate) int {
	return cmp.Or(cmp.Compare(b.score, a.score), strings.Compare(a.Name, b.Name))
}

// system are components of every Genode system that nobody checkpoints.
var system = []string{"core", "init", "sigma0", "bootstrap", "timer", "platform_drv", "ld", "vfs", "rom_logger"}

// Children lists the components that the restorer may have as its child, the likeliest
// first: those whose names stand among its constants.
func Children(files map[string]*debuginfo.File, kernel, restorer string) []Candidate {
	var out []Candidate
	for name, f := range files {
		if name == kernel || name == restorer || strings.HasSuffix(name, ".so") || slices.Contains(system, name) {
			continue
		}
		c := Candidate{Name: name, Why: "a program of the system"}
		if holdsText(files[restorer], name) {
			c.score, c.Why = 2, fmt.Sprintf("%s has its name among its constants", restorer)
		}
		if len(f.Text()) > 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, byScore)
	return out
}

// maxConstants bounds what is looked through for a name.
const maxConstants = 64 << 20

// holdsText says whether a text stands in a program as a constant of its own.
func holdsText(f *debuginfo.File, text string) bool {
	if f == nil {
		return false
	}
	for _, s := range f.Segments() {
		if s.FileSize == 0 || s.FileSize > maxConstants {
			continue
		}
		data := make([]byte, s.FileSize)
		if f.ReadFile(s.VAddr, data) == nil && strings.Contains("\x00"+string(data), "\x00"+text+"\x00") {
			return true
		}
	}
	return false
}

// Proposal is a scenario that was made.
type Proposal struct {
	Name       string
	Restorer   string
	Child      string
	Components []Component
	Phases     []*Phase // checkpoint and restore, as far as they were found
	Stored     *scenario.StoredSpec
	Complete   scenario.PointSpec
	Memory     *scenario.PointSpec
	Missing    []string // what was not found, and what to do, a sentence each
	Seen       string   // of which run the phases are, "" for none
}

// Component is a program with its file.
type Component struct {
	Name   string
	Kernel bool
	File   string // base name
}

// Phase is a function that was found to be one.
type Phase struct {
	Name     string
	Function string
	Phases   []*Phase
	Hits     int // in a run
}

// For makes a scenario for a restorer and its child. files are those of the components
// that the scenario shall have. Without a function that restores there is none.
func For(files map[string]*debuginfo.File, kernel, restorer, child string) (*Proposal, error) {
	f := files[restorer]
	if f == nil {
		return nil, fmt.Errorf("no program %s with debug info", restorer)
	}
	g, err := newGraph(f)
	if err != nil {
		return nil, err
	}
	p := &Proposal{Name: restorer, Restorer: restorer, Child: child}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p.Components = append(p.Components, Component{name, name == kernel, base(files[name].Path())})
	}
	save, restore := g.root(checkpointing), g.root(restoring)
	if restore == "" {
		return nil, fmt.Errorf("no function of %s says by its name that it restores: write the scenario by hand, or begin with `thaw scenario new --restorer` of another component", f.Path())
	}
	if save == "" {
		p.Missing = append(p.Missing, "no function says by its name that it checkpoints: add a phase for it")
	} else {
		ph := &Phase{Name: "checkpoint", Function: save, Phases: g.phases(save)}
		p.Phases = append(p.Phases, ph)
		p.Memory = memoryPoint(restorer, ph)
	}
	main := &Phase{Name: "restore", Function: restore, Phases: g.phases(restore)}
	p.Phases = append(p.Phases, main)
	p.nameApart()
	p.Complete = completePoint(restorer, main)
	if p.Stored, err = findStored(f, restorer, restore); err != nil {
		return nil, err
	}
	if p.Stored == nil {
		p.Missing = append(p.Missing, "no stored state with ip, sp and a name was found from "+restore+": add `stored`, if the states are kept in the restorer's memory")
	}
	if p.Memory == nil {
		p.Missing = append(p.Missing, "no function was found that checkpoints memory: add `memory`, for the children's memory to be compared")
	}
	return p, nil
}

func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// memoryPoint is the last phase of a checkpoint whose name says that it takes memory.
func memoryPoint(component string, ph *Phase) *scenario.PointSpec {
	best, rank := "", 0
	for _, q := range ph.Phases {
		_, last := split(q.Function)
		if !says(last, memoryWords) {
			continue
		}
		r := 1
		if p, _ := purposeOf(last); p == checkpointing || says(last, []string{"copy", "write"}) {
			r = 2
		}
		if r >= rank {
			best, rank = q.Function, r
		}
	}
	if best == "" {
		return nil
	}
	return &scenario.PointSpec{Component: component, Function: best}
}

// completePoint is where the restored threads may run: where the restorer's own last phase
// starts them, else where it returns.
func completePoint(component string, ph *Phase) scenario.PointSpec {
	class, _ := split(ph.Function)
	for _, q := range slices.Backward(ph.Phases) {
		c, last := split(q.Function)
		if c == class && says(last, startWords) {
			return scenario.PointSpec{Component: component, Function: q.Function, At: "entry"}
		}
		if c == class {
			break
		}
	}
	return scenario.PointSpec{Component: component, Function: ph.Function, At: "return"}
}

// nameApart gives phases of one name others.
func (p *Proposal) nameApart() {
	seen := map[string]bool{}
	p.each(func(q *Phase) {
		if seen[q.Name] {
			class, _ := split(q.Function)
			_, short := split(class)
			q.Name += " of " + strings.Join(wordsOf(short), " ")
		}
		seen[q.Name] = true
	})
}

// each visits all phases, outer ones first.
func (p *Proposal) each(fn func(*Phase)) {
	var visit func(list []*Phase)
	visit = func(list []*Phase) {
		for _, q := range list {
			fn(q)
			visit(q.Phases)
		}
	}
	visit(p.Phases)
}

// Needed are the programs that a scenario names: kernel, core, the linker's library, the
// restorer and its child.
func Needed(files map[string]*debuginfo.File, kernel, restorer, child string) map[string]*debuginfo.File {
	out := map[string]*debuginfo.File{}
	for name, f := range files {
		if name == kernel || name == restorer || name == child || name == "core" || name == "ld.lib.so" {
			out[name] = f
		}
	}
	return out
}
