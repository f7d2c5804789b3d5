package debuginfo

import (
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	dwframe "github.com/go-delve/delve/pkg/dwarf/frame"

	"thaw/debuginfo/index"
)

// cfiTable is the call frame information of image and debug file, read on the
// first question.
type cfiTable struct {
	f    *index.File
	once sync.Once
	fdes dwframe.FrameDescriptionEntries
}

// entries reads .eh_frame and .debug_frame from both files: a separate debug
// file keeps the headers of sections whose contents stand in the program.
func (t *cfiTable) entries() dwframe.FrameDescriptionEntries {
	t.once.Do(func() {
		t.f.EachSection([]string{".eh_frame", ".debug_frame"}, func(s *elf.Section, data []byte) {
			t.fdes = t.fdes.Append(t.parse(data, s.Name, s.Addr))
		})
	})
	return t.fdes
}

// parse reads one section; a damaged one yields nothing.
func (t *cfiTable) parse(data []byte, name string, addr uint64) (out dwframe.FrameDescriptionEntries) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	if name == ".debug_frame" {
		addr = 0
	}
	fdes, err := dwframe.Parse(data, t.f.ByteOrder(), 0, t.f.PtrSize(), addr)
	if err != nil {
		return nil
	}
	for _, d := range fdes {
		if t.f.InText(d.Begin()) {
			out = append(out, d)
		}
	}
	return out
}

// unwound are the registers of a caller's frame.
type unwound map[string]uint64

// Uint64 implements Registers.
func (u unwound) Uint64(name string) (uint64, bool) {
	v, ok := u[name]
	return v, ok
}

// errNoCFI ends a backtrace.
type errNoCFI struct{ pc uint64 }

func (e *errNoCFI) Error() string { return fmt.Sprintf("no CFI for %#x", e.pc) }

// rules finds how to unwind at PC.
func (s *Scope) rules() (ctx *dwframe.FrameContext, err error) {
	defer s.File.Guard(&err)
	pc := s.lookupPC()
	fde, err := s.File.cfi.entries().FDEForPC(pc)
	if err != nil {
		return nil, &errNoCFI{s.PC}
	}
	return fde.EstablishFrame(pc)
}

// findCFA is the stack pointer before the call of the function at PC: at its
// entry by the calling convention, elsewhere by CFI.
func (s *Scope) findCFA() (uint64, error) {
	if s.CFA != 0 {
		return s.CFA, nil
	}
	if s.atEntry() {
		return s.entryCFA()
	}
	ctx, err := s.rules()
	if err == nil {
		return s.cfaBy(ctx)
	}
	return 0, fmt.Errorf("the frame at %#x is not known: %w", s.PC, err)
}

func (s *Scope) entryCFA() (uint64, error) {
	sp, err := s.register(s.File.arch.sp)
	if err != nil || s.File.arch.link != "" {
		return sp, err
	}
	return sp + uint64(s.File.PtrSize()), nil // the call pushed the return address
}

func (s *Scope) register(name string) (uint64, error) {
	if name == "" {
		return 0, fmt.Errorf("the registers of %v have no names here", s.File.Machine())
	}
	if s.Regs != nil {
		if v, ok := s.Regs.Uint64(name); ok {
			return v, nil
		}
	}
	return 0, fmt.Errorf("register %s is not known here", name)
}

// cfaBy computes the CFA from unwind rules.
func (s *Scope) cfaBy(ctx *dwframe.FrameContext) (uint64, error) {
	fr := &frame{f: s.File, mem: s.Mem, regs: s.Regs, cfa: noCFA, frameBase: noCFA}
	switch ctx.CFA.Rule {
	case dwframe.RuleCFA:
		v, err := fr.register(ctx.CFA.Reg)
		return s.File.wrap(v + uint64(ctx.CFA.Offset)), err
	case dwframe.RuleExpression:
		return fr.value(ctx.CFA.Expression)
	}
	return 0, fmt.Errorf("CFI for %#x has no rule for the CFA", s.PC)
}

func noCFA() (uint64, error) { return 0, errors.New("an unwind rule refers to itself") }

// errOutermost says that there is no caller.
var errOutermost = errors.New("this is the outermost function")

// callerScope unwinds one frame.
func (s *Scope) callerScope() (Scope, error) {
	ctx, err := s.rules()
	if err != nil {
		if s.atEntry() {
			return s.callerAtEntry()
		}
		return Scope{}, err
	}
	cfa, err := s.cfaBy(ctx)
	if err != nil {
		return Scope{}, err
	}
	if r := ctx.Regs[ctx.RetAddrReg]; r.Rule == dwframe.RuleUndefined && s.File.arch.link == "" {
		return Scope{}, errOutermost
	}
	regs := s.kept()
	fr := &frame{f: s.File, mem: s.Mem, regs: s.Regs, frameBase: noCFA, cfa: func() (uint64, error) { return cfa, nil }}
	for _, num := range slices.Sorted(maps.Keys(ctx.Regs)) {
		name := s.File.arch.name(num)
		if v, ok, err := fr.restore(ctx.Regs[num], num, cfa); err == nil && ok && name != "" {
			regs[name] = v
		} else if num == ctx.RetAddrReg && err != nil {
			return Scope{}, fmt.Errorf("reading the return address: %w", err)
		}
	}
	ret, ok := regs[s.File.arch.name(ctx.RetAddrReg)]
	if !ok {
		if ret, err = fr.register(ctx.RetAddrReg); err != nil {
			return Scope{}, err
		}
	}
	return s.callerAt(regs, ret, cfa), nil
}

// kept are the registers that calls preserve.
func (s *Scope) kept() unwound {
	regs := unwound{}
	if s.Regs == nil {
		return regs
	}
	for _, num := range s.File.arch.calleeSave {
		name := s.File.arch.name(num)
		if v, ok := s.Regs.Uint64(name); ok {
			regs[name] = v
		}
	}
	return regs
}

// restore reads a register of the caller; ok is false where the callee did not
// touch it.
func (fr *frame) restore(r dwframe.DWRule, num, cfa uint64) (v uint64, ok bool, err error) {
	switch r.Rule {
	case dwframe.RuleOffset:
		v, err = fr.readUint(fr.f.wrap(cfa+uint64(r.Offset)), fr.f.PtrSize())
	case dwframe.RuleValOffset:
		v = cfa + uint64(r.Offset)
	case dwframe.RuleRegister:
		v, err = fr.register(r.Reg)
	case dwframe.RuleExpression:
		var at uint64
		if at, err = fr.value(r.Expression); err == nil {
			v, err = fr.readUint(at, fr.f.PtrSize())
		}
	case dwframe.RuleValExpression:
		v, err = fr.value(r.Expression)
	default:
		return 0, false, nil
	}
	return v, err == nil, err
}

func (s *Scope) callerAtEntry() (Scope, error) {
	ret, cfa, err := s.returnAtEntry()
	if err != nil {
		return Scope{}, err
	}
	return s.callerAt(s.kept(), ret, cfa), nil
}

func (s *Scope) callerAt(regs unwound, ret, cfa uint64) Scope {
	if s.File.Machine() == elf.EM_ARM {
		ret &^= 1 // Thumb
	}
	regs[s.File.arch.pc], regs[s.File.arch.sp] = ret, cfa
	return Scope{File: s.File, Mem: s.Mem, Regs: regs, PC: ret, FileAt: s.FileAt, caller: true}
}

// returnAtEntry reads the return address by the calling convention.
func (s *Scope) returnAtEntry() (addr, sp uint64, err error) {
	a := s.File.arch
	cfa, err := s.entryCFA()
	if err != nil {
		return 0, 0, err
	}
	if a.link != "" {
		addr, err = s.register(a.link)
		if s.File.Machine() == elf.EM_ARM {
			addr &^= 1
		}
		return addr, cfa, err
	}
	fr := &frame{f: s.File, mem: s.Mem}
	addr, err = fr.readUint(cfa-uint64(s.File.PtrSize()), s.File.PtrSize())
	if err != nil {
		return 0, 0, fmt.Errorf("reading the return address: %w", err)
	}
	return addr, cfa, nil
}

// ReturnAddress tells where the function at PC returns to and what the stack
// pointer is then. At a function's entry the calling convention tells it,
// elsewhere CFI. An inlined copy does not return: it is the function around it
// that counts.
func (s Scope) ReturnAddress() (addr, sp uint64, err error) {
	if s.atEntry() {
		return s.returnAtEntry()
	}
	c, err := s.callerScope()
	if err != nil {
		return 0, 0, fmt.Errorf("finding where the function at %#x returns to: %w", s.PC, err)
	}
	return c.PC, c.stackPointer(), nil
}

// stackPointer is the stack pointer of a scope, 0 if it is not known.
func (s *Scope) stackPointer() uint64 {
	v, _ := s.register(s.File.arch.sp)
	return v
}

// Frame is one function in a backtrace.
type Frame struct {
	PC      uint64
	Func    string // qualified name, "" where none is known
	Offset  uint64 // of PC in the function that is not inlined
	File    string
	Line    int
	Inlined bool // a copy in the next frame that is not inlined
	// Scope evaluates in this frame.
	Scope Scope
}

// Backtrace lists the functions that are being executed, at most max of them,
// innermost first, and says why the list ends. It never guesses: without CFI it
// ends.
func (s Scope) Backtrace(max int) (frames []Frame, why string) {
	if max <= 0 || s.File == nil {
		return nil, "no functions are asked for"
	}
	for seen := map[[2]uint64]bool{}; why == ""; {
		sp, _ := s.register(s.File.arch.sp)
		key := [2]uint64{s.PC, sp}
		frames = append(frames, s.inlineFrames()...)
		next, err := s.callerScope()
		switch {
		case len(frames) >= max:
			why = fmt.Sprintf("only the innermost %d functions are shown", max)
		case seen[key]:
			why = fmt.Sprintf("unwinding ends here: the stack runs in circles at %#x", sp)
		case errors.Is(err, errOutermost), err == nil && next.PC == 0:
			why = errOutermost.Error()
		case err != nil:
			why = "unwinding ends here: " + err.Error()
		case !next.enterFile(next.PC - 1):
			why = fmt.Sprintf("unwinding ends here: the return address %#x is no code of %s", next.PC, s.File.Path())
		}
		seen[key] = true
		s = next
	}
	return frames[:min(len(frames), max)], why
}

// enterFile has the scope go on in the file with the code at an address. It says whether
// there is one.
func (s *Scope) enterFile(addr uint64) bool {
	if s.File.InText(addr) {
		return true
	}
	if s.FileAt == nil {
		return false
	}
	f := s.FileAt(addr)
	if f == nil || !f.InText(addr) {
		return false
	}
	s.File = f
	return true
}

// inlineFrames are the functions at one place.
func (s Scope) inlineFrames() []Frame {
	pc := s.lookupPC()
	file, line, _ := s.File.LineAt(pc)
	name, off, _ := s.File.FunctionAt(pc)
	if pc != s.PC {
		off++
	}
	blocks, _ := s.File.SafeBlocks(pc)
	var out []Frame
	for i := len(blocks) - 1; i > 0; i-- {
		b := blocks[i]
		if b.Fn == nil || s.atEntry() {
			continue // a function that was just called has run into no copy
		}
		in := s
		in.Function = b.Fn.Path()
		out = append(out, Frame{PC: s.PC, Func: b.Fn.Path(), Offset: off, File: file, Line: line, Inlined: true, Scope: in})
		file, line = s.File.callLine(b, file, line)
	}
	return append(out, Frame{PC: s.PC, Func: name, Offset: off, File: file, Line: line, Scope: s})
}
