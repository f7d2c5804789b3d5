package arch_test

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"math/rand"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/live"
	"thaw/session/target"
)

// entries are the instructions that the functions of the lab guest's programs
// begin with, and how often.
func entries(t *testing.T, dir string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, name := range []string{guest.Kernel, "core", "rtcr", "sheep_counter"} {
		f, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		syms, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range syms {
			if elf.ST_TYPE(s.Info) != elf.STT_FUNC || int(s.Section) >= len(f.Sections) {
				continue
			}
			var code [15]byte
			in := f.Sections[s.Section]
			if n, err := in.ReadAt(code[:], int64(s.Value-in.Addr)); n == 0 {
				t.Fatalf("%s in %s: %v", s.Name, name, err)
			}
			out[string(code[:])]++
		}
	}
	return out
}

// The processors that are asked for effects.
var x86, arm = must(elf.EM_X86_64), must(elf.EM_ARM)

func must(m elf.Machine) arch.Arch {
	a, err := arch.Of(m)
	if err != nil {
		panic(err)
	}
	return a
}

// more are further forms of what is understood.
var more = []string{
	"90", "6690", "0f1f00", "0f1f440000", "660f1f440000", "662e0f1f840000000000", "f30f1efa",
	"50", "51", "52", "53", "54", "55", "56", "57", "4150", "4151", "4152", "4153", "4154", "4155", "4156", "4157",
	"4889e5", "89c3", "4489f8", "4c89ff", "48c7c0ffffffff", "b8ffffffff", "41bf00000080", "48b88877665544332211",
	"4883ec08", "4881ec00100000", "83e801", "4829d8", "4c29ff", "29c0",
	"31c0", "4831ff", "4531ff", "31d8", "85ff", "4885c0", "4d85ff", "48f7c000000080", "a900000080",
	"83ff01", "4883f8ff", "3d00000080", "4839d8", "39d8", "4883fa80",
	"4881ec00ffffff", "4881ff00ffffff", "81ef00ffffff", "4881f700ffffff", "48f7c700ffffff", "488dbf00ffffff", "488d3d00ffffff",
	"488d742410", "488d3d00100000", "488d45f8", "4c8d7c24f0",
	"4883c408", "4881c400100000", "83c0ff", "4801d8", "4c01ff", "01c0", "4883c080", "0500000080",
	"c3", "83042401", "8344240401", "48834424f8ff", "8104240000ff7f", "4801442408", "01442418", "4c013c24", "0144241c", "830424ff",
}

// What the model of an instruction says is what the processor does, for every
// instruction that a function of the lab guest begins with.
func TestEffectsAreTheProcessors(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	dir, err := guest.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, Running: true})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := live.Attach(ctx, vm.GDB(), live.Options{VM: vm})
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close(ctx)
	regs := inUserMode(ctx, t, machine)
	reg := func(name string) uint64 { v, _ := regs.Uint64(name); return v }
	space := memory.NewSpace(memory.NewView(machine, memory.StubBlock, nil), memory.AMD64{}, reg("cr3")&^0xfff)
	page, _, err := space.Translate(reg("rip"))
	if err != nil {
		t.Fatal(err)
	}
	sp := (reg("rsp") - 512) &^ 15
	bottom := sp &^ 0xfff
	sp = min(max(sp, bottom+128), bottom+0xf80) // all that is read lies on one page
	_, sp0, err := space.Translate(sp)          // where that is
	if err != nil {
		t.Fatal(err)
	}
	found := entries(t, dir)
	for _, m := range more {
		code, err := hex.DecodeString(m)
		if err != nil {
			t.Fatal(err)
		}
		found[string(code)]++
	}
	rnd := rand.New(rand.NewSource(3))
	understood, functions, all := map[string]bool{}, 0, 0
	for _, code := range slices.Sorted(maps.Keys(found)) {
		all += found[code]
		values := []gdbremote.RegisterValue{{Name: "eflags", Value: 0x202 | rnd.Uint64()&0x8d5}}
		for name := range strings.FieldsSeq("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15") {
			v := rnd.Uint64() >> rnd.Intn(64)
			if rnd.Intn(3) == 0 {
				v = uint64(rnd.Intn(3)) - 1
			}
			values = append(values, gdbremote.RegisterValue{Name: name, Value: v})
		}
		values = append(values, gdbremote.RegisterValue{Name: "rsp", Value: sp}, gdbremote.RegisterValue{Name: "rip", Value: page.Virt})
		before := fixed{}
		for _, v := range values {
			before[v.Name] = v.Value
		}
		stack := map[uint64]uint64{} // what is read of it, by address
		e, ok := x86.EffectOf([]byte(code), before, func(addr uint64, size int) (uint64, bool) {
			if addr < sp-64 || addr >= sp+64 {
				return 0, false
			}
			v := rnd.Uint64() >> (64 - 8*size)
			if code[0] == '\xc3' {
				v = page.Virt + 64
			} else if rnd.Intn(2) == 0 {
				v |= 1<<(8*size-1) - 1
			}
			stack[addr] = v
			return v, true
		})
		if !ok {
			continue
		}
		last := e.Regs[len(e.Regs)-1]
		if last.Name != "rip" {
			t.Fatalf("% x: the last register is %s", code, last.Name)
		}
		length := e.Length
		if functions += found[code]; understood[code[:length]] {
			continue
		}
		understood[code[:length]] = true
		if err := machine.WritePhysical(ctx, page.Phys, []byte(code[:length])); err != nil {
			t.Fatal(err)
		}
		for addr, v := range stack {
			if err := machine.WritePhysical(ctx, sp0+addr-sp, binary.LittleEndian.AppendUint64(nil, v)); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range values {
			if err := machine.WriteRegister(ctx, 0, v.Name, v.Value); err != nil {
				t.Fatal(err)
			}
		}
		var cpus []target.Registers
		for range 3 { // QEMU now and then returns from a step without executing anything
			if _, err := machine.Step(ctx, 0); err != nil {
				t.Fatal(err)
			}
			if cpus, err = machine.CPUs(ctx); err != nil {
				t.Fatal(err)
			}
			if ip, _ := cpus[0].Uint64("rip"); ip != page.Virt {
				break
			}
		}
		for _, r := range e.Regs {
			before[r.Name] = r.Value
		}
		for name, want := range before {
			if got, _ := cpus[0].Uint64(name); got != want {
				t.Errorf("% x: %s is %#x, want %#x", code[:length], name, got, want)
			}
		}
		if e.Store > 0 {
			mem := memory.NewSpace(memory.NewView(machine, memory.StubBlock, nil), memory.AMD64{}, reg("cr3")&^0xfff)
			if got, err := memory.Uint(mem, e.Addr, e.Store); err != nil || got != e.Value {
				t.Errorf("% x: %#x stands at %#x, want %#x (%v)", code[:length], got, e.Addr, e.Value, err)
			}
		}
	}
	for _, m := range more {
		if code, _ := hex.DecodeString(m); !understood[string(code)] {
			t.Errorf("%s is not understood", m)
		}
	}
	t.Logf("%d instructions understood, which %d of %d functions begin with", len(understood), functions, all)
	if functions*2 < all {
		t.Errorf("only %d of %d functions begin with one that is understood", functions, all)
	}
}

// fixed are registers with given values.
type fixed map[string]uint64

func (f fixed) Uint64(name string) (uint64, bool) { v, ok := f[name]; return v, ok }
func (f fixed) Names() []string                   { return slices.Collect(maps.Keys(f)) }

// inUserMode lets a guest run until its processor stops in user mode with room on
// the stack.
func inUserMode(ctx context.Context, t *testing.T, machine *live.Target) target.Registers {
	t.Helper()
	for {
		cpus, err := machine.CPUs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		reg := func(name string) uint64 { v, _ := cpus[0].Uint64(name); return v }
		space := memory.NewSpace(memory.NewView(machine, memory.StubBlock, nil), memory.AMD64{}, reg("cr3")&^0xfff)
		page, _, err := space.Translate((reg("rsp") - 512) &^ 15)
		if reg("cs")&3 == 3 && err == nil && page.User && page.Writable {
			return cpus[0]
		}
		if err := machine.Resume(ctx); err != nil {
			t.Fatal(err)
		}
		if err := machine.Interrupt(); err != nil {
			t.Fatal(err)
		}
		if _, err := machine.Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// What could be something else is left to the processor.
func TestInstructionsThatAreNotUnderstood(t *testing.T) {
	r := fixed{"eflags": 2}
	for n := range strings.FieldsSeq("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip") {
		r[n] = 0x1000
	}
	for _, code := range []string{
		"", "f390", "6650", "668bc0", "88d8", "488b03", "488903", "ff30", "6a01", "c3", "e800000000", "ebfe", "0f05", "f4", "cc", "fa",
		"830001", "f0830001", "660100", "0000", "0100ff", "c20800", "cb", "f3c3", "64830001", "64488d00", "67488d00", "8d00", "488d0408", "83280f", "4883280f", "f02900", "9c", "58", "0fa2", "8ed8", "48", "4883ec",
	} {
		raw, err := hex.DecodeString(code)
		if err != nil {
			t.Fatal(err)
		}
		for what, load := range map[string]arch.Load{"no memory": nil, "memory that cannot be read": func(uint64, int) (uint64, bool) { return 0, false }} {
			if e, ok := x86.EffectOf(raw, r, load); ok {
				t.Errorf("%s, %s: is understood: %+v", code, what, e)
			}
		}
	}
	if _, ok := arm.EffectOf([]byte{0, 0, 0xa0, 0xe1}, r, nil); ok {
		t.Error("an instruction of ARM is understood")
	}
	if _, ok := x86.EffectOf([]byte{0x55}, fixed{"rsp": 8, "rip": 1}, nil); ok {
		t.Error("a register that is not known was used")
	}
	// What would fault: a word across pages, and a return to no user mode's address.
	for code, at := range map[string]uint64{"\xc3": 0xffc, "\x83\x04\x24\x01": 0xfff, "\xc3\xc3": 0x1000} {
		load := func(uint64, int) (uint64, bool) { return 1 << 63, true }
		if e, ok := x86.EffectOf([]byte(code), fixed{"rsp": at, "rip": 1, "eflags": 2}, load); ok {
			t.Errorf("% x with rsp %#x is understood: %+v", code, at, e)
		}
	}
}

// The ways out of a Fiasco.OC kernel: after an exception all registers come off the
// stack, after a page fault those that a function may change do.
func TestTakenBack(t *testing.T) {
	a, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	trap := "\x75\x21" + "\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x41\x5b\x41\x5a\x41\x59\x41\x58\x5f\x5e\x5d\x48\x83\xc4\x08\x5b\x5a\x59\x58\x48\x83\xc4\x10"
	fault := "\x41\x5b\x41\x5a\x41\x59\x41\x58\x5a\x59\x58\x5e\x5f\x48\x83\xc4\x08"
	back, words, ok := a.TakenBack([]byte(trap + "\x48\xcf"))
	if want := "r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp  rbx rdx rcx rax  "; !ok || back != len(trap) || strings.Join(words, " ") != want {
		t.Errorf("%v: %d bytes, %q, want %q", ok, back, strings.Join(words, " "), want)
	}
	for what, code := range map[string]string{"some registers": fault + "\x48\xcf", "no return": trap, "rsp, too": strings.Replace(trap, "\x5d", "\x5c", 1) + "\x48\xcf",
		"down the stack": strings.Replace(trap, "\xc4\x08", "\xc4\xf8", 1) + "\x48\xcf", "": ""} {
		if back, words, ok := a.TakenBack([]byte(code)); ok {
			t.Errorf("%s: %d bytes, %q", what, back, words)
		}
	}
}

// On 64-bit ARM three things run that are not the same: user mode, a thread of core's at
// EL1 by the stack pointer of user mode, and the kernel, which knows what it came from.
func TestARM64(t *testing.T) {
	a := must(elf.EM_AARCH64)
	regs := fixed{"TTBR0_EL1": 4<<48 | 0x4084b000, "TTBR1_EL1": 0x4025c000, "TCR_EL1": 25 | 25<<16, "VBAR": 0xffffffc000000000,
		"ELR_EL1": 0x10000c0, "SP_EL0": 0x408fef50, "SPSR_EL1": 0x20000000}
	for _, c := range []struct {
		mode, pc     uint64
		user, kernel bool
		vector       bool
	}{{0, 0x10000c0, true, false, false}, {4, 0xffffffc00001ac14, false, false, false}, {5, 0xffffffc0000007fc, false, true, true}, {5, 0xffffffc000000800, false, true, false}} {
		regs["cpsr"], regs["pc"] = 0x20000000|c.mode, c.pc
		cpu := a.CPU(regs)
		if cpu.User != c.user || (cpu.Noted != nil) != c.kernel || cpu.Root != 0x4084b000 {
			t.Errorf("mode %d: %+v", c.mode, cpu)
		}
		if n := cpu.Noted; n != nil && *n != (kernel.Noted{IP: 0x10000c0, SP: 0x408fef50, Flags: 0x20000000, Vector: c.vector}) {
			t.Errorf("mode %d at %#x: %+v", c.mode, c.pc, *n)
		}
	}
	if cpu := a.CPU(arch.PageTables(0x1000)); cpu.User || cpu.Noted != nil {
		t.Errorf("of no known mode: %+v", cpu)
	}
	// The first processor that has begun tells the form of the page tables.
	all := []target.Registers{fixed{"cpsr": 9}, regs}
	if p := a.Paging(memory.ARM64{}, slices.Values(all)); p != (memory.ARM64{TTBR1: 0x4025c000, TCR: 25 | 25<<16}) {
		t.Errorf("page tables: %+v", p)
	}
	if a.Member(30) != "r[30]" || x86.Member(0) != "rax" {
		t.Errorf("members are %s and %s", a.Member(30), x86.Member(0))
	}
}
