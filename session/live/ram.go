package live

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/gdbremote"
	"thaw/memory"
	"thaw/session/target"
)

// ramView is another way to the guest's RAM than the stub: the file that it is said
// to be in, or the memory of the process that runs the guest. It is used once it was
// seen to hold what the stub reads: the file of another guest, or one that the
// machine does not use, would show anything.
type ramView struct {
	name    string
	file    *memory.Shared // nil: in the process
	process *processRAM
	places  []uint64 // physical addresses to compare
	asked   bool     // the user named it, and is told why it is not used
	proven  bool
}

// source is where it is read.
func (v *ramView) source() memory.Source {
	if v.file != nil {
		return v.file
	}
	return v.process.ram
}

// ramAccess reads a machine's memory, from shared RAM or QEMU's process where that is
// possible, else through the stub.
type ramAccess struct {
	stub
	shared  *ramView // nil if there is none
	warning string   // to be told once

	recall  *memory.Recall     // the stub's memory, with few round trips
	tree    ranges             // where memory is, as far as QEMU's monitor tells; nil: nobody asked
	changes uint64             // of the guest, as recall knows it; see gdbremote.Client.Changes
	regs    []target.Registers // as of then, nil if they were not read
	stepped bool               // what let the guest go last was a single step
}

// openRAM finds a faster way to the guest's RAM, if there is one: the file that is
// named, which a machine started for this session is known to use, or else the
// process.
func (t *ramAccess) openRAM(ctx context.Context) error {
	switch {
	case t.opts.RAM != "":
		file, err := memory.MapShared(t.opts.RAM)
		if err != nil {
			return err
		}
		t.shared = &ramView{name: t.opts.RAM, file: file, places: lowPlaces(), asked: true, proven: t.opts.VM != nil}
	case !t.opts.StubOnly:
		process, err := t.findProcess(ctx)
		if process == nil || err != nil {
			return err
		}
		t.shared = &ramView{name: process.name(), process: process, places: process.places()}
	}
	if err := t.prove(ctx); err != nil {
		return t.notThis(err)
	}
	return nil
}

// ram is the proven view of the guest's RAM, nil if there is none to rely on.
func (t *ramAccess) ram() *ramView {
	if t.shared == nil || !t.shared.proven {
		return nil
	}
	return t.shared
}

// ReadsFrom says where the guest's memory is read, for people.
func (t *ramAccess) ReadsFrom() string {
	if v := t.ram(); v != nil {
		return v.name
	}
	return "the stub"
}

// unmap ends the view of the guest's RAM.
func (t *ramAccess) unmap() error {
	v := t.shared
	t.shared = nil
	if v == nil || v.file == nil {
		return nil
	}
	return v.file.Close()
}

// Warning implements session.Warner.
func (t *ramAccess) Warning() string {
	w := t.warning
	t.warning = ""
	return w
}

// ReadStub is ReadPhysical through the stub, whatever else there is.
func (t *ramAccess) ReadStub(reqs []memory.Request) error {
	batch := inStub(reqs)
	if err := t.client.ReadMemoryBatch(t.reads, gdbremote.Physical, batch); err != nil {
		return fmt.Errorf("reading the guest's memory: %w", t.lost(err))
	}
	for i := range reqs {
		reqs[i].Err = batch[i].Err
	}
	return nil
}

// BlockSize suits the way memory is read.
func (t *ramAccess) BlockSize() uint64 {
	if t.ram() != nil {
		return memory.SharedBlock
	}
	return memory.StubBlock
}

// ReadPhysical reads from shared RAM or QEMU's process where that is possible, else
// through the stub.
func (t *ramAccess) ReadPhysical(reqs []memory.Request) error {
	switch ram := t.ram(); {
	case ram == nil:
		t.look()
		return t.recall.ReadPhysical(reqs)
	case ram.file != nil:
		return ram.file.ReadPhysical(reqs)
	default:
		return t.readProcess(ram.process, reqs)
	}
}

// At is guest memory where it lies, nil if the guest's RAM is not shared; see
// memory.InPlace.
func (t *ramAccess) At(addr uint64, n int) []byte {
	if ram := t.ram(); ram != nil && ram.file != nil {
		return ram.file.At(addr, n)
	}
	return nil
}

// stubMemory is a machine's memory as its stub reads it.
type stubMemory struct{ *ramAccess }

func (m stubMemory) ReadPhysical(reqs []memory.Request) error { return m.ReadStub(reqs) }

// look drops what was read if the guest may be another than at the last call.
func (t *ramAccess) look() {
	now := t.client.Changes()
	if t.recall == nil {
		t.recall = memory.NewRecall(stubMemory{t})
		t.recall.Known = t.isMemory
		if t.far() {
			t.recall.Near = nearLines
		}
	} else if now != t.changes {
		t.recall.Forget()
		t.regs = nil
	}
	t.changes = now
}

// nearLines is how much more is fetched ahead over a slow link: a kilobyte before and
// behind, where functions, objects and stack frames that come next lie.
const nearLines = 4

// isMemory says whether n bytes from an address on are the guest's RAM, which may be read
// though nobody asked for it; of a device that is never so.
func (t *ramAccess) isMemory(addr uint64, n int) bool {
	if t.tree == nil {
		blocks, err := t.memoryTree(t.reads)
		if err != nil {
			blocks = nil
		}
		t.noteTree(blocks)
	}
	return t.tree.hold(addr, n)
}

// noteTree notes what is RAM.
func (t *ramAccess) noteTree(blocks []memoryRange) {
	t.tree = slices.DeleteFunc(append(ranges{}, blocks...), func(r memoryRange) bool { return !r.direct })
}

// CPUs reads the registers of all processors, and through the stub what memory is likely
// to be asked for with them.
func (t *ramAccess) CPUs(ctx context.Context) ([]target.Registers, error) {
	if t.look(); t.regs == nil {
		var likely []memory.Request
		if t.ram() == nil {
			likely = t.recall.Stop(t.stepped)
		}
		regs, err := t.readCPUs(ctx, likely)
		if err != nil {
			return nil, err
		}
		t.regs = regs
		t.recall.Take(likely)
	}
	return slices.Clone(t.regs), t.proveAgain(ctx)
}

func (t *ramAccess) readCPUs(ctx context.Context, likely []memory.Request) ([]target.Registers, error) {
	batch := inStub(likely)
	out := make([]target.Registers, 0, len(t.cpus))
	for i, id := range t.cpus {
		r, err := t.client.ReadStop(ctx, id, batch)
		if err != nil {
			return nil, fmt.Errorf("processor %d: %w", i, t.lost(err))
		}
		for n := range batch {
			likely[n].Err = batch[n].Err
		}
		batch = nil
		if err := t.client.Fetch(ctx, id, r, t.system...); err != nil {
			return nil, fmt.Errorf("processor %d: %w", i, t.lost(err))
		}
		out = append(out, r)
	}
	return out, nil
}

// inStub are requests in the client's words.
func inStub(reqs []memory.Request) []gdbremote.MemoryRequest {
	batch := make([]gdbremote.MemoryRequest, len(reqs))
	for i, r := range reqs {
		batch[i] = gdbremote.MemoryRequest{Addr: r.Addr, Buf: r.Buf}
	}
	return batch
}

// process is that of a proven view, nil if there is none.
func (t *ramAccess) process() *processRAM {
	if v := t.ram(); v != nil {
		return v.process
	}
	return nil
}

// readProcess reads from the process what is RAM there, through the stub what else
// is RAM or ROM, and nothing of devices: to read them may have effects.
func (t *ramAccess) readProcess(p *processRAM, reqs []memory.Request) error {
	if err := p.ram.ReadPhysical(reqs); err != nil {
		return t.readWithout(err, reqs)
	}
	var stub []int
	for i := range reqs {
		r := &reqs[i]
		switch n := len(r.Buf); {
		case r.Err == nil || !errors.Is(r.Err, memory.ErrOutside):
		case p.blocks.hold(r.Addr, n) || t.asksAgain(p) && p.blocks.hold(r.Addr, n):
			stub = append(stub, i)
		default:
			r.Err = fmt.Errorf("physical %#x is no RAM of the guest's", r.Addr)
		}
	}
	return memory.Some(reqs, stub, t.ReadStub)
}

// readWithout reads through the stub from now on: the process may not be read any
// more, or has ended, which the stub will tell.
func (t *ramAccess) readWithout(why error, reqs []memory.Request) error {
	t.warning = why.Error() + "; memory is read through the stub"
	t.unmap()
	return t.ReadStub(reqs)
}

// asksAgain asks once per stop where RAM is: the guest may have moved a device's.
func (t *ramAccess) asksAgain(p *processRAM) bool {
	if !p.stale {
		return false
	}
	p.stale = false
	blocks, err := t.memoryTree(t.reads)
	if err != nil || len(blocks) == 0 {
		return false
	}
	p.blocks = blocks
	return true
}

// findProcess finds QEMU's process and where the guest's RAM lies in it; nil where
// there is none on this host, or where its monitor does not tell.
func (t *ramAccess) findProcess(ctx context.Context) (*processRAM, error) {
	pid, ok := t.qemuPID()
	if !ok {
		return nil, nil
	}
	blocks, err := t.memoryTree(ctx)
	if err != nil {
		return nil, err
	}
	var pieces []memory.HostRAM
	for _, b := range blocks {
		if !b.direct || len(pieces) == mostBlocks {
			continue
		}
		host, err := t.hostAddress(ctx, b.first)
		if err != nil {
			return nil, err
		}
		if host == 0 {
			return nil, nil
		}
		pieces = append(pieces, memory.HostRAM{First: b.first, Last: b.last, Host: host})
	}
	if len(pieces) == 0 {
		return nil, nil
	}
	return &processRAM{pid: pid, ram: memory.NewProcess(pid, pieces), blocks: blocks}, nil
}
