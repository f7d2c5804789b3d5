package evidence

import (
	"thaw/kernel"
)

// Forced is a requested state that was put in place by us, on the user's wish.
type Forced struct {
	At    Instant
	Where kernel.Source // the processor, or name of the place
	Old   Saved
	Saved
	Registers []kernel.Register // general ones that are set, too; none if the request holds none
	Undone    bool
	Cancel    bool   // its wait in IPC is ended as the guest goes on
	Waits     string // else: why a wait is not ended, "" if there is none

	Called bool `json:"-"` // the kernel was sent to end the wait
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
		return "; it takes effect when its wait in IPC ends: " + f.Waits
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
