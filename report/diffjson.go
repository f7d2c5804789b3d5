package report

import (
	"io"

	"thaw/session/view"
)

// The JSON form of a difference. Which side something is on is told as in the
// text: "gone" and "missing" are in A only, "appeared" and "extra" in B only.

// DifferenceJSON is a Difference.
type DifferenceJSON struct {
	Format      int              `json:"format"`
	A           stopJSON         `json:"a"`
	B           stopJSON         `json:"b"`
	SameRun     bool             `json:"same_run"`
	Equal       bool             `json:"equal"`
	Threads     []threadDiffJSON `json:"threads"`
	SameThreads int              `json:"same_threads"`
	Tasks       []taskDiffJSON   `json:"tasks"`
	SameTasks   int              `json:"same_tasks"`
	Objects     []kindJSON       `json:"objects"`
	Pages       []pageJSON       `json:"pages"`
	Partly      int              `json:"pages_compared_in_part"`
	Problems    []string         `json:"problems,omitempty"`
}

type stopJSON struct {
	Number  int     `json:"stop"`
	Seconds float64 `json:"seconds"`
	Reason  string  `json:"reason"`
	Objects int     `json:"objects"`
}

type threadDiffJSON struct {
	Change Change           `json:"change"`
	What   []string         `json:"what,omitempty"`
	A      *threadPointJSON `json:"a"`
	B      *threadPointJSON `json:"b"`
}

type threadPointJSON struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Task      string `json:"task"`
	Component string `json:"component"`
	IP        string `json:"ip"`
	SP        string `json:"sp"`
	Function  string `json:"function,omitempty"`
	State     string `json:"state"`
	Wait      string `json:"wait,omitempty"`
	WaitFor   string `json:"wait_for,omitempty"`
}

type taskDiffJSON struct {
	Change  Change         `json:"change"`
	A       *taskPointJSON `json:"a"`
	B       *taskPointJSON `json:"b"`
	Same    int            `json:"same"`
	Missing []slotJSON     `json:"missing"`
	Extra   []slotJSON     `json:"extra"`
	Changed []changeJSON   `json:"changed"`
}

type taskPointJSON struct {
	ID           string `json:"id"`
	Component    string `json:"component,omitempty"`
	Capabilities int    `json:"capabilities"`
}

type kindJSON struct {
	Kind string `json:"kind"`
	A    int    `json:"a"`
	B    int    `json:"b"`
}

type pageJSON struct {
	Phys   string `json:"phys"`
	First  *int   `json:"first,omitempty"` // byte in the page that differs; none if the page was recorded on one side only
	Where  string `json:"where,omitempty"`
	OnlyIn string `json:"only_in,omitempty"`
}

// DiffJSON prints a difference as JSON.
func DiffJSON(w io.Writer, d *Difference) error { return JSON(w, NewDifferenceJSON(d)) }

// NewDifferenceJSON puts a difference in its JSON form.
func NewDifferenceJSON(d *Difference) DifferenceJSON {
	out := DifferenceJSON{Format: Format, A: stopRef(d.A), B: stopRef(d.B), SameRun: d.SameRun, Equal: d.Equal(), SameThreads: d.SameThreads, SameTasks: d.SameTasks,
		Threads: []threadDiffJSON{}, Tasks: []taskDiffJSON{}, Objects: []kindJSON{}, Pages: []pageJSON{}, Partly: d.Partly, Problems: d.Problems}
	for _, t := range d.Threads {
		out.Threads = append(out.Threads, threadDiffJSON{t.Change, t.What, pointOf(t.A), pointOf(t.B)})
	}
	for _, t := range d.Tasks {
		out.Tasks = append(out.Tasks, taskDiffJSON{Change: t.Change, A: taskPointOf(t.A), B: taskPointOf(t.B), Same: t.Same,
			Missing: slots(t.Missing), Extra: slots(t.Extra), Changed: changes(t.Changed)})
	}
	for _, k := range d.Kinds {
		out.Objects = append(out.Objects, kindJSON(k))
	}
	for _, g := range d.Pages {
		page := pageJSON{Phys: hexString(g.Phys), Where: g.Where, OnlyIn: g.OnlyIn}
		if g.OnlyIn == "" {
			page.First = &g.First
		}
		out.Pages = append(out.Pages, page)
	}
	return out
}

func stopRef(r StopRef) stopJSON { return stopJSON{r.Number, r.Time.Seconds(), r.Reason, r.Objects} }

func pointOf(t *ThreadPoint) *threadPointJSON {
	if t == nil {
		return nil
	}
	return &threadPointJSON{t.ID.String(), t.Name, t.Task.String(), t.TaskName, hexString(t.IP), hexString(t.SP), t.Place.Function, t.State, t.Wait, t.WaitFor}
}

func taskPointOf(t *TaskPoint) *taskPointJSON {
	if t == nil {
		return nil
	}
	return &taskPointJSON{t.ID.String(), t.Name, t.Caps}
}

func changes(cs []view.CapChange) []changeJSON {
	out := []changeJSON{}
	for _, c := range cs {
		out = append(out, changeJSON{hexString(c.Slot), c.What, slotOf(c.Before), slotOf(c.After)})
	}
	return out
}
