package propose

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"thaw/session/scenario"
	"thaw/session/view"
	"thaw/words"
)

// mostHits is how often a phase may come by: what comes by more often is a loop's body.
const mostHits = 8

// Took takes over what came by in a run with the proposed phases, as its view tells them:
// what did not is left out, and so is what came by again and again; the others stand in
// the order in which they came. complete says that the run came to its end, from where it
// was.
func (p *Proposal) Took(phases []view.Phase, complete bool, where string) error {
	var all []*Phase
	p.each(func(q *Phase) { all = append(all, q) })
	if len(all) != len(phases) {
		return fmt.Errorf("the run had %d phases, and %d were proposed", len(phases), len(all))
	}
	stop := map[*Phase]int{}
	seen := 0
	for i, v := range phases {
		if v.Function != all[i].Function {
			return fmt.Errorf("phase %d of the run is %s, and %s was proposed", i+1, v.Function, all[i].Function)
		}
		all[i].Hits, stop[all[i]] = v.Hits, v.Stop
		if v.Hits > 0 {
			seen++
		}
	}
	if seen == 0 {
		return fmt.Errorf("none of the proposed functions came by in %s: is this the system that the build directory is of, and did it restore?", where)
	}
	p.Seen = fmt.Sprintf("In a run of %s %d of %s came by; the others are left out.", where, seen, words.Count(len(all), "proposed function"))
	p.Phases = sifted(p.Phases, stop, false)
	if !complete {
		p.lateComplete()
	}
	return nil
}

// sifted leaves out what did not come by, and puts the others in their order. Checkpoint
// and restore themselves stay.
func sifted(list []*Phase, stop map[*Phase]int, inside bool) []*Phase {
	var out []*Phase
	for _, q := range list {
		if inside && (q.Hits == 0 || q.Hits > mostHits) {
			continue
		}
		q.Phases = sifted(q.Phases, stop, true)
		out = append(out, q)
	}
	first := func(q *Phase) int {
		if stop[q] == 0 {
			return math.MaxInt
		}
		return stop[q]
	}
	if inside {
		slices.SortStableFunc(out, func(a, b *Phase) int { return cmp.Compare(first(a), first(b)) })
	}
	return out
}

// lateComplete is for a restore that was not seen to end: the last phase of it that came
// by is taken for its end.
func (p *Proposal) lateComplete() {
	list := p.Phases[len(p.Phases)-1].Phases // of the restore
	if len(list) == 0 {
		p.Missing = append(p.Missing, "the run did not come to where "+p.Complete.Function+" is complete: change `complete`, or give the run longer with --timeout")
		return
	}
	last := list[len(list)-1]
	p.Missing = append(p.Missing, "the run did not come to the end of "+p.Complete.Function+": the last phase that came by is taken for the restore's end")
	p.Complete = scenario.PointSpec{Component: p.Complete.Component, Function: last.Function, At: "entry"}
}
