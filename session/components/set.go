package components

import (
	"maps"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/machine"
	"thaw/session/scenario"
	"thaw/session/view"
)

// Set are the programs with debug info, and what is known of which task runs
// which of them.
type Set struct {
	m          *machine.Machine
	kernelName string
	known      map[string][]string // further names of a component's program, by its name
	expected   bool                // each of them is expected to run
	ByName     map[string]*Component
	Names      []string // in a fixed order
	taskComps  map[taskKey]*Component
	sights     sightings // of tasks that are not in taskComps
	libraries  map[libraryKey]bool
	roots      map[rootKey]bool // of this stop
	checked    bool             // the running kernel was compared with its file
}

// New are the programs of debug info by component. On has to be called before anything
// is asked about what runs.
func New(files map[string]*debuginfo.File, scn *scenario.Scenario) *Set {
	s := &Set{kernelName: scn.KernelName(), known: map[string][]string{}, expected: len(scn.Phases) > 0, ByName: map[string]*Component{}}
	for name, f := range files {
		s.ByName[name] = NewComponent(name, name == s.kernelName, f)
		s.known[name] = scn.Components[name].Files
	}
	s.Names = slices.Sorted(maps.Keys(s.ByName))
	s.ForgetTasks()
	return s
}

// On tells the machine on which they run.
func (cs *Set) On(m *machine.Machine) { cs.m = m }

// ForgetProofs forgets all that memory has shown: another guest may run other programs.
func (cs *Set) ForgetProofs() {
	cs.checked = false
	cs.ForgetRoots()
	for _, c := range cs.ByName {
		c.proof = proof{}
	}
}

// ForgetRoots forgets which page tables are whose: by the next stop another task may
// have them.
func (cs *Set) ForgetRoots() { clear(cs.roots) }

// ForgetTasks forgets which task runs what.
func (cs *Set) ForgetTasks() {
	cs.taskComps, cs.sights, cs.libraries, cs.roots = map[taskKey]*Component{}, sightings{}, map[libraryKey]bool{}, map[rootKey]bool{}
}

// NameTasks tells which component each task runs: by the name that the kernel
// gives it (sigma0's, whose memory holds core's, too), by its memory, else by
// the name of its first thread. The checkpointed child goes by its program's name,
// whatever label its parent gave it.
func (cs *Set) NameTasks(sys *kernel.System, children []string) map[kernel.ID]string {
	names := make(map[kernel.ID]string)
	for _, o := range sys.PDs() {
		program := ""
		if c := cs.OfTask(sys, o); c != nil && !c.Library() { // the program that maps a library is another one
			program = c.Name
		} else if main := sys.MainThread(o.ID); main != nil {
			program = main.Name
		}
		switch {
		case o.PD.Kernel:
			names[o.ID] = "kernel"
		case o.Name != "" && !slices.Contains(children, program):
			names[o.ID] = o.Name
		case program != "":
			names[o.ID] = program
		}
	}
	return names
}

// PlaceOf puts a thread's user ip in words.
func (cs *Set) PlaceOf(sys *kernel.System, o *kernel.Object, ip uint64) view.Place {
	task := sys.Object(o.Thread.PD)
	if task == nil || task.PD == nil {
		return view.Place{Addr: ip}
	}
	return cs.At(sys, task, ip).Place(ip)
}

// Kernel is the component that is the kernel.
func (cs *Set) Kernel() *Component { return cs.ByName[cs.kernelName] }

// File is the debug info of a component, nil if there is none of that name.
func (cs *Set) File(name string) *debuginfo.File {
	if c := cs.ByName[name]; c != nil {
		return c.File
	}
	return nil
}
