// Package memcompare compares the memory of the restored child with what it was in the
// original as that was checkpointed, mapped or only attached so far.
//
// It knows page tables, and where a component keeps what is attached to an address space.
// It must not know verdicts, or when to compare.
package memcompare

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/observe"
	"thaw/session/view"
)

// What a restored page may be equal to.
const (
	likeInitial = "the program's initial contents"
	likeZero    = "zeros"
)

// MaxMemory bounds the pages of a child that are compared.
const MaxMemory = 1 << 14

// childMemory is the user memory of a child at a stop.
type childMemory struct {
	task    kernel.ID
	program *components.Component // that it runs; only of an original
	stop    int
	pages   map[uint64][]byte // by virtual address, each of the smallest page size
	cut     bool              // there were more
	lost    int               // pages that could not be read
	why     string            // it could not be read, "" if it was
	utcbs   map[uint64]bool   // pages with UTCBs
}

// Comparer compares the memory of both children.
type Comparer struct {
	m        *machine.Machine
	programs *components.Set
	obs      *observe.Observer
	children []string // programs that are checkpointed
	State    State
}

// New compares the memory of the tasks of programs, each with the others of its program.
func New(m *machine.Machine, programs *components.Set, obs *observe.Observer, children []string) *Comparer {
	c := &Comparer{m: m, programs: programs, obs: obs, children: children}
	c.Forget()
	return c
}

// State is what is known of their memory.
type State struct {
	memory  []*childMemory        // the originals', as they were checkpointed last
	Mapped  []Attachment          // the original's, as the first phase began: detached dataspaces are not mapped later
	regions map[uint64]*regionMap // what is attached to a thread's task, by thread object, as far as requests told
}

// Forget forgets all that is known.
func (c *Comparer) Forget() { c.State = State{regions: map[uint64]*regionMap{}} }

// Clone copies what changes later.
func (s State) Clone() State {
	s.regions = maps.Clone(s.regions)
	return s
}

// readMemory reads all user pages of a task. They do not go into recordings:
// what differs does.
func (c *Comparer) readMemory(sys *kernel.System, task *kernel.Object) (*childMemory, error) {
	size := c.m.Paging.PageSize()
	m := &childMemory{task: task.ID, stop: c.obs.NextStop(), pages: map[uint64][]byte{}, utcbs: map[uint64]bool{}}
	frames := map[uint64]bool{} // with UTCBs, by physical address
	kspace, _ := c.m.KernelSpace()
	for _, t := range sys.ThreadsOf(task.ID) {
		if page := t.Thread.UTCB &^ (size - 1); page < c.m.Arch.UserEnd {
			m.utcbs[page] = true
		} else if kspace != nil { // the kernel knows it by its own address
			if _, phys, err := kspace.Translate(page); err == nil {
				frames[phys] = true
			}
		}
	}
	space := c.m.Fresh(task.PD.Root)
	mapped, more, err := space.Mapped(0, c.m.Arch.UserEnd, MaxMemory)
	if err != nil {
		return nil, fmt.Errorf("listing the pages of task %s: %w", task.ID, err)
	}
	m.cut = more
	var reqs []memory.Request
	var addrs []uint64
	for _, p := range mapped {
		for off := uint64(0); p.User && off < p.Size; off += size {
			if m.utcbs[p.Virt+off] || frames[p.Phys+off] {
				continue
			}
			if len(reqs) == MaxMemory {
				m.cut = true
				break
			}
			reqs = append(reqs, memory.Request{Addr: p.Phys + off, Buf: make([]byte, size)})
			addrs = append(addrs, p.Virt+off)
		}
	}
	if err := c.m.ReadPhysical(reqs); err != nil {
		return nil, err
	}
	for i, q := range reqs {
		if q.Err == nil {
			m.pages[addrs[i]] = q.Buf
		} else {
			m.lost++
		}
	}
	return m, nil
}

// takeChild is readMemory; memory that cannot be read says why.
func (c *Comparer) takeChild(ctx context.Context, sys *kernel.System, task *kernel.Object) (*childMemory, error) {
	m, err := c.readMemory(sys, task)
	if err == nil {
		return m, nil
	}
	m = &childMemory{task: task.ID, stop: c.obs.NextStop()}
	m.why, err = c.obs.Unread(ctx, fmt.Sprintf("the memory of task %s", task.ID), err)
	return m, err
}

// NoteMapped takes what the original child maps, as the first phase begins. Where that
// is not known, nothing of it is mapped later.
func (c *Comparer) NoteMapped(ctx context.Context, s *view.Snapshot) error {
	task := s.System.Object(c.obs.Ev.Original)
	if s.Phase == "" || c.State.Mapped != nil || task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil
	}
	mapped, _, err := memory.NewSpace(c.m.View, c.m.Paging, task.PD.Root).Mapped(0, c.m.Arch.UserEnd, MaxMemory)
	c.State.Mapped = []Attachment{}
	if err != nil {
		_, err = c.obs.Unread(ctx, "its pages", err)
		return err
	}
	for _, p := range mapped {
		if p.User {
			c.State.Mapped = append(c.State.Mapped, Attachment{p.Virt, p.Size, p.Phys, p.Writable})
		}
	}
	return nil
}

// Take reads the original child's memory as it is checkpointed: which one that is, where
// there are several programs, turns out at the restore.
func (c *Comparer) Take(ctx context.Context) (*drive.Event, error) {
	sys, err := c.m.System(ctx)
	if err != nil {
		return nil, err
	}
	var all []*childMemory
	taken := map[string]bool{}
	for _, o := range sys.PDs() {
		p := c.programs.OfTask(sys, o)
		if p == nil || taken[p.Name] || !slices.Contains(c.children, p.Name) {
			continue
		}
		m, err := c.takeChild(ctx, sys, o)
		if err != nil {
			return nil, err
		}
		m.program, taken[p.Name] = p, true
		all = append(all, m)
	}
	c.State.memory = all
	return nil, nil
}

// taken is the memory of a task as it was checkpointed, nil if it was not.
func (c *Comparer) taken(task kernel.ID) *childMemory {
	if len(c.State.memory) == 1 {
		return c.State.memory[0]
	}
	for _, m := range c.State.memory {
		if m.task == task {
			return m
		}
	}
	return nil
}

// noPlace is no page's address.
const noPlace = ^uint64(0)

// regionText names pages of code.
const regionText = "text"

// stackReach is how many pages around a thread's sp count as its stack: Genode's
// stacks lie in slots of 1 MiB, which are mapped at their upper end.
const stackReach = 16

// regionMap is where a component keeps what is attached to an address space.
type regionMap struct {
	comp  *components.Component
	root  uint64 // page tables of the component's task
	class string
	addr  uint64
}

// Attachment is memory that is attached to an address space.
type Attachment struct {
	virt, size, phys uint64
	writable         bool
}
