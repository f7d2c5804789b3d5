package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// key is what makes a row the same one in two readings.
type key struct {
	id   kernel.ID
	addr uint64
}

// row is what a reading showed of a thread or a protection domain: one of the two.
type row struct {
	thread view.LookThread
	pd     view.LookPD
	isPD   bool
}

// rowsOf makes the rows of a reading.
func rowsOf(sys *kernel.System, tasks map[kernel.ID]string) map[key]row {
	rows := make(map[key]row, len(sys.Objects))
	threads := map[kernel.ID]int{}
	for _, o := range sys.Threads() {
		threads[o.Thread.PD]++
		rows[key{o.ID, o.Addr}] = row{thread: threadRow(sys, tasks, o)}
	}
	for _, o := range sys.PDs() {
		caps := fmt.Sprint(len(o.PD.Caps))
		if o.PD.Problem != "" {
			caps += "+?"
		}
		rows[key{o.ID, o.Addr}] = row{isPD: true, pd: view.LookPD{ID: o.ID, Component: cmp.Or(tasks[o.ID], o.Name), Threads: threads[o.ID], Capabilities: caps}}
	}
	return rows
}

func threadRow(sys *kernel.System, tasks map[kernel.ID]string, o *kernel.Object) view.LookThread {
	t := o.Thread
	out := view.LookThread{ID: o.ID, Name: o.Title(), PD: t.PD, Component: tasks[t.PD], CPU: -1, Ready: t.Ready, State: t.StateString()}
	if t.Running {
		out.CPU = t.CPU
	}
	if t.Waits() {
		what := t.Wait.What
		if other := sys.WaitedFor(t); other != nil {
			what = strings.TrimSpace(other.Title() + " " + other.ID.String())
			if other.Thread != nil && other.Thread.PD != t.PD && tasks[other.Thread.PD] != "" {
				what = tasks[other.Thread.PD] + "/" + what
			}
		}
		out.Wait = strings.TrimSpace(t.Wait.Verb + " " + what)
	}
	return out
}

// How often memory is read for one look: a row counts that was the same so many times
// one after the other, and no more than so many readings are made for it. A guest that
// changes words that are read one after the other would have to do so in the same way
// each time to be believed.
const (
	agreeing     = 3
	mostReadings = 8
)

// agree reads until nothing is torn, or often enough. A reading that fails, since a list
// was being changed, say, begins anew; the error is that of all that did.
func agree(read func() (map[key]row, []string, error)) (seen agreement, problems []string, readings int, err error) {
	for readings < mostReadings && !seen.settled() {
		var rows map[key]row
		readings++
		if rows, problems, err = read(); err != nil {
			seen = nil
			continue
		}
		seen = seen.take(rows)
	}
	return seen, problems, readings, err
}

// identity is what of a row stays while the object is there.
func (r row) identity() row {
	return row{isPD: r.isPD, thread: view.LookThread{ID: r.thread.ID, Name: r.thread.Name, PD: r.thread.PD, Component: r.thread.Component},
		pd: view.LookPD{ID: r.pd.ID, Component: r.pd.Component}}
}

// seen is a row over several readings.
type seen struct {
	row
	there bool // in the last one
	same  int  // readings up to the last one in which it was as it is now, or was not there
	named int  // the same of its identity alone
}

// agreement is what readings one after the other have in common; nil: there was none.
type agreement map[key]seen

// take takes up the next reading.
func (a agreement) take(rows map[key]row) agreement {
	next := make(agreement, len(rows))
	for k, r := range rows {
		s := seen{row: r, there: true, same: 1, named: 1}
		if was := a[k]; was.there {
			if was.row == r {
				s.same += was.same
			}
			if was.identity() == r.identity() {
				s.named += was.named
			}
		}
		next[k] = s
	}
	for k, was := range a {
		if _, there := rows[k]; there {
			continue
		}
		s := seen{row: was.row, same: 1}
		if !was.there {
			s.same += was.same
		}
		if s.same < agreeing {
			next[k] = s
		}
	}
	return next
}

// settled says whether nothing is torn.
func (a agreement) settled() bool {
	for _, s := range a {
		if s.same < agreeing {
			return false
		}
	}
	return a != nil
}

// look makes rows of what the readings agree in. Of a torn one only its identity is told,
// and one without even that is counted alone.
func (a agreement) look() *view.Look {
	out := &view.Look{}
	for _, s := range a {
		r := s.row
		if s.same < agreeing {
			out.Torn++
			if s.named < agreeing {
				continue
			}
			r = s.identity()
			r.thread.CPU, r.thread.Torn, r.pd.Torn = -1, true, true
		}
		if r.isPD {
			out.PDs = append(out.PDs, r.pd)
		} else {
			out.Threads = append(out.Threads, r.thread)
		}
	}
	slices.SortFunc(out.Threads, func(a, b view.LookThread) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(out.PDs, func(a, b view.LookPD) int { return cmp.Compare(a.ID, b.ID) })
	return out
}
