package recording

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/scenario"
	"thaw/session/view"
)

// Name is the file's base name.
func (r *Recording) Name() string { return r.name }

// Target is what was recorded, in words.
func (r *Recording) Target() string { return r.meta.Target }

// Guest is what the target was said to be, "" if nothing was.
func (r *Recording) Guest() string { return r.meta.Guest }

// Made is when and by what the recording was made.
func (r *Recording) Made() (at, by string) { return r.meta.Made, r.meta.By }

// Variant is the expectation of the scenario that the recording is held
// against.
func (r *Recording) Variant() string { return r.meta.Variant }

// Sparse says that of each page only what the model read was recorded.
func (r *Recording) Sparse() bool { return r.meta.Sparse }

// Scenario is the scenario that was walked.
func (r *Recording) Scenario() *scenario.Scenario { return r.scenario }

// Damage says what is missing of the recording, "" for nothing.
func (r *Recording) Damage() string { return r.damage }

// Records are the stops, and what they refer to aside.
func (r *Recording) Records() []*session.StopRecord { return r.records }

// Notes are the user's.
func (r *Recording) Notes() []view.Note { return r.notes }

// Questions are the origins that were asked for.
func (r *Recording) Questions() []view.Question { return r.asked }

// Log is what the guest wrote after the last record.
func (r *Recording) Log() []string { return r.log }

// Components are those with debug info.
func (r *Recording) Components() []string {
	names := make([]string, 0, len(r.programs))
	for name := range r.programs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Program is a component's debug info as far as it was taken along, nil if none
// was.
func (r *Recording) Program(component string) session.Program {
	if p := r.programs[component]; p != nil {
		return p
	}
	return nil
}

// Kernel is what was taken along of the debug info of the kernel, and of Genode's core:
// nil where nothing was.
func (r *Recording) Kernel() (of, core kernel.Symbols, err error) {
	name := r.Scenario().KernelName()
	p := r.programs[name]
	if p == nil {
		return nil, nil, fmt.Errorf("%s holds no debug info of %s", r.name, name)
	}
	if c := r.programs[kernel.Core]; c != nil {
		core = c
	}
	return p, core, nil
}
