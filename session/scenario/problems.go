package scenario

import (
	"fmt"
	"sort"
	"strings"

	"thaw/words"
)

// Problem is something that is wrong with a scenario, and where it stands. Line and
// Column count from 1; they are 0 where the text has no place for it.
type Problem struct {
	Line, Column int
	Text         string
}

// Problems are what is wrong with a scenario, in the order of its text. As an error they
// are one sentence: the first, and how many there are.
type Problems []Problem

func (p Problem) String() string {
	if p.Line == 0 {
		return p.Text
	}
	return fmt.Sprintf("[%d:%d] %s", p.Line, p.Column, p.Text)
}

// Error implements error.
func (ps Problems) Error() string {
	if len(ps) == 0 {
		return "nothing is wrong"
	}
	if len(ps) == 1 {
		return ps[0].String()
	}
	return fmt.Sprintf("%s (and %s: `thaw scenario check` tells all)", ps[0], words.Count(len(ps)-1, "thing")+" more that are wrong")
}

// maxProblems bounds what is told of one scenario.
const maxProblems = 100

// Report collects what is wrong with a scenario by the paths of its values, such as
// "phases[0].function". The zero Report has no text to find them in.
type Report struct {
	at    map[string]Problem // places of values and of keys
	noted map[string]bool
	list  Problems
}

// Add notes what is wrong with the value at a path; of one that is not there, the place
// of what is around it is told. What was noted of a value already is enough.
func (r *Report) Add(path, format string, args ...any) {
	if len(r.list) >= maxProblems || r.noted[path] {
		return
	}
	if r.noted == nil {
		r.noted = map[string]bool{}
	}
	r.noted[path] = true
	p := r.place(path)
	p.Text = fmt.Sprintf(format, args...)
	r.list = append(r.list, p)
}

// place finds where the value of a path stands, else that of what is around it.
func (r *Report) place(path string) Problem {
	for {
		if p, ok := r.at[path]; ok {
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return r.at[""]
		}
		path = path[:i]
	}
}

// Problems lists what was noted, in the order of the text.
func (r *Report) Problems() Problems {
	sort.SliceStable(r.list, func(i, j int) bool {
		a, b := r.list[i], r.list[j]
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	return r.list
}
