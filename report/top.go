package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"thaw/session/view"
)

// LookJSON is a look at a guest that runs.
type LookJSON struct {
	Format       int          `json:"format"`
	Look         int          `json:"look"`    // 1 for the first
	Seconds      float64      `json:"seconds"` // since the first
	Kernel       string       `json:"kernel"`
	Readings     int          `json:"readings"`     // of memory, for this look
	Milliseconds float64      `json:"milliseconds"` // that it took
	Torn         int          `json:"torn"`         // rows that the guest has changed meanwhile; those without an id that is sure are not listed
	Threads      []lookThread `json:"threads"`
	PDs          []lookPD     `json:"protection_domains"`
	Problems     []string     `json:"problems,omitempty"` // what could not be read
}

// lookThread is a thread; of one that is torn only the id, the name and the component
// are there.
type lookThread struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Component string `json:"component"`
	CPU       *int   `json:"cpu,omitempty"` // that it runs on by the kernel's own word
	Ready     *bool  `json:"ready,omitempty"`
	State     string `json:"state,omitempty"`
	Wait      string `json:"wait,omitempty"`
	Torn      bool   `json:"torn,omitempty"` // the guest has changed it meanwhile
}

// lookPD is a protection domain; of one that is torn only the id and the component are
// there.
type lookPD struct {
	ID           string `json:"id"`
	Component    string `json:"component"`
	Threads      *int   `json:"threads,omitempty"`
	Capabilities string `json:"capabilities,omitempty"` // with "+?" where not all could be read
	Torn         bool   `json:"torn,omitempty"`         // the guest has changed it meanwhile
}

// NewLookJSON puts a look in its JSON form.
func NewLookJSON(l *view.Look) LookJSON {
	out := LookJSON{Format: Format, Look: l.Number, Seconds: l.Time.Seconds(), Kernel: l.Kernel, Readings: l.Readings,
		Milliseconds: float64(l.Took.Microseconds()) / 1000, Torn: l.Torn, Problems: l.Problems, Threads: []lookThread{}, PDs: []lookPD{}}
	for _, t := range l.Threads {
		j := lookThread{ID: t.ID.String(), Name: t.Name, Component: t.Component, State: t.State, Wait: t.Wait, Torn: t.Torn}
		if !t.Torn {
			j.Ready = &t.Ready
		}
		if t.CPU >= 0 {
			j.CPU = &t.CPU
		}
		out.Threads = append(out.Threads, j)
	}
	for _, p := range l.PDs {
		j := lookPD{ID: p.ID.String(), Component: p.Component, Capabilities: p.Capabilities, Torn: p.Torn}
		if !p.Torn {
			j.Threads = &p.Threads
		}
		out.PDs = append(out.PDs, j)
	}
	return out
}

// Top prints a look: who runs, all protection domains, and all threads, those first that
// run or may. Of a screen of so many rows and columns it fills no more; 0 means that
// there is none.
func Top(w io.Writer, l *view.Look, rows, columns int) error {
	lines := topLines(l)
	if rows > 0 && len(lines) > rows {
		hidden := len(lines) - rows + 1
		lines = append(lines[:rows-1], "… "+count(hidden, "more line"))
	}
	p := &printer{w: w}
	for _, text := range lines {
		if columns > 0 {
			text = clip(clean(text), columns)
		}
		p.line("%s", strings.TrimRight(text, " "))
	}
	return p.err
}

func topLines(l *view.Look) (lines []string) {
	line := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	caught := Torn(l)
	if l.Torn > 0 {
		caught += ": the guest changed them meanwhile"
	}
	line("%s, looked at without a stop: %s, %s; %s in %s, %s", l.Kernel, count(len(l.Threads), "thread"), count(len(l.PDs), "protection domain"), count(l.Readings, "reading"), took(l.Took), caught)
	who := "nobody that is known"
	if running := l.Running(); len(running) > 0 {
		var all []string
		for _, t := range running {
			all = append(all, fmt.Sprintf("processor %d: %s %s", t.CPU, strings.TrimPrefix(t.Component+"/"+t.Name, "/"), t.ID))
		}
		who = strings.Join(all, ", ")
	}
	line("runs: %s", who)
	for _, problem := range l.Problems {
		line("problem: %s", problem)
	}
	pds := [][]string{{"id", "component", "threads", "caps"}}
	for _, d := range l.PDs {
		if d.Torn {
			pds = append(pds, []string{d.ID.String(), d.Component, "torn"})
			continue
		}
		pds = append(pds, []string{d.ID.String(), d.Component, fmt.Sprint(d.Threads), d.Capabilities})
	}
	threads := [][]string{{"id", "component", "thread", "cpu", "state", "wait"}}
	for _, t := range ByReadiness(l.Threads) {
		cpu, state := "", t.State
		if t.CPU >= 0 {
			cpu = fmt.Sprint(t.CPU)
		}
		if t.Torn {
			state = "torn"
		}
		threads = append(threads, []string{t.ID.String(), t.Component, t.Name, cpu, state, t.Wait})
	}
	for _, table := range [][][]string{pds, threads} {
		line("")
		lines = append(lines, aligned(table)...)
	}
	return lines
}

// aligned are rows with their columns one below the other.
func aligned(rows [][]string) []string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		for i := range r {
			r[i] = clean(strings.ReplaceAll(r[i], "\t", " "))
		}
		fmt.Fprintln(t, strings.Join(r, "\t")) // into memory, which cannot fail
	}
	t.Flush()
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// Torn tells how many rows a look could not make sense of.
func Torn(l *view.Look) string {
	if l.Torn == 0 {
		return "nothing torn"
	}
	return count(l.Torn, "row") + " torn"
}

// ByReadiness sorts threads: those that run, those that changed meanwhile, those that
// may run, the others; by id among each other.
func ByReadiness(threads []view.LookThread) []view.LookThread {
	rank := func(t view.LookThread) int {
		switch {
		case t.CPU >= 0:
			return 0
		case t.Torn:
			return 1
		case t.Ready:
			return 2
		}
		return 3
	}
	out := slices.Clone(threads)
	slices.SortStableFunc(out, func(a, b view.LookThread) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}
