package session

import (
	"bufio"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/arch/arm/armasm"
	"golang.org/x/arch/x86/x86asm"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/readfile"
	"thaw/session/view"
)

// How much of the code around a place is shown.
const (
	sourceAround = 6  // lines before and behind
	codeBefore   = 8  // instructions
	codeBehind   = 12 // instructions
	maxFunction  = 1 << 16
	maxSource    = 16 << 20 // bytes of a source file
)

// askCode shows source lines and instructions where a thread is in user mode, at
// an address of a task, or else where the stopped processor is. Source files are
// looked for where the debug info says that they were.
func (e *Engine) askCode(s *view.Snapshot, p *view.Peek) error {
	at, c := s.PC, e.componentHere(s.System)
	switch q := p.Query; {
	case q.Addr != 0 && q.Task == 0:
		at = c.place(q.Addr)
	case q.Addr != 0:
		o := s.System.Object(q.Task)
		if o == nil || o.PD == nil {
			return fmt.Errorf("task %s is not there any more", q.Task)
		}
		c = e.programAt(s.System, o, q.Addr)
		at = c.place(q.Addr)
	case q.Thread != 0:
		o, task, err := userThread(s, q.Thread)
		if err != nil {
			return err
		}
		at, c = s.Places[o.ID], e.programAt(s.System, task, o.Thread.IP)
	}
	if c == nil {
		return fmt.Errorf("there is no debug info for the program at %#x", at.Addr)
	}
	p.Title = at.Bare().String()
	p.Text = append(p.Text, sourceLines(at, e.sources)...)
	p.Text = append(p.Text, "")
	p.Text = append(p.Text, c.instructions(at)...)
	return nil
}

// userThread is a thread that was in user mode, and its task.
func userThread(s *view.Snapshot, id kernel.ID) (thread, task *kernel.Object, err error) {
	o := s.System.Object(id)
	if o == nil || o.Thread == nil {
		return nil, nil, fmt.Errorf("thread %s is not there any more", id)
	}
	task = s.System.Object(o.Thread.PD)
	if o.Thread.Source == kernel.SourceNone || task == nil || task.PD == nil {
		return nil, nil, fmt.Errorf("thread %s %s never was in user mode", id, o.Title())
	}
	return o, task, nil
}

// askStack unwinds the stack of a thread in user mode, by its saved registers.
func (e *Engine) askStack(s *view.Snapshot, p *view.Peek) error {
	id := p.Query.Thread
	if id == 0 || id == s.Thread {
		p.Title = "backtrace of the processor"
		p.Frames = withCode(s.Frames, 0)
		return nil
	}
	o, task, err := userThread(s, id)
	if err != nil {
		return err
	}
	p.Title = stackTitle(o)
	frames, err := e.stackOf(s, o, task, memory.NewView(e.target, memory.SharedBlock, nil))
	p.Frames = withCode(frames, task.ID)
	return err
}

func stackTitle(thread *kernel.Object) string {
	return fmt.Sprintf("backtrace of %s %s", thread.Title(), thread.ID)
}

// stackOf unwinds the stack of a thread in user mode.
func (e *Engine) stackOf(s *view.Snapshot, o, task *kernel.Object, phys memory.Reader) ([]view.Frame, error) {
	c := e.programAt(s.System, task, o.Thread.IP)
	if c == nil {
		return nil, fmt.Errorf("there is no debug info for the program at %#x", o.Thread.IP)
	}
	regs := savedRegisters{{Name: e.arch.IP, Value: o.Thread.IP}, {Name: e.arch.SP, Value: o.Thread.SP}}
	scope := debuginfo.Scope{File: c.file, Mem: memory.NewSpace(phys, e.m.Paging, task.PD.Root), Regs: append(regs, o.Thread.Registers...), PC: o.Thread.IP}
	return framesOf(scope, c), nil
}

// withCode tells where the code of each frame is. A return address may lie
// behind its function.
func withCode(frames []view.Frame, task kernel.ID) []view.PeekFrame {
	out := make([]view.PeekFrame, len(frames))
	for i, f := range frames {
		out[i].Frame = f
		if at := f.Place.Addr; at != 0 {
			if i > 0 && at != frames[0].Place.Addr {
				at--
			}
			out[i].Leads = view.Query{Kind: view.QueryCode, Task: task, Addr: at}
		}
	}
	return out
}

// savedRegisters are a thread's, by name.
type savedRegisters []kernel.Register

// Uint64 implements debuginfo.Registers.
func (r savedRegisters) Uint64(name string) (uint64, bool) { return kernel.RegisterIn(r, name) }

// sourceLines are the lines around a place, the one that is meant marked; or
// why there are none.
func sourceLines(at view.Place, dirs []string) []string {
	if at.File == "" {
		return []string{"no source line is known"}
	}
	f, err := openSource(at.File, dirs)
	if err != nil {
		return []string{fmt.Sprintf("%s:%d (the file is not here; --source names a directory to look in)", at.File, at.Line)}
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() > maxSource {
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

// openSource opens a source file where it was when the program was built, or else
// in one of the directories: under its whole name, or without leading parts of
// that.
func openSource(name string, dirs []string) (*os.File, error) {
	f, first := readfile.Open(name)
	if first == nil {
		return f, nil
	}
	for _, dir := range dirs {
		for rest := strings.TrimLeft(filepath.ToSlash(name), "/"); rest != ""; _, rest, _ = strings.Cut(rest, "/") {
			if !filepath.IsLocal(rest) {
				continue
			}
			if f, err := readfile.Open(filepath.Join(dir, rest)); err == nil {
				return f, nil
			}
		}
	}
	return nil, first
}

// instruction is one decoded instruction.
type instruction struct {
	addr uint64
	size int
	text string
}

// instructions are those around a place. They are decoded from the beginning of
// its function, since x86's have no fixed length.
func (c *component) instructions(at view.Place) []string {
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
		return view.Place{Function: fn}.Bare().Function, a - off
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
