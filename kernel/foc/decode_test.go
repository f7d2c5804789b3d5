package foc_test

import (
	"context"
	"encoding/binary"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/memory"
)

// still is a stopped machine: all of its RAM, and its processor.
type still struct {
	ram  []byte
	cpu  kernel.CPU
	file *debuginfo.File
}

func (s *still) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		r := &reqs[i]
		clear(r.Buf) // outside RAM QEMU reads zeros
		if r.Addr < uint64(len(s.ram)) {
			copy(r.Buf, s.ram[r.Addr:])
		}
	}
	return nil
}

func (s *still) machine() kernel.Machine {
	return kernel.Machine{Phys: memory.NewView(s, memory.SharedBlock, nil), Paging: memory.AMD64{}, CPUs: []kernel.CPU{s.cpu}}
}

func (s *still) decode(t *testing.T) *kernel.System {
	t.Helper()
	l, err := foc.NewLayout(s.file)
	if err != nil {
		t.Fatal(err)
	}
	sys, err := l.Decode(s.machine())
	if err != nil {
		t.Fatal(err)
	}
	return sys
}

// lab is the lab guest a moment after its restore.
var lab = sync.OnceValues(func() (*still, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	dir, err := guest.Build(ctx)
	if err != nil {
		return nil, err
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, SharedRAM: true, ICount: guest.Clock, Running: true})
	if err != nil {
		return nil, err
	}
	defer vm.Stop(ctx)
	if err := waitFor(vm, "Resto::", "1 sheep"); err != nil {
		return nil, err
	}
	c, err := gdbremote.Dial(ctx, vm.GDB(), gdbremote.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	regs, err := c.ReadRegisters(ctx, gdbremote.ThreadID{})
	if err != nil {
		return nil, err
	}
	s := &still{}
	value := func(name string) uint64 { v, _ := regs.Uint64(name); return v }
	s.cpu = kernel.CPU{IP: value("rip"), SP: value("rsp"), Flags: value("eflags"), User: value("cs")&3 == 3, Root: value("cr3") &^ 0xfff}
	if s.ram, err = os.ReadFile(vm.RAMPath()); err != nil {
		return nil, err
	}
	s.file, err = debuginfo.Load(filepath.Join(dir, guest.Kernel), "", nil)
	return s, err
})

// waitFor reads serial output until the texts have come, in this order.
func waitFor(vm *qemu.VM, texts ...string) error {
	serial := vm.Serial()
	seen, buf := "", make([]byte, 4096)
	for _, want := range texts {
		for !strings.Contains(seen, want) {
			n, err := serial.Read(buf)
			if err != nil {
				return err
			}
			seen += string(buf[:n])
		}
		_, seen, _ = strings.Cut(seen, want)
	}
	return nil
}

func labMachine(t *testing.T) *still {
	t.Helper()
	s, err := lab()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDecodeLab(t *testing.T) {
	sys := labMachine(t).decode(t)
	if len(sys.Problems) > 0 {
		t.Errorf("problems: %q", sys.Problems)
	}
	tasks := map[string]int{}
	for _, o := range sys.PDs() {
		if main := sys.MainThread(o.ID); main != nil {
			tasks[main.Name]++
		}
	}
	if tasks["sheep_counter"] != 2 || tasks["rtcr"] != 1 || tasks["core.main"] != 1 {
		t.Errorf("tasks by their first thread: %v", tasks)
	}
	kinds := map[kernel.Kind]int{}
	ids := map[kernel.ID]bool{}
	for _, o := range sys.Objects {
		kinds[o.Kind]++
		if ids[o.ID] {
			t.Errorf("id %s twice", o.ID)
		}
		ids[o.ID] = true
		if o.Kind == "Gate" && sys.Object(o.Link("receiver")) == nil {
			t.Errorf("gate %s has no receiver", o.ID)
		}
	}
	for _, k := range []kernel.Kind{"Thread", "Task", "Gate", "IRQ", kernel.KindOther} {
		if kinds[k] == 0 {
			t.Errorf("no object of kind %s among %v", k, kinds)
		}
	}
	if len(sys.Objects) < 60 || sys.Capabilities() < 100 {
		t.Errorf("%d objects, %d capabilities", len(sys.Objects), sys.Capabilities())
	}
}

// What a thread's state says must agree with what the program does.
func TestDecodeThreads(t *testing.T) {
	sys := labMachine(t).decode(t)
	for _, o := range sys.Threads() {
		th := o.Thread
		switch o.Name {
		case "signal handler":
			if owner := sys.MainThread(th.PD); owner != nil && owner.Name == "sheep_counter" {
				if p := sys.Object(th.Wait.For); !th.Has("receive_wait") || p == nil || p.Kind != "IRQ" || p.Link("thread") != o.ID {
					t.Errorf("signal handler %s: state %s, waits for %v; want its own IRQ", o.ID, th.StateString(), p)
				}
			}
		case "timer", "entrypoint", "pager_ep":
			if th.PD == 0 || th.SP>>30 != 1 || th.IP>>20 != 5 {
				t.Errorf("%s of core: task %s, ip %#x, sp %#x", o.Name, th.PD, th.IP, th.SP)
			}
		}
		if o.Name != "" && th.Source == "frame" && len(th.Registers) != 15 {
			t.Errorf("%s has %d registers", o.Name, len(th.Registers))
		}
	}
	// The original was paused while it waited: its frame leads into the kernel
	// until the wait ends, and the user's ip is in the continuation.
	i := slices.IndexFunc(sys.Threads(), func(o *kernel.Object) bool { return o.Name == "ep" && o.Thread.Source == "_exc_cont" })
	if i < 0 {
		t.Fatal("no ep has an exception triggered")
	}
	ep := sys.Threads()[i].Thread
	if ep.Source != "_exc_cont" || ep.IP>>20 != 0x10 || ep.Usual().IP>>47 == 0 || ep.SP>>30 != 1 {
		t.Errorf("paused ep: %s ip %#x, sp %#x, frame ip %#x", ep.Source, ep.IP, ep.SP, ep.Usual().IP)
	}
}

// Whatever lies in memory, decoding ends, and tells what it could not read.
func TestDecodeHostileMemory(t *testing.T) {
	good := labMachine(t)
	l, err := foc.NewLayout(good.file)
	if err != nil {
		t.Fatal(err)
	}
	whole := good.decode(t)
	rnd := rand.New(rand.NewSource(7))
	told := 0
	for round := range 60 {
		bad := *good
		bad.ram = slices.Clone(good.ram)
		// Kernel objects and page tables lie above 8 MiB; pointers are replaced
		// by other pointers, by noise, or by zero.
		for range 1 + round*4 {
			at := 8<<20 + rnd.Intn(1<<20)&^7
			var v uint64
			switch rnd.Intn(3) {
			case 0:
				v = rnd.Uint64()
			case 1:
				o := whole.Objects[rnd.Intn(len(whole.Objects))]
				v = o.Addr + uint64(rnd.Intn(200))
			}
			binary.LittleEndian.PutUint64(bad.ram[at:], v)
		}
		sys, err := l.Decode(bad.machine())
		if err != nil || len(sys.Problems) > 0 {
			told++
		}
		if err == nil && len(sys.Objects) > 1<<18 {
			t.Fatalf("round %d: %d objects", round, len(sys.Objects))
		}
	}
	if told == 0 {
		t.Error("no damage was told in 60 rounds")
	}
}

// A list that runs into itself before its end must not be followed for ever.
func TestDecodeCycle(t *testing.T) {
	good := labMachine(t)
	sys := good.decode(t)
	link, err := good.file.Type("Kobject_dbg")
	if err != nil {
		t.Fatal(err)
	}
	off, _ := link.BaseOffset("cxx::D_list_item")
	bad := *good
	bad.ram = slices.Clone(good.ram)
	space := memory.NewSpace(memory.NewView(good, memory.SharedBlock, nil), memory.AMD64{}, good.cpu.Root)
	// The third task's link leads back to itself.
	o := sys.PDs()[2]
	class, err := good.file.Type(o.Class)
	if err != nil {
		t.Fatal(err)
	}
	dbg, _ := class.BaseOffset("Kobject_dbg")
	item := o.Addr + uint64(dbg+off)
	_, phys, err := space.Translate(item)
	if err != nil {
		t.Fatal(err)
	}
	binary.LittleEndian.PutUint64(bad.ram[phys:], item)
	got := bad.decode(t)
	if !slices.ContainsFunc(got.Problems, func(p string) bool { return strings.Contains(p, "runs into itself") }) {
		t.Errorf("problems: %q", got.Problems)
	}
	if got.Object(o.ID) == nil {
		t.Error("objects before the damage are gone")
	}
}

func TestLayoutErrors(t *testing.T) {
	dir, err := guest.Build(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	core, err := debuginfo.Load(filepath.Join(dir, "core"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foc.NewLayout(core); err == nil || !strings.Contains(err.Error(), "kernel ELF") {
		t.Errorf("core's ELF as a kernel: %v", err)
	}
}
