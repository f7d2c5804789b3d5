package components

import (
	"debug/elf"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/arch/arm/armasm"
	"golang.org/x/arch/arm64/arm64asm"
	"golang.org/x/arch/x86/x86asm"

	"thaw/session/scenario"
	"thaw/session/view"
)

// How much of the code around a place is shown.
const (
	codeBefore  = 8  // instructions
	codeBehind  = 12 // instructions
	maxFunction = 1 << 16
)

// Addresses are those that a name means which is no function's: an address, or a
// line of a source file.
func (c *Component) Addresses(where string) []uint64 {
	if hex, ok := strings.CutPrefix(where, "0x"); ok {
		if addr, err := strconv.ParseUint(hex, 16, 64); err == nil && c.HasText(addr) {
			return []uint64{addr}
		}
	}
	if file, line, err := scenario.SourceLine(where); err == nil {
		return c.File.AddrsForLine(file, line)
	}
	return nil
}

// NoCode says that a name which Addresses does not know is an address or a line all the
// same, nil if it may be a function's.
func (c *Component) NoCode(where string) error {
	near := ""
	if file, line, err := scenario.SourceLine(where); err == nil {
		if n := c.File.NearLine(file, line); n > 0 {
			near = fmt.Sprintf(": the next line with code is %d", n)
		}
	} else if !strings.HasPrefix(where, "0x") {
		return nil
	}
	return fmt.Errorf("no code of %s is at %s%s", c.Name, where, near)
}

// Instruction is one decoded instruction.
type Instruction struct {
	Addr uint64
	Size int
	Text string
}

// Instructions are those around a place. They are decoded from the beginning of
// its function, since x86's have no fixed length.
func (c *Component) Instructions(at view.Place) []string {
	start := at.Addr - at.Offset
	if at.Function == "" || at.Offset > maxFunction {
		start = at.Addr
	}
	var all []Instruction
	here := -1
	for a := start; ; {
		in, err := c.Decode(a)
		if err != nil {
			break
		}
		if a <= at.Addr && at.Addr < a+uint64(in.Size) {
			here = len(all)
		}
		all = append(all, in)
		if here >= 0 && len(all) > here+codeBehind {
			break
		}
		a += uint64(in.Size)
	}
	if here < 0 {
		return []string{fmt.Sprintf("no instruction of %s is at %#x", c.Name, at.Addr)}
	}
	var out []string
	for i := max(here-codeBefore, 0); i < len(all); i++ {
		mark := "  "
		if i == here {
			mark = "▸ "
		}
		out = append(out, fmt.Sprintf("%s%x  %s", mark, all[i].Addr, all[i].Text))
	}
	return out
}

// Behind is the address so many instructions behind another, or of the first on the way
// that may go elsewhere.
func (c *Component) Behind(addr uint64, instructions int) uint64 {
	for range instructions {
		in, err := c.Decode(addr)
		if err != nil || leaves.MatchString(in.Text) {
			break
		}
		addr += uint64(in.Size)
	}
	return addr
}

// Before is the instruction that ends at an address. It is looked for from the beginning of
// its function, since x86's have no fixed length.
func (c *Component) Before(addr uint64) (Instruction, bool) {
	at := c.Place(addr - 1)
	if at.Function == "" || at.Offset > maxFunction {
		return Instruction{}, false
	}
	for a := at.Addr - at.Offset; a < addr; {
		in, err := c.Decode(a)
		if err != nil || in.Size == 0 {
			break
		}
		if a += uint64(in.Size); a == addr {
			return in, true
		}
	}
	return Instruction{}, false
}

// leaves is the text of an instruction after which the next in memory may not be the next
// one: jumps, calls, returns, traps, and whatever writes Arm's pc.
var leaves = regexp.MustCompile(`^(j|call|ret|iret|sys|int|hlt|ud|loop|rep|lock|b|svc|\?)|\bpc\b`)

// Decode decodes the instruction at an address of the program's file.
func (c *Component) Decode(addr uint64) (Instruction, error) {
	if !c.HasText(addr) {
		return Instruction{}, fmt.Errorf("%#x is not in the text of %s", addr, c.Name)
	}
	buf := make([]byte, 16)
	for len(buf) > 0 && c.File.ReadFile(addr, buf) != nil {
		buf = buf[:len(buf)-1]
	}
	name := func(a uint64) (string, uint64) {
		fn, off, ok := c.File.FunctionAt(a)
		if !ok {
			return "", 0
		}
		return view.Place{Function: fn}.Bare().Function, a - off
	}
	switch c.File.Machine() {
	case elf.EM_X86_64:
		in, err := x86asm.Decode(buf, 64)
		if err != nil {
			return Instruction{}, fmt.Errorf("decoding the instruction at %#x: %w", addr, err)
		}
		return Instruction{addr, in.Len, x86asm.GNUSyntax(in, addr, name)}, nil
	case elf.EM_ARM:
		in, err := armasm.Decode(buf, armasm.ModeARM)
		if err != nil {
			return Instruction{addr, 4, "?"}, nil // data between functions
		}
		return Instruction{addr, 4, armasm.GNUSyntax(in)}, nil
	case elf.EM_AARCH64:
		in, err := arm64asm.Decode(buf)
		if err != nil {
			return Instruction{addr, 4, "?"}, nil
		}
		return Instruction{addr, 4, arm64asm.GNUSyntax(in)}, nil
	}
	return Instruction{}, fmt.Errorf("instructions of %v are not known", c.File.Machine())
}
