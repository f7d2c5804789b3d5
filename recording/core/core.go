// Package core writes a stop of a recording as an ELF core file, for gdb and
// other tools that know nothing of thaw.
//
// It knows core files as Linux writes them, replays, and page tables by their
// mappings. It must not know how recordings are stored or any particular
// kernel.
//
// What a core file shows:
//
//   - Memory is one address space: that of a chosen task, with the kernel's
//     addresses. What was not recorded is not in the file. Pages stand there
//     once, however often they are mapped.
//   - The first threads are processors, the stopped one first; their numbers
//     begin at FirstProcessor. Then comes every thread of the kernel under its
//     id, with its user registers as the kernel has saved them. Threads of other
//     tasks have the right registers over the chosen task's memory. Registers
//     that are not known are 0: the format cannot say so.
//   - Recordings leave out machine code; gdb takes it from ELF files with "set
//     trust-readonly-sections on".
package core

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"thaw/kernel"
	"thaw/printable"
	"thaw/session"
	"thaw/session/view"
)

// Options say what is written.
type Options struct {
	Stop int       // number of the stop, from 1
	Task kernel.ID // task whose memory is shown; 0: the one that the stopped processor runs
}

// Recording is a recording that tells its pages.
type Recording interface {
	session.Recorded
	// Pages lists the recorded pages of a record (an index of Records) by
	// address.
	Pages(record int) []session.Page
}

// Write writes a core file of one stop. The error is for a stop or a task that
// is not there, page tables that lead astray, and for w.
func Write(w io.Writer, r *session.Replay, rec Recording, o Options) error {
	c, err := gather(r, rec, o)
	if err != nil {
		return fmt.Errorf("making a core file of %s, stop %d: %w", rec.Name(), o.Stop, err)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	if err := c.write(out); err != nil {
		return fmt.Errorf("writing a core file: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing a core file: %w", err)
	}
	return nil
}

// file is what goes into a core file.
type file struct {
	format   format
	machine  elf.Machine
	notes    []byte
	segments []segment
	pages    [][]byte // that segments refer to
}

// gather reads from a replay what goes into a core file.
func gather(r *session.Replay, rec Recording, o Options) (*file, error) {
	m, err := r.Machine(o.Stop)
	if err != nil {
		return nil, err
	}
	v, err := r.View(o.Stop)
	if err != nil {
		return nil, err
	}
	program := rec.Program(rec.Scenario().KernelName())
	if program == nil {
		return nil, fmt.Errorf("it holds no debug info of the kernel")
	}
	c := &file{machine: program.Machine()}
	var ok bool
	if c.format, ok = formats[c.machine]; !ok {
		return nil, fmt.Errorf("processor %v is not supported (x86_64 and ARM are)", c.machine)
	}
	index := recordOf(rec, o.Stop)
	stopped := rec.Records()[index].CPU
	space, err := choose(v, m, stopped, o.Task)
	if err != nil {
		return nil, err
	}
	if c.segments, c.pages, err = segments(m, c.format, space.root, m.CPUs[stopped].Root, rec.Pages(index)); err != nil {
		return nil, err
	}
	title := fmt.Sprintf("%s, stop %d of %s", space.title, o.Stop, rec.Name())
	c.notes = c.format.notes(v.Snapshot.System, rec.Records()[index], stopped, process{pid: space.pid(), name: space.name, title: title})
	return c, nil
}

// recordOf is the index of a stop's record. The stop is there: the replay has
// given its machine.
func recordOf(rec Recording, stop int) int {
	for i, r := range rec.Records() {
		if !r.Aside && r.Number == stop {
			return i
		}
	}
	panic(fmt.Sprintf("core: a replay has stop %d and its recording has not", stop))
}

// space is the address space that is shown.
type space struct {
	root  uint64 // physical address of its page tables
	task  kernel.ID
	name  string // of its component
	title string
}

// pid is the process number that stands for the task.
func (s space) pid() int32 {
	if s.task == 0 || s.task >= FirstProcessor {
		return 1 // 0 would be none
	}
	return int32(s.task)
}

// choose finds the address space of a task, or with task 0 the one that a
// processor uses.
func choose(v *view.View, m kernel.Machine, cpu int, task kernel.ID) (space, error) {
	sys := v.Snapshot.System
	if task == 0 {
		root := m.CPUs[cpu].Root
		if o := sys.PDByRoot(root); o != nil {
			return named(v, o), nil
		}
		return space{root: root, name: "kernel", title: "kernel"}, nil
	}
	o := sys.Object(task)
	if o == nil || o.PD == nil {
		return space{}, fmt.Errorf("there is no task %s", task)
	}
	if o.PD.Root == 0 {
		return space{}, fmt.Errorf("task %s has no page tables that could be read", task)
	}
	return named(v, o), nil
}

// named is the space of a task object.
func named(v *view.View, o *kernel.Object) space {
	name := printable.Text(v.Snapshot.TaskName(o.ID))
	return space{root: o.PD.Root, task: o.ID, name: name, title: fmt.Sprintf("%s (task %s)", name, o.ID)}
}

// write lays the file out: headers, notes, and pages from the next page
// boundary on.
func (c *file) write(w io.Writer) error {
	headers := c.format.headerSize + (1+len(c.segments))*c.format.segmentSize
	data := alignUp(headers+len(c.notes), session.PageSize)
	note := segment{offset: headers, size: uint64(len(c.notes)), flags: elf.PF_R}
	parts := []any{c.format.header(c.machine, 1+len(c.segments)), c.format.program(elf.PT_NOTE, note, noteAlign)}
	for _, s := range c.segments {
		s.offset = data + s.at
		parts = append(parts, c.format.program(elf.PT_LOAD, s, session.PageSize))
	}
	for _, p := range parts {
		if err := binary.Write(w, binary.LittleEndian, p); err != nil {
			return err
		}
	}
	pad := make([]byte, data-headers-len(c.notes))
	for _, p := range append([][]byte{c.notes, pad}, c.pages...) {
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}
