package view

import (
	"time"

	"thaw/kernel"
)

// Look is what a guest showed while it ran. A row is believed that was the same in
// several readings one after the other; any other is torn: the guest has changed it
// meanwhile, so that its values may not belong together.
type Look struct {
	Number   int           // 1 for the first
	Time     time.Duration // since the first
	Kernel   string        // its name
	Readings int           // of memory, for this look
	Took     time.Duration
	Threads  []LookThread // by id
	PDs      []LookPD     // by id
	Torn     int          // rows, those included of which not even the name is known
	Problems []string     // what could not be read in the last reading, one sentence each
}

// LookThread is a thread of a guest that runs. Of one that is torn only the id, the
// name and the component are known.
type LookThread struct {
	ID        kernel.ID
	Name      string
	PD        kernel.ID // that it runs in
	Component string
	CPU       int // that it runs on by the kernel's own word, -1 if it does not
	Ready     bool
	State     string // in the kernel's words
	Wait      string // what it waits for, "" if it does not
	Torn      bool
}

// LookPD is a protection domain of a guest that runs.
type LookPD struct {
	ID           kernel.ID
	Component    string
	Threads      int
	Capabilities string // how many it holds, with "+?" where not all could be read
	Torn         bool
}

// Running are the threads that run, by processor; those that are torn are not.
func (l *Look) Running() (out []LookThread) {
	for _, t := range l.Threads {
		if t.CPU >= 0 && !t.Torn {
			out = append(out, t)
		}
	}
	return out
}
