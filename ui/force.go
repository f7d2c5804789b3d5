package ui

import (
	"fmt"

	"thaw/kernel"
	"thaw/session"
)

// Forcer is a Controller that can put a requested state in place, and take that
// back as long as the guest has not run on.
type Forcer interface {
	Force(thread kernel.ID)
	Unforce(thread kernel.ID)
}

// askForce asks before it forces: the guest is changed.
func (u *ui) askForce() {
	v := u.selectedVerdict()
	u.ask(&prompt{
		title: fmt.Sprintf("put ip %x, sp %x into %s %s, in the running guest?", v.Requested.IP, v.Requested.SP, clean(v.Name), v.Thread),
		mark:  "F", limit: 1, enter: "do it", esc: "leave it",
		done: func(string) { u.ctrl.(Forcer).Force(v.Thread) },
	})
}

// selectedVerdict is the verdict about the selected thread, or nil.
func (u *ui) selectedVerdict() *session.ThreadVerdict {
	r := u.selectedThread()
	if r == nil {
		return nil
	}
	for i := range u.view.Verdicts {
		if v := &u.view.Verdicts[i]; v.Thread != 0 && r.obj != nil && v.Thread == r.obj.ID {
			return v
		}
	}
	return nil
}

// needForce: the selected thread was requested, and its state did not come
// through.
func needForce(u *ui) string {
	if _, ok := u.ctrl.(Forcer); !ok || u.recorded() != "" {
		return "a recording cannot be changed"
	}
	if why := needChangeable(u); why != "" {
		return why
	}
	switch v := u.selectedVerdict(); {
	case v == nil:
		return "select a thread of the restored child"
	case !v.Requested.Known:
		return "no state was requested for this thread"
	case v.Verdict == session.Applied:
		return "the requested state came through"
	}
	return ""
}

// needForced: a state was forced into the selected thread.
func needForced(u *ui) string {
	if why := needStopped(u); why != "" {
		return why
	}
	if v := u.selectedVerdict(); v != nil {
		for _, h := range v.History {
			if h.What == "forced" {
				return ""
			}
		}
	}
	return "nothing was forced into this thread"
}
