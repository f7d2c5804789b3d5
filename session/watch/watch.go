// Package watch looks at a guest while it runs: it finds the kernel in memory by its
// text, without any register, and reads the kernel's objects so often that what changed
// meanwhile is known.
//
// It knows memory, debug info and kernels as package kernel describes them. It must not
// know where memory comes from, and must not stop or change anything.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/machine"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
)

// RAM is the memory of a guest that runs, or what may be that.
type RAM interface {
	memory.Source
	memory.InPlace
	// Size is how many bytes it has from physical 0 on; some of them may be missing.
	Size() uint64
	// Alive says why nothing comes any more, nil as long as something may.
	Alive() error
}

// Memory is RAM that has to be closed.
type Memory interface {
	RAM
	io.Closer
}

// Kernel is a kernel's program and what reads its objects.
type Kernel struct {
	File    *debuginfo.File
	Decoder kernel.Decoder
	Paging  memory.Paging
}

// Guest is a guest that runs.
type Guest struct {
	m        *machine.Machine
	programs *components.Set
	ram      *running
	kernel   Kernel
	began    time.Time
	number   int // of the last look
}

// running is a guest's RAM with the page tables under which the kernel is seen, as the
// rest of a session wants a target to look.
type running struct {
	RAM
	roots []uint64 // of each processor of which the kernel has its own
}

func (r *running) Runs() bool        { return true }
func (r *running) BlockSize() uint64 { return memory.SharedBlock }

func (r *running) CPUs(context.Context) (out []target.Registers, err error) {
	for _, root := range r.roots {
		out = append(out, arch.PageTables(root))
	}
	return out, nil
}

func (r *running) KernelStack(context.Context, int, memory.Reader) (uint64, error) { return 0, nil }

// untold is a tap that nobody listens to.
type untold struct{}

func (untold) Trace(*memory.View) {}
func (untold) Read(*memory.View)  {}
func (untold) Asked(*memory.View) {}

// ErrNotFound is wrapped where memory does not hold the kernel.
var ErrNotFound = errors.New("the kernel is not in the guest's memory")

// Open finds the kernel in RAM. ErrNotFound is wrapped where it is not there, or not so
// far.
func Open(ctx context.Context, ram RAM, k Kernel) (*Guest, error) {
	a, err := arch.Of(k.File.Machine())
	if err != nil {
		return nil, err
	}
	s := scenario.Plain()
	g := &Guest{ram: &running{RAM: ram}, kernel: k, began: time.Now(),
		programs: components.New(map[string]*debuginfo.File{s.KernelName(): k.File}, s)}
	g.m = machine.Of(g.ram, k.Decoder, k.Paging, a, k.File.PtrSize(), untold{})
	g.programs.On(g.m)
	if err := g.find(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// mostRoots bounds the page tables that are tried: those of a kernel that has not begun
// so far, or of another build of it.
const mostRoots = 64

// find finds page tables that map the kernel's text: as every page of RAM is taken for the
// root of some, a place of the kernel's text is looked up, and what stands there held
// against the file. Then the kernel tells its own.
func (g *Guest) find(ctx context.Context) error {
	addr, want, err := g.programs.Kernel().Sample()
	if err != nil {
		return err
	}
	direct := memory.NewDirect(g.ram)
	got := make([]byte, len(want))
	why := fmt.Errorf("%w: nothing there is the text of %s, or no page tables map it so far", ErrNotFound, g.kernel.File.Path())
	tried := 0
	for root := uint64(0); root < g.ram.Size() && tried < mostRoots; root += g.m.Paging.PageSize() {
		if root&(1<<24-1) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		at, err := g.paging(root).Walk(direct, root, addr)
		if err != nil || direct.ReadMemory(at.Phys+(addr-at.Virt), got) != nil || !alike(got, want) {
			continue
		}
		tried++
		g.ram.roots = []uint64{root}
		if err := g.settle(ctx); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return ctx.Err()
		} else {
			why = fmt.Errorf("%w: %w", ErrNotFound, err)
		}
	}
	if err := g.ram.Alive(); err != nil {
		return err
	}
	return why
}

// alike says whether text is that of the file, but for operands; between different
// programs some tenth of the bytes are equal.
func alike(got, want []byte) bool {
	same := 0
	for i := range want {
		if got[i] == want[i] {
			same++
		}
	}
	return same*4 >= len(want)*3
}

// settle holds the kernel's text against its file as the page tables show it, and goes
// over to page tables that the kernel itself knows: those found may be left over.
func (g *Guest) settle(ctx context.Context) error {
	sys, err := g.read(ctx)
	if err != nil {
		return err
	}
	if err := g.programs.CheckKernel(); err != nil {
		return err
	}
	var best *kernel.PD // of those with page tables for most processors, the kernel's own
	for _, o := range sys.PDs() {
		more := best == nil || len(o.PD.Roots) > len(best.Roots) || o.PD.Kernel && len(o.PD.Roots) == len(best.Roots)
		if o.PD.Root != 0 && more && g.maps(o.PD.Root) {
			best = o.PD
		}
	}
	if best == nil {
		return errors.New("no protection domain of the kernel's has page tables that map it")
	}
	g.ram.roots = append([]uint64{best.Root}, best.Roots...)
	_, err = g.read(ctx)
	return err
}

// paging is the form of page tables where those at a root map the kernel.
func (g *Guest) paging(root uint64) memory.Paging {
	return g.m.Arch.Paging(g.kernel.Paging, slices.Values([]target.Registers{arch.PageTables(root)}))
}

// maps says whether page tables map the kernel's text.
func (g *Guest) maps(root uint64) bool {
	text := g.m.FreshView()
	return g.programs.Kernel().Fits(memory.NewSpace(text, g.paging(root), root), text)
}

// read reads the kernel's objects once.
func (g *Guest) read(ctx context.Context) (*kernel.System, error) {
	if err := g.m.Look(ctx, 0); err != nil {
		return nil, err
	}
	g.programs.ForgetRoots()
	return g.m.System(ctx)
}

// Look looks at the guest. ErrNotFound is wrapped where the kernel is not there any more:
// the guest boots anew, say.
func (g *Guest) Look(ctx context.Context) (*view.Look, error) {
	start := time.Now()
	if err := g.ram.Alive(); err != nil {
		return nil, err
	}
	if !g.maps(g.ram.roots[0]) {
		g.m.Forget()
		if err := g.find(ctx); err != nil {
			return nil, err
		}
	}
	seen, problems, readings, err := agree(func() (map[key]row, []string, error) {
		sys, err := g.read(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, nil, err
		}
		return rowsOf(sys, g.programs.NameTasks(sys, nil)), sys.AllProblems(), nil
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, cmp.Or(g.ram.Alive(), fmt.Errorf("%w: %w", ErrNotFound, err))
	}
	out := seen.look()
	g.number++
	out.Problems, out.Number, out.Readings, out.Took, out.Time, out.Kernel = problems, g.number, readings, time.Since(start), start.Sub(g.began), g.kernel.Decoder.Platform().Name
	return out, nil
}
