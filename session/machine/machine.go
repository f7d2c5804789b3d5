// Package machine is the guest as it stands at a stop: its processors' registers, the
// kernel's objects, and memory as each of them sees it.
//
// It knows debug info and kernels as package kernel describes them. It must not know
// breakpoints, components, or why the guest stopped.
package machine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/origin"
	"thaw/session/target"
)

// Target is where a stopped machine's state is read.
type Target interface {
	memory.Source
	BlockSize() uint64 // a good memory.View block size
	// CPUs returns the registers of all processors.
	CPUs(ctx context.Context) ([]target.Registers, error)
	// KernelStack is the stack that a processor's next kernel entry from user
	// mode takes, 0 if the target cannot tell.
	KernelStack(ctx context.Context, cpu int, view memory.Reader) (uint64, error)
}

// Runner is a target that may be read while it runs.
type Runner interface {
	// Runs says that it does: of the registers only those count that lead to page tables.
	Runs() bool
}

// Tap is told what is read, so that a recording can hold it.
type Tap interface {
	Trace(v *memory.View) // v will be read
	Read(v *memory.View)  // v, which may be nil, is dropped
	Asked(v *memory.View) // v will be read to answer a user
}

// Machine is a stopped machine. What it has read is good until the next Look.
type Machine struct {
	Decoder kernel.Decoder
	Paging  memory.Paging
	Arch    arch.Arch

	Stopped  int                // processor that stopped
	Regs     []target.Registers // of all processors
	Function string             // that the stopped processor enters, where a breakpoint tells; "" else
	Text     *memory.View       // machine code, which recordings leave out
	View     *memory.View       // the rest
	Mirror   *memory.Mirror     // what the model is made of, at all stops

	target  Target
	tap     Tap
	ptr     int            // size of a word, in bytes
	is      kernel.Machine // as a decoder sees it
	touched []uint64       // blocks that the last view has read
	sys     *kernel.System // decoded at this stop, nil if not so far
}

// Of is a machine on a target; Look makes it usable. Words are of so many bytes.
func Of(t Target, dec kernel.Decoder, paging memory.Paging, a arch.Arch, word int, tap Tap) *Machine {
	return &Machine{target: t, Decoder: dec, Paging: paging, Arch: a, ptr: word, tap: tap, Mirror: memory.NewMirror(t)}
}

// Look reads the processors after a stop and forgets memory of the last one.
func (m *Machine) Look(ctx context.Context, cpu int) error {
	regs, err := m.target.CPUs(ctx)
	if err != nil {
		return fmt.Errorf("reading the registers: %w", err)
	}
	if cpu >= len(regs) {
		return fmt.Errorf("reading the registers: processor %d stopped, but the target has %d", cpu, len(regs))
	}
	if m.View != nil {
		m.tap.Read(m.View)
		if t := m.View.Touched(); len(t) > 0 {
			m.touched = t
		}
	}
	m.Regs, m.Stopped, m.sys = regs, cpu, nil
	m.View = memory.NewView(m.target, m.target.BlockSize(), nil)
	m.tap.Trace(m.View)
	m.Text = memory.NewView(m.target, m.target.BlockSize(), nil)
	m.Paging = m.Arch.Paging(m.Paging, slices.Values(regs))
	m.is = kernel.Machine{Phys: m.View, Paging: m.Paging}
	if r, ok := m.target.(Runner); ok {
		m.is.Running = r.Runs()
	}
	for _, r := range regs {
		m.is.CPUs = append(m.is.CPUs, m.Arch.CPU(r))
	}
	return nil
}

// Booted says whether the kernel's objects can be reached.
func (m *Machine) Booted() bool {
	_, err := m.KernelSpace()
	return err == nil
}

// System decodes the kernel's objects, once per stop: those whose memory changed
// since the last time.
func (m *Machine) System(ctx context.Context) (*kernel.System, error) {
	if m.sys != nil {
		return m.sys, nil
	}
	if err := m.FindStacks(ctx); err != nil {
		return nil, err
	}
	m.tap.Read(m.View)
	view := memory.NewView(m.target, m.target.BlockSize(), m.touched)
	m.tap.Trace(view)
	m.View, m.is.Phys = view, view
	if err := m.Mirror.Refresh(); err != nil {
		return nil, err
	}
	is := m.is
	is.Phys = m.Mirror
	sys, err := m.Decoder.Decode(is)
	if err != nil {
		return nil, err
	}
	m.sys = sys
	return sys, nil
}

// Apart is an empty mirror for what is no part of the kernel's objects.
func (m *Machine) Apart() *memory.Mirror { return memory.NewMirror(m.target) }

// Forget drops what is known of the kernel's objects from earlier stops: it may be
// another machine.
func (m *Machine) Forget() { m.Mirror = memory.NewMirror(m.target) }

// FindStacks asks for the kernel stacks of processors in user mode, which tell
// the threads that run there.
func (m *Machine) FindStacks(ctx context.Context) error { return m.stacks(ctx, &m.is) }

func (m *Machine) stacks(ctx context.Context, is *kernel.Machine) error {
	for i := range is.CPUs {
		cpu := &is.CPUs[i]
		if !cpu.User || cpu.KernelSP != 0 {
			continue
		}
		sp, err := m.target.KernelStack(ctx, i, is.Space(i))
		if err != nil {
			return fmt.Errorf("finding the thread that processor %d runs: %w", i, err)
		}
		cpu.KernelSP = sp
	}
	return nil
}

// CurrentBlock is the thread object that the stopped processor runs, 0 if that
// cannot be told.
func (m *Machine) CurrentBlock(ctx context.Context) (uint64, error) {
	if err := m.FindStacks(ctx); err != nil {
		return 0, err
	}
	return m.KnownBlock(), nil
}

// KnownBlock is CurrentBlock without asking the target for more.
func (m *Machine) KnownBlock() uint64 { return m.Decoder.CurrentThread(m.is, m.Stopped) }

// Keeps says whether a place holds a thread's user state now, as far as the kernel knows
// that better than what stands there.
func (m *Machine) Keeps(thread uint64) func(place kernel.Source) bool {
	k, ok := m.Decoder.(kernel.Keeper)
	if !ok {
		return func(kernel.Source) bool { return true }
	}
	in := k.KeptIn(m.is, thread)
	return func(place kernel.Source) bool { return place == in }
}

// Occupant is what a processor runs.
type Occupant struct {
	Block uint64 // thread object, 0 if that cannot be told
	Root  uint64 // page tables
	User  bool
}

// Occupants tells what the processors run. What is read for it is no part of what a
// user looks at, so it does not go into recordings.
func (m *Machine) Occupants(ctx context.Context) ([]Occupant, error) {
	is := kernel.Machine{Phys: memory.NewView(m.target, m.target.BlockSize(), nil), Paging: m.Paging, CPUs: slices.Clone(m.is.CPUs)}
	if err := m.stacks(ctx, &is); err != nil {
		return nil, err
	}
	out := make([]Occupant, len(is.CPUs))
	for i, cpu := range is.CPUs {
		out[i] = Occupant{m.Decoder.CurrentThread(is, i), cpu.Root, cpu.User}
	}
	return out, nil
}

// SpaceSwitch is the address of the kernel's note of the address space that it changes
// to, an error where there is none to watch.
func (m *Machine) SpaceSwitch() (uint64, error) {
	to, ok := m.Decoder.(kernel.SpaceSwitcher)
	if !ok {
		return 0, errors.New("the kernel keeps no note of its address space")
	}
	return to.SpaceSwitch(m.is)
}

// CPUs are the processors as a decoder sees them.
func (m *Machine) CPUs() []kernel.CPU { return m.is.CPUs }

// CPU is the stopped processor.
func (m *Machine) CPU() kernel.CPU { return m.is.CPUs[m.Stopped] }

// Registers are the stopped processor's.
func (m *Machine) Registers() target.Registers { return m.Regs[m.Stopped] }

// AllRegisters are those of all processors, by name.
func (m *Machine) AllRegisters() [][]kernel.Register {
	out := make([][]kernel.Register, 0, len(m.Regs))
	for _, r := range m.Regs {
		out = append(out, m.Arch.All(r))
	}
	return out
}

// StepAt is the instruction at an address, with the registers as they are.
func (m *Machine) StepAt(ip uint64) origin.Step { return m.step(ip, m.Registers()) }

// StepOf is the instruction that the stopped processor was about to execute, when it had
// these registers.
func (m *Machine) StepOf(r target.Registers) origin.Step { return m.step(m.Arch.CPU(r).IP, r) }

func (m *Machine) step(ip uint64, r target.Registers) origin.Step {
	code := make([]byte, 15)
	for len(code) > 0 && m.TextSpace(m.CPU().Root).ReadMemory(ip, code) != nil {
		code = code[:len(code)-1] // the next page is not mapped
	}
	return origin.Step{Machine: m.Arch.Machine(), IP: ip, Code: code, Reg: r.Uint64}
}

// Space is memory as the stopped processor sees it.
func (m *Machine) Space() *memory.Space { return m.is.Space(m.Stopped) }

// KernelSpace is memory as the kernel sees it.
func (m *Machine) KernelSpace() (*memory.Space, error) { return m.Decoder.KernelSpace(m.is) }

// TextSpace is an address space for reading machine code, which recordings leave out.
func (m *Machine) TextSpace(root uint64) *memory.Space {
	return memory.NewSpace(m.is.Phys, m.Paging, root).WithData(m.Text)
}

// Fresh is an address space whose memory is read now, and not recorded.
func (m *Machine) Fresh(root uint64) *memory.Space {
	return memory.NewSpace(m.FreshView(), m.Paging, root)
}

// Asked is Fresh for what a user asks for, which is recorded with the last stop.
func (m *Machine) Asked(root uint64) *memory.Space {
	v := m.FreshView()
	m.tap.Asked(v)
	return memory.NewSpace(v, m.Paging, root)
}

// FreshView reads memory now, and is not recorded.
func (m *Machine) FreshView() *memory.View {
	return memory.NewView(m.target, memory.SharedBlock, nil)
}

// Walked is Fresh for memory of which much around what is asked for is needed, too.
func (m *Machine) Walked(root uint64) *memory.Space {
	return memory.NewSpace(memory.NewView(m.target, m.target.BlockSize(), nil), m.Paging, root)
}

// ReadPhysical reads memory past all that was read before; see memory.Source.
func (m *Machine) ReadPhysical(reqs []memory.Request) error { return m.target.ReadPhysical(reqs) }

// Scope evaluates expressions of a program at the stopped processor.
func (m *Machine) Scope(file *debuginfo.File) debuginfo.Scope {
	return debuginfo.Scope{File: file, Mem: m.Space(), Regs: m.Registers(), PC: m.CPU().IP, Function: m.Function}
}

// Visit is a place that a processor has come to. The same one again may be the same
// instruction, because it faulted on its page.
type Visit struct{ PC, Root, SP uint64 }

// Here is where the stopped processor is.
func (m *Machine) Here() Visit { return VisitOf(m.CPU()) }

// VisitOf is where a processor is.
func VisitOf(cpu kernel.CPU) Visit { return Visit{cpu.IP, cpu.Root, cpu.SP} }

// PtrSize is the size of a word, in bytes.
func (m *Machine) PtrSize() int { return m.ptr }

// Word is a value as the guest keeps it.
func (m *Machine) Word(v uint64) []byte {
	return binary.LittleEndian.AppendUint64(nil, v)[:m.ptr]
}
