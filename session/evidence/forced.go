package evidence

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/words"
)

// Forced is a requested state that was put in place by us, on the user's wish.
type Forced struct {
	At    Instant
	Where kernel.Source // the processor, or name of the place
	Old   Saved
	Saved
	Put    []Put  // what else was requested, register by register; none if the request holds no other
	None   string // why there is none
	Undone bool
	Cancel bool   // its wait in IPC is ended as the guest goes on
	Waits  string // else: why a wait is not ended, "" if there is none

	Called bool `json:"-"`          // the kernel was sent to end the wait
	Came   bool `json:",omitempty"` // the thread came back to user mode with ip and sp
}

// Put is a register of a forced state, and where it was put last.
type Put struct {
	kernel.Register
	Where   kernel.Source // "": nowhere so far
	Problem string        `json:",omitempty"` // why it could not be put there
}

// Registers tells what was put where, register by register.
func (f *Forced) Registers(p *kernel.Platform) string {
	if len(f.Put) == 0 {
		return "no other register: " + f.None
	}
	type group struct{ where, problem string }
	var groups []group
	of := map[group][]string{}
	for _, r := range f.Put {
		g := group{PlaceWords(p, r.Where), r.Problem}
		if r.Where == "" {
			g.where = ""
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
		of[g] = append(of[g], fmt.Sprintf("%s %x", r.Name, r.Value))
	}
	var out []string
	for _, g := range groups {
		text := strings.Join(of[g], ", ")
		switch {
		case g.problem != "":
			text = "not " + text + " (" + g.problem + ")"
		case g.where == "":
			text += " as it comes back"
		case f.Where != kernel.SourceCPU && g.where == PlaceWords(p, kernel.SourceCPU):
			text += " in the " + g.where + " as it came back, where the kernel had put something else"
		default:
			text += " in the " + g.where
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// With counts them, in a few words.
func (f *Forced) With() string {
	set, not := 0, 0
	for _, r := range f.Put {
		if r.Problem == "" {
			set++
		} else {
			not++
		}
	}
	text := fmt.Sprintf("with %s", words.Count(set, "other register"))
	if set == 0 {
		text = "with no other register"
	}
	if not > 0 {
		text += fmt.Sprintf(" (%d could not be set)", not)
	}
	return text
}

// Wait says what becomes of the thread's wait in IPC.
func (f *Forced) Wait(p *kernel.Platform) string {
	switch {
	case f.Cancel:
		like := ""
		if p.Cancel != nil && p.Cancel.Like != "" {
			like = ", as by " + p.Cancel.Like + ","
		}
		return "; its wait in IPC ends" + like + " when the guest goes on"
	case f.Waits != "":
		return "; it takes effect when its wait ends: " + f.Waits
	}
	return ""
}

// PlaceWords says where a state was put.
func PlaceWords(p *kernel.Platform, where kernel.Source) string {
	if where == kernel.SourceCPU {
		return "processor's registers"
	}
	return p.Place(where).Text
}
