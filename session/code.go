package session

import (
	"bufio"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/arch/arm/armasm"
	"golang.org/x/arch/x86/x86asm"

	"thaw/kernel"
)

// How much of the code around a place is shown.
const (
	sourceAround = 6  // lines before and behind
	codeBefore   = 8  // instructions
	codeBehind   = 12 // instructions
	maxFunction  = 1 << 16
	maxSource    = 16 << 20 // bytes of a source file
)

// Code shows source lines and instructions where a thread is in user mode, or
// for thread 0 where the stopped processor is. Source files are looked for
// where the debug info says that they were.
func (e *Engine) Code(_ context.Context, thread kernel.ID) *Peek {
	if e.history.last() == 0 {
		return &Peek{Err: "the guest has not stopped so far"}
	}
	s := e.history.newest().snap
	p := &Peek{Stop: s.Number, Title: "code"}
	at, c := s.PC, e.componentHere(s.System)
	if thread != 0 {
		o := s.System.Object(thread)
		if o == nil || o.Thread == nil {
			p.Err = fmt.Sprintf("thread %s is not there any more", thread)
			return p
		}
		task := s.System.Object(o.Thread.Task)
		if o.Thread.Source == kernel.SourceNone || task == nil || task.Task == nil {
			p.Err = fmt.Sprintf("thread %s %s never was in user mode", thread, o.Title())
			return p
		}
		at, c = s.Places[thread], e.programAt(s.System, task, o.Thread.IP)
	}
	if c == nil {
		p.Err = fmt.Sprintf("there is no debug info for the program at %#x", at.Addr)
		return p
	}
	p.Title = at.Bare().String()
	p.Text = append(p.Text, sourceLines(at)...)
	p.Text = append(p.Text, "")
	p.Text = append(p.Text, c.instructions(at)...)
	return p
}

// sourceLines are the lines around a place, the one that is meant marked; or
// why there are none.
func sourceLines(at Place) []string {
	if at.File == "" {
		return []string{"no source line is known"}
	}
	f, err := os.Open(at.File)
	if err != nil {
		return []string{fmt.Sprintf("%s:%d (the file is not here)", at.File, at.Line)}
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() || st.Size() > maxSource {
		return []string{fmt.Sprintf("%s:%d (no source file)", at.File, at.Line)}
	}
	out := []string{fmt.Sprintf("%s:%d", filepath.Base(at.File), at.Line)}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan() && n <= at.Line+sourceAround; n++ {
		if n < at.Line-sourceAround {
			continue
		}
		mark := "  "
		if n == at.Line {
			mark = "▸ "
		}
		out = append(out, fmt.Sprintf("%s%5d  %s", mark, n, strings.ReplaceAll(lines.Text(), "\t", "    ")))
	}
	return out
}

// instruction is one decoded instruction.
type instruction struct {
	addr uint64
	size int
	text string
}

// instructions are those around a place. They are decoded from the beginning of
// its function, since x86's have no fixed length.
func (c *component) instructions(at Place) []string {
	start := at.Addr - at.Offset
	if at.Function == "" || at.Offset > maxFunction {
		start = at.Addr
	}
	var all []instruction
	here := -1
	for a := start; ; {
		in, err := c.decode(a)
		if err != nil {
			break
		}
		if a <= at.Addr && at.Addr < a+uint64(in.size) {
			here = len(all)
		}
		all = append(all, in)
		if here >= 0 && len(all) > here+codeBehind {
			break
		}
		a += uint64(in.size)
	}
	if here < 0 {
		return []string{fmt.Sprintf("no instruction of %s is at %#x", c.name, at.Addr)}
	}
	var out []string
	for i := max(here-codeBefore, 0); i < len(all); i++ {
		mark := "  "
		if i == here {
			mark = "▸ "
		}
		out = append(out, fmt.Sprintf("%s%x  %s", mark, all[i].addr, all[i].text))
	}
	return out
}

// decode decodes the instruction at an address of the program's file.
func (c *component) decode(addr uint64) (instruction, error) {
	if !c.hasText(addr) {
		return instruction{}, fmt.Errorf("%#x is not in the text of %s", addr, c.name)
	}
	buf := make([]byte, 16)
	for len(buf) > 0 && c.file.ReadFile(addr, buf) != nil {
		buf = buf[:len(buf)-1]
	}
	name := func(a uint64) (string, uint64) {
		fn, off, ok := c.file.FunctionAt(a)
		if !ok {
			return "", 0
		}
		return Place{Function: fn}.Bare().Function, a - off
	}
	switch c.file.Machine() {
	case elf.EM_X86_64:
		in, err := x86asm.Decode(buf, 64)
		if err != nil {
			return instruction{}, fmt.Errorf("decoding the instruction at %#x: %w", addr, err)
		}
		return instruction{addr, in.Len, x86asm.GNUSyntax(in, addr, name)}, nil
	case elf.EM_ARM:
		in, err := armasm.Decode(buf, armasm.ModeARM)
		if err != nil {
			return instruction{addr, 4, "?"}, nil // data between functions
		}
		return instruction{addr, 4, armasm.GNUSyntax(in)}, nil
	}
	return instruction{}, fmt.Errorf("instructions of %v are not known", c.file.Machine())
}
