package arch

import (
	"debug/elf"
	"encoding/binary"

	"golang.org/x/arch/x86/x86asm"
)

// ReturnsAtOnce says whether the instructions that a function begins with are all that it
// does, and do nothing: they return, and write to no memory but a frame of their own.
// false says nothing: more instructions would have to be understood.
func (a Arch) ReturnsAtOnce(code []byte) bool {
	switch a.machine {
	case elf.EM_X86_64:
		return emptyX86(code)
	case elf.EM_AARCH64:
		return emptyARM64(code)
	}
	return false
}

// emptyARM64 looks for a return behind hints, such as those for branches' targets.
func emptyARM64(code []byte) bool {
	for ; len(code) >= 4; code = code[4:] {
		switch w := binary.LittleEndian.Uint32(code); {
		case w == 0xd65f_03c0: // ret
			return true
		case w&0xffff_f01f != 0xd503_201f:
			return false
		}
	}
	return false
}

// emptyX86 follows instructions to the return. Without optimisation a function makes a
// frame, and puts its arguments there.
func emptyX86(code []byte) bool {
	const none, pushed, framed = 0, 1, 2 // of the frame pointer
	frame := none
	for len(code) > 0 {
		if len(code) >= len(endbr64) && string(code[:len(endbr64)]) == endbr64 {
			code = code[len(endbr64):]
			continue
		}
		in, err := x86asm.Decode(code, 64)
		if err != nil || !plain(in) {
			return false
		}
		code = code[in.Len:]
		to, inFrame := in.Args[0].(x86asm.Mem)
		_, reg := in.Args[1].(x86asm.Reg)
		inFrame = inFrame && reg && frame == framed && to.Segment == 0 && to.Base == x86asm.RBP && to.Index == 0 && int32(to.Disp) < 0
		switch {
		case in.Op == x86asm.NOP:
		case in.Op == x86asm.RET && frame == none:
			return true
		case in.Op == x86asm.PUSH && in.Args[0] == x86asm.RBP && frame == none:
			frame = pushed
		case in.Op == x86asm.MOV && in.Args[0] == x86asm.RBP && in.Args[1] == x86asm.RSP && frame == pushed:
			frame = framed
		case in.Op == x86asm.MOV && inFrame:
		case in.Op == x86asm.POP && in.Args[0] == x86asm.RBP && frame != none, in.Op == x86asm.LEAVE && frame == framed:
			frame = none
		default:
			return false
		}
	}
	return false
}
