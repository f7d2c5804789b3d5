package origin

import (
	"debug/elf"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// steps makes executed instructions of "CODE" in hex, each behind the one before; all
// find the same registers.
func steps(t *testing.T, regs map[string]uint64, codes ...string) []Step {
	t.Helper()
	out, at := []Step{}, uint64(0x1000)
	for _, c := range codes {
		code, err := hex.DecodeString(strings.ReplaceAll(c, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Step{Machine: elf.EM_X86_64, IP: at, Code: append(code, 0x90, 0x90, 0x90), Reg: func(n string) (uint64, bool) { v, ok := regs[n]; return v, ok }})
		at += uint64(len(code))
	}
	return out
}

// told is a source in words.
func (s Source) told() string {
	switch s.Kind {
	case Copied:
		return fmt.Sprintf("%d copied %x", s.At, s.Addr)
	case Computed:
		return fmt.Sprintf("%d computed: %s", s.At, s.Why)
	}
	return fmt.Sprintf("%d unknown: %s", s.At, s.Why)
}

func TestOf(t *testing.T) {
	regs := map[string]uint64{"rax": 0x11, "rbx": 0x3000, "rcx": 2, "rdx": 0x22, "rsi": 0x5000, "rdi": 0x6000, "rsp": 0x7000, "rbp": 0x8000, "r8": 1, "fs_base": 0x9000}
	for _, c := range []struct {
		what       string
		codes      []string
		dest, size uint64
		want       string
	}{
		{"mov (%rsi),%rax; mov %rax,(%rdi)", []string{"48 8b 06", "48 89 07"}, 0x6000, 8, "0 copied 5000"},
		{"its upper half", []string{"48 8b 06", "48 89 07"}, 0x6004, 4, "0 copied 5004"},
		{"mov (%rsi),%al; mov %al,(%rdi)", []string{"8a 06", "88 07"}, 0x6000, 1, "0 copied 5000"},
		{"mov 8(%rsi),%rax; mov %rax,%rdx; add %rcx,%rbx; mov %rdx,-8(%rdi)", []string{"48 8b 46 08", "48 89 c2", "48 01 cb", "48 89 57 f8"}, 0x5ff8, 8, "0 copied 5008"},
		{"rep movsq", []string{"f3 48 a5"}, 0x6000, 8, "0 copied 5000"},
		{"movsb, another byte", []string{"a4"}, 0x6001, 1, "0 unknown: what movsb writes is not told apart"},
		{"mov $1,%eax; mov %rax,(%rdi)", []string{"b8 01 00 00 00", "48 89 07"}, 0x6000, 4, "0 computed: a constant of the code (0x1)"},
		{"mov $1,%eax; mov %rax,(%rdi), all of it", []string{"b8 01 00 00 00", "48 89 07"}, 0x6000, 8, "0 computed: a constant of the code (0x1)"},
		{"cmpxchg %rcx,(%rdi)", []string{"48 8b 0e", "48 0f b1 0f"}, 0x6000, 8, "1 unknown: what cmpxchg stores is not looked at"},
		{"fstpl (%rdi)", []string{"dd 06", "dd 1f"}, 0x6000, 8, "1 unknown: what fstp stores is not looked at"},
		{"movss %xmm0,(%rdi)", []string{"f3 0f 10 06", "f3 0f 11 07"}, 0x6000, 4, "1 unknown: what movss stores is not looked at"},
		{"xadd %rax,(%rdi)", []string{"48 0f c1 07"}, 0x6000, 8, "0 computed: xadd in place"},
		{"mov $0x80000001,%eax; mov %rax,(%rdi)", []string{"b8 01 00 00 80", "48 89 07"}, 0x6000, 8, "0 computed: a constant of the code (0x80000001)"},
		{"movq $-2,(%rdi)", []string{"48 c7 07 fe ff ff ff"}, 0x6000, 8, "0 computed: a constant of the code (0xfffffffffffffffe)"},
		{"movb $-2,(%rdi)", []string{"c6 07 fe"}, 0x6000, 1, "0 computed: a constant of the code (0xfe)"},
		{"movl $7,(%rdi)", []string{"c7 07 07 00 00 00"}, 0x6000, 4, "0 computed: a constant of the code (0x7)"},
		{"lea 8(%rbx),%rax; mov %rax,(%rdi)", []string{"48 8d 43 08", "48 89 07"}, 0x6000, 8, "0 computed: by lea"},
		{"mov (%rsi),%rax; add $8,%rax; mov %rax,(%rdi)", []string{"48 8b 06", "48 83 c0 08", "48 89 07"}, 0x6000, 8, "1 computed: by add"},
		{"mov (%rsi),%eax; mov %rax,(%rdi)", []string{"8b 06", "48 89 07"}, 0x6000, 8, "0 computed: by mov, which fills up what it loads"},
		{"mov (%rsi),%rax; cpuid; mov %rax,(%rdi)", []string{"48 8b 06", "0f a2", "48 89 07"}, 0x6000, 8, "1 computed: by cpuid"},
		{"mov (%rsi),%rax; xadd %rax,(%rbx); mov %rax,(%rdi)", []string{"48 8b 06", "48 0f c1 03", "48 89 07"}, 0x6000, 8, "1 unknown: xadd may change rax"},
		{"mov (%rsi),%rax; mov $5,%al; mov %rax,(%rdi)", []string{"48 8b 06", "b0 05", "48 89 07"}, 0x6000, 8, "1 unknown: mov changes a part of rax"},
		{"the rest of it", []string{"48 8b 06", "b0 05", "48 89 07"}, 0x6004, 4, "0 copied 5004"},
		{"mov %rax,(%rdi) alone", []string{"48 89 07"}, 0x6000, 8, "0 unknown: rax was set more than 0 instructions before"},
		{"movdqu (%rsi),%xmm0; movups %xmm0,(%rdi)", []string{"f3 0f 6f 06", "0f 11 07"}, 0x6008, 8, "0 copied 5008"},
		{"movq (%rsi),%xmm0; movups %xmm0,(%rdi)", []string{"f3 0f 7e 06", "0f 11 07"}, 0x6008, 8, "0 computed: by movq, which fills up what it loads"},
		{"push %rbp", []string{"48 8b 2e", "55"}, 0x6ff8, 8, "0 copied 5000"},
		{"pop %rax; mov %rax,(%rdi)", []string{"58", "48 89 07"}, 0x6000, 8, "0 copied 7000"},
		{"pushq 8(%rsi)", []string{"ff 76 08"}, 0x6ff8, 8, "0 copied 5008"},
		{"call", []string{"e8 00 00 00 00"}, 0x6ff8, 8, "0 computed: the return address of a call"},
		{"add %rax,(%rdi)", []string{"48 01 07"}, 0x6000, 8, "0 computed: add in place"},
		{"mov (%rip),%rax; mov %rax,(%rdi)", []string{"48 8b 05 f9 0f 00 00", "48 89 07"}, 0x6000, 8, "0 copied 2000"},
		{"mov %fs:0x10,%rax; mov %rax,(%rdi)", []string{"64 48 8b 04 25 10 00 00 00", "48 89 07"}, 0x6000, 8, "0 copied 9010"},
		{"mov (%rbx,%rcx,8),%rax; mov %rax,(%rdi)", []string{"48 8b 04 cb", "48 89 07"}, 0x6000, 8, "0 copied 3010"},
		{"rep stosb of what was loaded", []string{"8a 06", "f3 aa"}, 0x6000, 1, "0 copied 5000"},
		{"xor %eax,%eax; mov %rax,(%rdi)", []string{"31 c0", "48 89 07"}, 0x6000, 8, "0 computed: zero, by xor"},
		{"cmove %rbx,%rax; mov %rax,(%rdi)", []string{"48 0f 44 c3", "48 89 07"}, 0x6000, 8, "0 unknown: cmove: which of two values it was is not looked at"},
		{"movzbl (%rsi),%eax; mov %al,(%rdi)", []string{"0f b6 06", "88 07"}, 0x6000, 1, "0 copied 5000"},
		{"mov (%rsi),%rax; endbr64; mov %rax,(%rdi)", []string{"48 8b 06", "f3 0f 1e fa", "48 89 07"}, 0x6000, 8, "0 copied 5000"},
	} {
		if got := Of(steps(t, regs, c.codes...), c.dest, c.size).told(); got != c.want {
			t.Errorf("%s: %s; want %s", c.what, got, c.want)
		}
	}
}

func TestWrites(t *testing.T) {
	regs := map[string]uint64{"rax": 0x11, "rsi": 0x5000, "rdi": 0x6000, "rsp": 0x7000}
	for code, want := range map[string]Write{
		"48 89 07":    {0x6000, 8, true},
		"88 07":       {0x6000, 1, true},
		"f3 a4":       {0x6000, 1, true},
		"48 ab":       {0x6000, 8, true},
		"55":          {0x6ff8, 8, true},
		"48 8b 06":    {0, 0, true},
		"48 39 07":    {0, 0, true},
		"0f 11 07":    {0x6000, 16, true},
		"90":          {0, 0, true},
		"74 00":       {0, 0, true},
		"48 01 07":    {0x6000, 8, true},
		"f3 0f 1e fa": {0, 0, true},
		"48 89 03":    {0, 8, false}, // rbx is not known
		"ff ff":       {},
	} {
		s := steps(t, regs, code)[0]
		if got := s.Writes(); got != want {
			t.Errorf("%s: %+v, want %+v", code, got, want)
		}
	}
}

// A word that was copied in pieces is one copy if all of them are, from one place.
func TestWhole(t *testing.T) {
	regs := map[string]uint64{"rax": 0x11, "rsi": 0x5000, "rdi": 0x6000, "rbx": 0x9000}
	low, high := []string{"8b 06", "89 07"}, []string{"8b 46 04", "89 47 04"}
	for _, c := range []struct {
		what  string
		codes []string
		want  string
	}{
		{"both halves", append(append([]string{}, low...), high...), "5000 1 true"},
		{"the upper half alone", high, "5000 1 false"},
		{"the lower half is a constant", append([]string{"c7 07 01 00 00 00"}, high...), "0 0 false"},
		{"the lower half is of somewhere else", append([]string{"8b 03", "89 07"}, high...), "0 0 false"},
		{"something between that is not understood", append(append(append([]string{}, low...), "0f c7 07"), high...), "0 0 false"},
		{"written before by somebody else", append(append([]string{"c7 07 01 00 00 00"}, low...), high...), "5000 2 true"},
	} {
		from, first, ok := Whole(steps(t, regs, c.codes...), 0x6000, 8)
		if got := fmt.Sprintf("%x %d %v", from, first, ok); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func TestStored(t *testing.T) {
	regs := map[string]uint64{"rax": 0x11, "rsp": 0x7000, "rdi": 0x6000}
	for code, want := range map[string]Write{
		"48 89 47 04": {0x6004, 8, true},  // mov %rax,4(%rdi)
		"0f 11 47 03": {0x6003, 16, true}, // movups %xmm0,3(%rdi)
		"48 8b 47 04": {},                 // mov 4(%rdi),%rax
		"48 a5":       {},                 // movsq: rdi is behind it
		"55":          {},                 // push %rbp
		"48 87 07":    {},                 // xchg %rax,(%rdi)
		"ff":          {},
	} {
		if got := steps(t, regs, code)[0].Stored(); got != want {
			t.Errorf("%s: %+v, want %+v", code, got, want)
		}
	}
}
