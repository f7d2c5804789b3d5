package debuginfo

// Supposed is the place where a function is entered in a program that does not run:
// names and types there are those of the program, values are none. Every byte of every
// register and of memory is the same, and not 0, so that an expression can be evaluated
// to see whether it can be. Function picks one of those
// around pc, as in Scope.
func Supposed(f *File, pc uint64, function string) Scope {
	return Scope{File: f, Mem: supposition{}, Regs: supposition{}, PC: pc, Function: function}
}

// supposedByte is supposed to stand everywhere: as a pointer it leads to the lower half
// of the addresses, and as a number it is small enough to count with.
const supposedByte = 0x10

type supposition struct{}

// ReadMemory implements Memory. Every byte is the same: whatever is read of it is not 0.
func (supposition) ReadMemory(_ uint64, buf []byte) error {
	for i := range buf {
		buf[i] = supposedByte
	}
	return nil
}

// Uint64 implements Registers.
func (supposition) Uint64(string) (uint64, bool) { return 0x1010101010101010, true }
