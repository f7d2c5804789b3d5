package report

import (
	"thaw/session/query"
	"thaw/session/view"
)

// QueryJSON is the answer to a question to all stops.
type QueryJSON struct {
	Format int       `json:"format"`
	Expr   string    `json:"expr"`
	First  int       `json:"first"` // stops that were asked
	Last   int       `json:"last"`
	Runs   []runJSON `json:"runs"` // in order; stops at which the expression is false are left out
}

type runJSON struct {
	From  int     `json:"from"` // number of the first stop
	To    int     `json:"to"`
	Value *string `json:"value"`         // null where it has none
	Why   string  `json:"why,omitempty"` // it has none
}

// NewQueryJSON puts an answer into its JSON form.
func NewQueryJSON(a *query.Answer) QueryJSON {
	out := QueryJSON{Format: Format, Expr: a.Expr, First: a.First, Last: a.Last, Runs: []runJSON{}}
	for _, r := range a.All() {
		run := runJSON{From: r.From, To: r.To, Why: r.Why}
		if r.Why == "" {
			run.Value = &r.Value
		}
		out.Runs = append(out.Runs, run)
	}
	return out
}

// RunQueryJSON is the answer to a question at every kernel entry of a recorded run.
type RunQueryJSON struct {
	Format int `json:"format"`
	view.RunAnswer
}
