package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"thaw/kernel"
)

// showStop shows a stop of the history by its number.
func (u *ui) showStop(arg string) {
	n, err := strconv.Atoi(arg)
	switch {
	case err != nil || n < 1:
		u.note = fmt.Sprintf("%q is no number of a stop", clean(arg))
	case n > u.view.Stops:
		u.note = fmt.Sprintf("there is no stop %d: %d is the newest", n, u.view.Stops)
		u.seeker.Show(u.view.Stops)
	default:
		u.seeker.Show(n)
	}
}

// phaseWords are the names of all phases.
func (u *ui) phaseWords() []string {
	var out []string
	for i := range u.phaseRows.len() {
		if n := u.phaseRows.name(i); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// showPhase selects the next phase with a name, behind the selected one, and
// shows its first stop.
func (u *ui) showPhase(arg string) {
	n, from := u.phaseRows.len(), u.phases.selected()
	want := strings.ToLower(arg)
	for _, fits := range []func(name, want string) bool{func(name, want string) bool { return name == want }, strings.HasPrefix, strings.Contains} {
		for k := 1; k <= n; k++ {
			i := (from + k + n) % n
			if fits(strings.ToLower(u.phaseRows.name(i)), want) {
				u.focusPane(panePhases)
				u.phases.want(i)
				u.goPhase(i)
				return
			}
		}
	}
	u.note = fmt.Sprintf("no phase is called %q", clean(arg))
}

// goPhase shows the first stop of a phase, if it was reached.
func (u *ui) goPhase(i int) {
	p := u.phaseRows.phases[i]
	switch why := needSeeker(u); {
	case p.Stop == 0:
		u.note = clean(p.Name) + " was not entered so far"
	case why != "":
		u.note = why
	default:
		u.seeker.Show(p.Stop)
	}
}

// threadWords are ids and names of the threads.
func (u *ui) threadWords() []string {
	var names, ids []string
	for i := range u.threadRows.rows {
		r := &u.threadRows.rows[i]
		if n := clean(r.name); n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
		if r.key.id != 0 {
			ids = append(ids, r.key.id.String())
		}
	}
	return append(names, ids...)
}

// findThread selects a thread by its id in hex, else by its name; of one name
// the next behind the selected one.
func (u *ui) findThread(arg string) {
	rows, from := u.threadRows.rows, -1
	if arg == u.found {
		from = u.threads.selected() // once more: the next one
	}
	u.found = arg
	id, err := strconv.ParseUint(arg, 16, 64)
	want := strings.ToLower(arg)
	for _, fits := range []func(r *threadRow) bool{
		func(r *threadRow) bool { return err == nil && r.key.id == kernel.ID(id) && id != 0 },
		func(r *threadRow) bool { return strings.ToLower(clean(r.name)) == want },
		func(r *threadRow) bool { return strings.HasPrefix(strings.ToLower(clean(r.name)), want) },
	} {
		for k := 1; k <= len(rows); k++ {
			if r := &rows[(from+k+len(rows))%len(rows)]; fits(r) {
				u.selectThread(r.key)
				u.focusPane(paneThreads)
				return
			}
		}
	}
	u.note = fmt.Sprintf("no thread %s at this stop", clean(arg))
}

// selectThread selects a row of the threads; a filter that hides it goes.
func (u *ui) selectThread(key threadKey) {
	u.threads.want(key)
	if r := u.selectedThread(); r == nil || r.key != key {
		u.threads.setFilter("")
	}
}

// objectIDs are the ids of all objects at the shown stop.
func (u *ui) objectIDs() []string {
	var out []string
	for _, o := range u.view.Snapshot.System.Objects {
		out = append(out, o.ID.String())
	}
	return out
}

// findObject shows the object with an id: a thread in the threads, another one
// in an overlay.
func (u *ui) findObject(arg string) {
	id, err := strconv.ParseUint(strings.TrimPrefix(arg, "0x"), 16, 64)
	if err != nil {
		u.note = fmt.Sprintf("%q is no id: they are hex numbers, as 1a3", clean(arg))
		return
	}
	switch o := u.view.Snapshot.System.Object(kernel.ID(id)); {
	case o == nil:
		u.note = fmt.Sprintf("no object %x at this stop", id)
	case o.Thread != nil:
		u.selectThread(threadKey{id: o.ID})
		u.focusPane(paneThreads)
	default:
		u.openObject(o)
	}
}

// selectedCapability is the object of the selected capability, 0 if there is none.
func (u *ui) selectedCapability() kernel.ID {
	i := u.caps.selected()
	if i < 0 {
		return 0
	}
	switch src := u.caps.src.(type) {
	case *capList:
		return src.caps[i].Object
	case *diffList:
		if c := src.rows[i].after; c != nil {
			return c.Object
		} else if c := src.rows[i].before; c != nil {
			return c.Object
		}
	}
	return 0
}

// openCapability shows the object of the selected capability.
func (u *ui) openCapability() {
	if u.caps.selected() < 0 {
		return
	}
	o := u.view.Snapshot.System.Object(u.selectedCapability())
	if o == nil {
		u.note = "the capability's object is not known at this stop"
		return
	}
	u.openObject(o)
}
