// Package foc decodes Fiasco.OC's kernel objects from memory into the model of
// package kernel.
//
// It knows the names of Fiasco.OC's classes and members; where they lie comes
// from the debug info of the very kernel that runs. It must not know phases,
// scenarios or components. Names hold for the kernels of Genode 16.08 to 25.x;
// where a member was renamed in between, both names are tried.
package foc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/offsets"
)

// Layout is where a kernel keeps what the decoder reads. It is made once per
// kernel image.
type Layout struct {
	file kernel.Symbols
	ptr  int // bytes of a pointer

	kobjects uint64 // address of the pointer to the first item of Kobject_dbg::_kobjects
	listEnd  uint64 // item that ends the list: its head, or 0 where it ends in the first item
	dbg      dbgLayout
	thread   threadLayout
	task     taskLayout
	caps     capsLayout
	gate     refLayout
	irq      refLayout

	found
	platform kernel.Platform
	last     *last // decoding of the stop before, nil if there was none
}

// found is what is found while decoding.
type found struct {
	classes map[string]*class // by dynamic class
	vtables map[uint64]string // by vptr
	flags   map[uint64]*flags // by thread state
	current *currentLayout    // nil until a machine is read while it runs
}

// flags is a thread state in words, and what it means.
type flags struct {
	names, words                  []string
	ready, dead, exception, sends bool
	wait                          kernel.Wait
}

// dbgLayout is Kobject_dbg and its lists.
type dbgLayout struct {
	link    uint64 // the D_list_item in Kobject_dbg
	next    uint64 // its next pointer
	jdbData uint64 // head pointer of _jdb_data
	id      int64
	idSize  int
	extLink uint64 // the H_list_item in Dbg_extension
	extNext uint64
	name    uint64 // Jdb_kobject_name::_name, from the Dbg_extension
	nameLen int
}

// threadLayout is Thread with its bases, and the entry frame at the end of its
// block.
type threadLayout struct {
	block                       uint64 // bytes of a TCB with its kernel stack
	state, space, partner, utcb uint64 // offsets in Thread
	queue                       uint64 // of _wq: the wait queue of the receiver that it sends to
	contLayout
	entryLayout
	trapRegs []regSlot // of a thread that is in an exception, in Trap_state; none where that is not known
	trapIP   uint64    // offset in Trap_state
	states   []stateFlag
}

// entryLayout is the entry frame at the end of a thread's block.
type entryLayout struct {
	frame                     uint64 // offset of Entry_frame in the block
	frameIP, frameSP, frameFl uint64
	hasCS                     bool
	frameCS                   uint64
	regs                      []regSlot
}

// contLayout is the continuation of an exception.
type contLayout struct {
	contIP, contSP uint64 // of _exc_cont; contSP is 0 where it has none
	contFlags      uint64
}

// regSlot is a general register that the entry frame holds.
type regSlot struct {
	name   string // GDB's name
	offset uint64 // in Entry_frame
}

// stateFlag is one bit of Context::_state.
type stateFlag struct {
	bit  uint64
	name string
}

type taskLayout struct {
	dir uint64 // Mem_space::_dir, offset in Task
}

type capsLayout struct {
	start, end uint64 // virtual range of the table in a task's space
	entry      uint64 // bytes of an Obj::Entry
	flags      uint64 // offset of the flags byte
}

// refLayout is an object that refers to a thread and carries a label.
type refLayout struct {
	base          string // class that the offsets are counted from
	thread, label uint64
}

// class is what the decoder knows of a dynamic class.
type class struct {
	kind kernel.Kind
	size uint64
	dbg  uint64 // offset of Kobject_dbg
	ref  uint64 // offset of the base that refLayout counts from
	refs bool   // it has that base
	own  bool   // a thread of the kernel's own: its stack is where others have their entry frame
}

func (l *Layout) finder() *offsets.Finder { return &offsets.Finder{File: l.file} }

func (l *Layout) findDbg() error {
	d := &l.dbg
	head, err := l.file.Variable(objectList)
	if err != nil {
		return err
	}
	f := l.finder()
	d.link = f.Base("Kobject_dbg", "cxx::D_list_item")
	d.next = f.At("cxx::D_list_item", "_dli_next")
	if f.Err == nil {
		f.Err = l.findHead(head)
	}
	d.jdbData = f.At("Kobject_dbg", "_jdb_data._f")
	d.extLink = f.Base("Kobject_dbg::Dbg_extension", "cxx::H_list_item")
	d.extNext = f.At("cxx::H_list_item", "_n")
	name, id := f.Path("Jdb_kobject_name", "_name"), f.Path("Kobject_dbg", "_dbg_id")
	if f.Err != nil {
		return f.Err
	}
	d.name, d.nameLen = uint64(name.Offset), int(min(max(name.Type.Size, 1), 256))
	d.id, d.idSize = id.Offset, int(id.Type.Size)
	return nil
}

// findHead finds the first item of the object list. A cxx::D_list is closed by
// a head item of its own, "_h"; a cxx::Sd_list has a pointer to the first item,
// "_f", and is closed by that item.
func (l *Layout) findHead(head debuginfo.Variable) error {
	if item, err := head.Type.FieldPath("_h"); err == nil {
		l.listEnd = head.Addr + uint64(item.Offset)
		l.kobjects = l.listEnd + l.dbg.next
		return nil
	}
	first, err := head.Type.FieldPath("_f")
	if err != nil {
		return err
	}
	l.kobjects = head.Addr + uint64(first.Offset)
	return nil
}

func (l *Layout) findThread() error {
	t := &l.thread
	block, err := l.file.Enumerator("Context_base::Size")
	if err != nil {
		return err
	}
	frame, err := l.file.Type("Entry_frame")
	if err != nil {
		return err
	}
	if block <= 0 || block&(block-1) != 0 || frame.Size <= 0 || frame.Size >= block {
		return fmt.Errorf("Context_base::Size %d and an Entry_frame of %d bytes do not fit together", block, frame.Size)
	}
	t.block, t.frame = uint64(block), uint64(block-frame.Size)
	f := l.finder()
	t.state = f.At("Thread", "_state")
	t.space = f.At("Thread", "_space")
	t.partner = f.At("Thread", "_partner")
	t.queue = f.At("Thread", "_wq")
	t.utcb = f.At("Thread", "_utcb._u")
	t.contIP = f.At("Thread", "_exc_cont._ip")
	t.frameIP = f.At("Entry_frame", "_rip", "_ip", "pc")
	t.frameSP = f.At("Entry_frame", "_rsp", "_sp", "usp")
	t.frameFl = f.At("Entry_frame", "_rflags", "_flags", "psr")
	if f.Err != nil {
		return f.Err
	}
	// ARM's continuation leaves the user sp in the frame, and no code segment
	// exists there.
	t.contSP, _ = f.Maybe("Thread", "_exc_cont._sp")
	t.contFlags, _ = f.Maybe("Thread", "_exc_cont._flags", "_exc_cont._psr")
	t.frameCS, t.hasCS = f.Maybe("Entry_frame", "_cs")
	t.regs = l.registersIn(frame)
	if trap, err := l.file.Type("Trap_state"); err == nil {
		if ip, ok := f.Maybe("Trap_state", "_ip", "_rip"); ok {
			t.trapRegs, t.trapIP = l.registersIn(trap), ip
		}
	}
	l.tellBeside()
	return l.findStates()
}

// registersIn lists a frame's general registers under GDB's names: the
// members of Syscall_frame are called like the registers ("_r15", "_ax" or
// "_rax"), and ARM's is one array.
func (l *Layout) registersIn(frame *debuginfo.Type) (regs []regSlot) {
	for _, name := range kernel.GeneralRegisters(l.file.Machine()) {
		for _, member := range []string{"_" + name, "_" + strings.TrimPrefix(name, "r"), name} {
			if r, err := frame.FieldPath(member); err == nil && int(r.Type.Size) == l.ptr {
				regs = append(regs, regSlot{name, uint64(r.Offset)})
				break
			}
		}
	}
	if a, err := frame.FieldPath("r"); err == nil && a.Type.Count > 0 {
		for i := range min(a.Type.Count, 13) {
			regs = append(regs, regSlot{fmt.Sprintf("r%d", i), uint64(a.Offset) + uint64(i)*uint64(l.ptr)})
		}
	}
	return regs
}

// tellBeside tells the platform what stands with a saved ip. Where an exception is
// triggered the general registers stay in the frame.
func (l *Layout) tellBeside() {
	t := &l.thread
	frame, cont := l.platform.Places[0], l.platform.Places[1]
	add := func(to *kernel.PlaceKind, name string, at, ip uint64) {
		to.Beside = append(to.Beside, kernel.Beside{Name: name, Off: int64(at - ip)})
	}
	flags := kernel.FlagsRegister(l.file.Machine())
	add(frame, flags, t.frameFl, t.frameIP)
	if t.contFlags != 0 {
		add(cont, flags, t.contFlags, t.contIP)
	}
	for _, r := range t.regs {
		add(frame, r.name, r.offset, t.frameIP)
		add(cont, r.name, t.frame+r.offset, t.contIP)
	}
}

// findStates reads the flag names from the kernel's own enum. Masks of several
// bits are left out.
func (l *Layout) findStates() error {
	enum, err := l.file.Type("Thread_state")
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	for _, e := range enum.Enumerators {
		bit := uint64(e.Value)
		if bit == 0 || bit&(bit-1) != 0 || seen[bit] || strings.HasSuffix(e.Name, "_mask") {
			continue
		}
		seen[bit] = true
		l.thread.states = append(l.thread.states, stateFlag{bit, strings.TrimPrefix(e.Name, "Thread_")})
	}
	if len(seen) == 0 {
		return fmt.Errorf("enum Thread_state has no flags")
	}
	// The kernel debugger names flags from the lowest bit up.
	slices.SortFunc(l.thread.states, func(a, b stateFlag) int { return cmp.Compare(a.bit, b.bit) })
	return nil
}

func (l *Layout) findTask() error {
	f := l.finder()
	l.task.dir = f.At("Task", "_dir")
	return f.Err
}

func (l *Layout) findCaps() error {
	c := &l.caps
	entry, err := l.file.Type("Obj::Entry")
	if err != nil {
		return err
	}
	if entry.Size < int64(l.ptr) || entry.Size > 4096 || 4096%entry.Size != 0 {
		return fmt.Errorf("an Obj::Entry of %d bytes does not fill pages", entry.Size)
	}
	c.entry = uint64(entry.Size)
	start, err := l.file.Enumerator("Mem_layout::Caps_start")
	end, errEnd := l.file.Enumerator("Mem_layout::Caps_end")
	switch known, ok := capsStart[l.file.Machine()]; {
	case err == nil && errEnd == nil:
		c.start, c.end = l.address(uint64(start)), l.address(uint64(end))
	case ok:
		c.start, c.end = known[0], known[1]+1
	default:
		return err
	}
	if c.end <= c.start || (c.end-c.start)/c.entry > 1<<24 {
		return fmt.Errorf("Mem_layout::Caps_start %#x and Caps_end %#x are no table", c.start, c.end)
	}
	// The flags are a bit field behind the list links: its first byte.
	fl, err := entry.FieldPath("_flags")
	if err != nil {
		return err
	}
	if fl.Offset < 0 || fl.Offset >= entry.Size {
		return fmt.Errorf("Obj::Entry of %d bytes has its flags at %d", entry.Size, fl.Offset)
	}
	c.flags = uint64(fl.Offset)
	return nil
}

func (l *Layout) findRef(typ, thread, label string) (refLayout, error) {
	f := l.finder()
	r := refLayout{base: typ, thread: f.At(typ, thread), label: f.At(typ, label)}
	return r, f.Err
}
