package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"sync"

	"github.com/go-delve/delve/pkg/dwarf/loclist"

	"thaw/debuginfo/index"
	"thaw/words"
)

// errOptimisedOut says that debug info has no place for a variable at an
// address.
var errOptimisedOut = errors.New("optimised out")

// pieceKind says where a part of a variable stands.
type pieceKind uint8

const (
	pieceGone   pieceKind = iota // optimised out
	pieceMemory                  // at an address
	pieceReg                     // in a register
	pieceValue                   // known without any place
)

// piece is a part of a variable. Size 0 means all of it.
type piece struct {
	kind  pieceKind
	val   uint64 // address, register number or value
	bytes []byte // a value that is given as bytes
	size  uint64
}

// locationTable holds the location lists of a file, read on the first question.
type locationTable struct {
	f    *index.File
	once sync.Once
	v4   *loclist.Dwarf2Reader
	v5   *loclist.Dwarf5Reader
	raw5 []byte
}

func (t *locationTable) load() {
	t.once.Do(func() {
		if b := t.f.Section(".debug_loc"); len(b) > 0 {
			t.v4 = loclist.NewDwarf2Reader(b, t.f.PtrSize())
		}
		if b := t.f.Section(".debug_loclists"); len(b) > 16 {
			t.v5, t.raw5 = loclist.NewDwarf5Reader(b), b
		}
	})
}

// at picks the location expression that holds at pc: a plain one, or that of a list.
// Lists is set when it came from a list.
func (t *locationTable) at(v any, owner dwarf.Offset, pc uint64) (expr []byte, list bool, err error) {
	defer t.f.Guard(&err)
	if expr, plain := v.([]byte); plain {
		return expr, false, nil
	}
	var off int64
	u := t.f.UnitAt(owner)
	t.load()
	switch v := v.(type) {
	case int64:
		off = v
	case uint64: // index in the unit's table
		if off, err = t.index(u, v); err != nil {
			return nil, true, err
		}
	default:
		return nil, false, errOptimisedOut
	}
	var e *loclist.Entry
	switch {
	case t.v5 != nil && t.isV5(u):
		e, err = t.v5.Find(int(off), 0, u.Low, pc, nil)
	case t.v4 != nil:
		// The reader is a cursor over shared state: use one of our own.
		e, err = loclist.NewDwarf2Reader(t.f.Section(".debug_loc"), t.f.PtrSize()).Find(int(off), 0, u.Low, pc, nil)
	}
	if err != nil {
		return nil, true, fmt.Errorf("reading a location list at %#x: %w", off, err)
	}
	if e == nil || len(e.Instr) == 0 {
		return nil, true, errOptimisedOut
	}
	return e.Instr, true, nil
}

// isV5 tells the DWARF version of a unit, where a file has lists of both.
func (t *locationTable) isV5(u index.Unit) bool {
	if t.v4 == nil {
		return true
	}
	// The version stands behind the unit's length, in front of its first entry:
	// 12 bytes for DWARF 5, 11 before (32-bit DWARF).
	info := t.f.Section(".debug_info")
	at := int(u.Off) - 12
	return at >= 0 && at+6 <= len(info) && t.f.ByteOrder().Uint16(info[at+4:]) == 5
}

// index turns DW_FORM_loclistx into an offset: a table of 4-byte offsets stands at the
// unit's DW_AT_loclists_base.
func (t *locationTable) index(u index.Unit, i uint64) (int64, error) {
	const attrLoclistsBase = dwarf.Attr(0x8c)
	base, _ := u.Entry.Val(attrLoclistsBase).(int64)
	at := base + int64(i)*4
	if i > 1<<24 || at < 0 || at+4 > int64(len(t.raw5)) {
		return 0, fmt.Errorf("location list %d is outside of its table", i)
	}
	return base + int64(t.f.ByteOrder().Uint32(t.raw5[at:])), nil
}

// frame is what location expressions refer to. Lookups are asked for only when
// an expression needs them.
type frame struct {
	f         *File
	mem       Memory
	regs      Registers
	cfa       func() (uint64, error)
	frameBase func() (uint64, error)
	entry     func(expr []byte) (uint64, error) // DW_OP_entry_value
}

// register reads a register by its DWARF number.
func (fr *frame) register(num uint64) (uint64, error) {
	name := fr.f.arch.name(num)
	if name == "" {
		return 0, fmt.Errorf("register number %d of %v has no name", num, fr.f.Machine())
	}
	if fr.regs != nil {
		if v, ok := fr.regs.Uint64(name); ok {
			return v, nil
		}
	}
	return 0, fmt.Errorf("register %s is not known here", name)
}

// readUint reads an unsigned integer of up to 8 bytes from memory.
func (fr *frame) readUint(addr uint64, size int) (uint64, error) {
	if fr.mem == nil {
		return 0, fmt.Errorf("reading %s at %#x: no memory given", words.Count(size, "byte"), addr)
	}
	if size < 1 || size > 8 {
		return 0, fmt.Errorf("reading an integer of %d bytes at %#x", size, addr)
	}
	var buf [8]byte
	if err := fr.mem.ReadMemory(addr, buf[:size]); err != nil {
		return 0, fmt.Errorf("reading %s at %#x: %w", words.Count(size, "byte"), addr, err)
	}
	return fr.f.uintOf(buf[:size]), nil
}

// uintOf is the unsigned integer that up to 8 bytes spell in the file's order.
func (f *File) uintOf(b []byte) uint64 {
	var v uint64
	for i := range b {
		if i == 8 {
			break
		}
		if f.ByteOrder().String() == "BigEndian" {
			v = v<<8 | uint64(b[i])
		} else {
			v |= uint64(b[i]) << (8 * i)
		}
	}
	return v
}

// bytesOfUint is the opposite of uintOf.
func (f *File) bytesOfUint(v uint64, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		k := i
		if f.ByteOrder().String() == "BigEndian" {
			k = size - 1 - i
		}
		if i < 8 {
			b[k] = byte(v >> (8 * i))
		}
	}
	return b
}
