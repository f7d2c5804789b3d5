package debuginfo

import (
	"debug/elf"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

// At the first instruction of a function its arguments are where the caller put them,
// by the tables of the calling convention, whatever compiler and optimisation: a
// register holds 0x100 and its place among those for arguments, the words of the stack
// behind the return address 0x200, 0x201, ….
func TestArgumentsAtEntry(t *testing.T) {
	type want struct {
		fn, expr string
		value    uint64
	}
	const sp = 0x7000_0000
	amd64 := []want{
		{"Object::state", "s.ip", 0x200},
		{"Object::state", "s.regs[5]", 0x207},
		{"Object::state", "this", 0x100},
		{"Object::take", "p.a", 0x101},
		{"Object::take", "p.b", 0x102},
		{"Object::take", "&r", 0x103},
		{"Object::give", "this", 0x101}, // rdi: where the result goes
		{"Object::give", "a", 0x102},
		{"Object::give", "s.sp", 0x201},
		{"Object::late", "d", 0x104},
		{"Object::late", "p.b", 0x201}, // one register is not enough for it
		{"Object::late", "g", 0x105},
		{"Object::late", "s.sp", 0x203},
		{"Object::mixed", "last", 0x102},
		{"Object::own", "&o", 0x101},
		{"Object::own", "after", 0x102},
		{"Object::plain", "p.w", 0x102},
		{"Object::plain", "after", 0x103},
		{"Object::wide", "w.a", 0x102},
		{"Object::wide", "b", 0x104},
		{"Object::unused", "last", 0x102},
		{"Object::unused", "$arg1", 0x101},
		{"Object::unused", "$arg2.ip", 0x200},
		{"Object::unused", "$arg3", 0x102},
	}
	for _, c := range []struct {
		cxx   string
		args  []string
		first uint64 // word of the stack that is an argument
		wants []want
	}{
		{"g++", []string{"rdi", "rsi", "rdx", "rcx", "r8", "r9"}, 1, amd64},
		{"clang++", []string{"rdi", "rsi", "rdx", "rcx", "r8", "r9"}, 1, amd64},
		{"arm-linux-gnueabi-g++", []string{"r0", "r1", "r2", "r3"}, 0, []want{
			{"Object::state", "this", 0x100},
			{"Object::state", "s.ip", 0x101}, // r1–r3, then the stack
			{"Object::state", "s.regs[0]", 0x103},
			{"Object::state", "s.regs[1]", 0x200},
			{"Object::state", "s.regs[5]", 0x204},
			{"Object::take", "p.b", 0x102},
			{"Object::take", "&r", 0x103},
			{"Object::give", "this", 0x101}, // r0: where the result goes
			{"Object::give", "a", 0x102},
			{"Object::give", "s.ip", 0x103},
			{"Object::give", "s.sp", 0x200},
			{"Object::late", "c", 0x103},
			{"Object::late", "d", 0x200},
			{"Object::late", "p.b", 0x202},
			{"Object::late", "g", 0x203},
			{"Object::late", "s.sp", 0x205},
			{"Object::own", "&o", 0x101},
			{"Object::own", "after", 0x102},
			{"Object::plain", "p.w", 0x102},
			{"Object::plain", "after", 0x103},
			{"Object::wide", "a", 0x101},
			{"Object::wide", "w.b", 0x200}, // r2, r3, then the stack
			{"Object::wide", "b", 0x202},
			{"Object::unused", "last", 0x206}, // State: r2, r3, six words of the stack
			{"Object::unused", "$arg2.sp", 0x103},
		}},
		{"aarch64-linux-gnu-g++", []string{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"}, 0, []want{
			{"Object::state", "&s", 0x101}, // a copy of the caller's
			{"Object::take", "p.a", 0x101},
			{"Object::take", "p.b", 0x102},
			{"Object::take", "&r", 0x103},
			{"Object::give", "this", 0x100}, // x8: where the result goes
			{"Object::give", "&s", 0x102},
			{"Object::late", "d", 0x104},
			{"Object::late", "p.b", 0x106},
			{"Object::late", "g", 0x107},
			{"Object::late", "&s", 0x200}, // no register is left
			{"Object::own", "&o", 0x101},
			{"Object::plain", "p.w", 0x102},
			{"Object::wide", "w.b", 0x103},
			{"Object::wide", "b", 0x104},
			{"Object::unused", "last", 0x103},
		}},
	} {
		for _, flags := range []string{"-O0", "-Og", "-O2", "-O2 -gdwarf-4", "-Os", "-O3"} {
			t.Run(c.cxx+" "+flags, func(t *testing.T) {
				f := load(t, fixture.BuildBy(t, c.cxx, "arguments", append(strings.Fields(flags), "-Wl,--unresolved-symbols=ignore-all")...))
				regs := unwound{"rsp": sp, "sp": sp, "lr": 0x1234, "x30": 0x1234}
				for i, name := range c.args {
					regs[name] = 0x100 + uint64(i)
				}
				ptr := uint64(f.PtrSize())
				stack := wordsAt{at: map[uint64]uint64{}, rest: f}
				for i := range uint64(32) {
					at := sp + (i+c.first)*ptr
					stack.at[at&^7] |= (0x200 + i) << (8 * (at & 7))
				}
				for _, x := range c.wants {
					scope := Scope{File: f, Mem: stack, Regs: regs, PC: entryOf(t, f, x.fn)}
					v, err := scope.Eval(x.expr)
					var n uint64
					if err == nil {
						n, err = v.Uint64()
					}
					if n != x.value || err != nil {
						t.Errorf("%s: %s is %#x, %v; want %#x", x.fn, x.expr, n, err, x.value)
					}
				}
				scope := Scope{File: f, Mem: stack, Regs: regs, PC: entryOf(t, f, "Object::mixed")}
				if v, err := scope.Eval("d"); err == nil && f.Machine() != elf.EM_ARM { // which does without such registers
					t.Errorf("a parameter in a floating-point register is %s", v.Format(1))
				}
			})
		}
	}
}
