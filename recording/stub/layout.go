package stub

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
)

// register is one register of the target description.
type register struct {
	name string
	bits int
	typ  string // of gdb's, or of the feature's types
}

// feature is a group of registers that gdb knows by a name. It wants all of
// them, recorded or not.
type feature struct {
	name      string
	types     string // XML that defines types of its registers
	always    bool   // gdb takes no description without it; else it counts if one of it was recorded
	registers []block
}

// block is registers of one type.
type block struct {
	typ   string
	bits  int
	names string // with spaces between
}

// architecture is what gdb must be told of a processor.
type architecture struct {
	name     string // gdb's
	word     int    // bits of a register that no feature has
	features []feature
}

// architectures are the processors that recordings are of; features are those
// of gdb's manual, G.5.
var architectures = map[elf.Machine]architecture{
	elf.EM_X86_64: {"i386:x86-64", 64, []feature{
		{"org.gnu.gdb.i386.core", eflagsType, true, []block{
			{"int64", 64, "rax rbx rcx rdx rsi rdi"}, {"data_ptr", 64, "rbp rsp"}, {"int64", 64, "r8 r9 r10 r11 r12 r13 r14 r15"},
			{"code_ptr", 64, "rip"}, {"i386_eflags", 32, "eflags"}, {"int32", 32, "cs ss ds es fs gs"},
			{"i387_ext", 80, "st0 st1 st2 st3 st4 st5 st6 st7"}, {"int", 32, "fctrl fstat ftag fiseg fioff foseg fooff fop"},
		}},
		{"org.gnu.gdb.i386.sse", xmmTypes, true, []block{
			{"vec128", 128, "xmm0 xmm1 xmm2 xmm3 xmm4 xmm5 xmm6 xmm7 xmm8 xmm9 xmm10 xmm11 xmm12 xmm13 xmm14 xmm15"},
			{"int", 32, "mxcsr"},
		}},
		{"org.gnu.gdb.i386.segments", "", false, []block{{"int", 64, "fs_base gs_base"}}},
	}},
	elf.EM_ARM: {"arm", 32, []feature{
		{"org.gnu.gdb.arm.core", "", true, []block{
			{"uint32", 32, "r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12"}, {"data_ptr", 32, "sp"}, {"uint32", 32, "lr"},
			{"code_ptr", 32, "pc"}, {"uint32", 32, "cpsr"},
		}},
	}},
	elf.EM_AARCH64: {"aarch64", 64, []feature{
		{"org.gnu.gdb.aarch64.core", "", true, []block{
			{"int", 64, "x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30"},
			{"data_ptr", 64, "sp"}, {"code_ptr", 64, "pc"}, {"uint32", 32, "cpsr"},
		}},
	}},
}

// eflagsType lets gdb print the flags by name.
const eflagsType = `<flags id="i386_eflags" size="4">` +
	`<field name="CF" start="0" end="0"/><field name="" start="1" end="1"/><field name="PF" start="2" end="2"/>` +
	`<field name="AF" start="4" end="4"/><field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/>` +
	`<field name="TF" start="8" end="8"/><field name="IF" start="9" end="9"/><field name="DF" start="10" end="10"/>` +
	`<field name="OF" start="11" end="11"/><field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/>` +
	`<field name="VM" start="17" end="17"/><field name="AC" start="18" end="18"/><field name="VIF" start="19" end="19"/>` +
	`<field name="VIP" start="20" end="20"/><field name="ID" start="21" end="21"/></flags>`

// xmmTypes are the views of an SSE register.
const xmmTypes = `<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>` +
	`<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>` +
	`<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>` +
	`<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>` +
	`<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>` +
	`<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>`

// otherRegisters is the feature of the registers that gdb has no feature for,
// such as control registers.
const otherRegisters = "thaw.recorded"

// maxOthers bounds them: an answer with all registers must fit a packet.
const maxOthers = 128

// maxName bounds a register's name, in bytes.
const maxName = 64

// Layout is a target description, the same at all stops, and how registers lie in an
// answer with all of them.
type Layout struct {
	arch     string
	features []laidFeature
}

type laidFeature struct {
	name, types string
	registers   []register
}

// NewLayout describes a processor with the registers that were seen of it: those of each
// processor at each stop.
func NewLayout(machine elf.Machine, seen ...[]kernel.Register) (*Layout, error) {
	arch, ok := architectures[machine]
	if !ok {
		return nil, fmt.Errorf("processor %v is not one that gdb can be told of (x86_64 and ARM are)", machine)
	}
	names, bits := recordedNames(seen, arch.word)
	l := &Layout{arch: arch.name}
	described := map[string]bool{}
	for _, f := range arch.features {
		laid := laidFeature{name: f.name, types: f.types}
		for _, b := range f.registers {
			for name := range strings.FieldsSeq(b.names) {
				laid.registers = append(laid.registers, register{name, b.bits, b.typ})
			}
		}
		wasRecorded := func(r register) bool { return bits[r.name] > 0 }
		if !f.always && !slices.ContainsFunc(laid.registers, wasRecorded) {
			continue
		}
		for _, r := range laid.registers {
			described[r.name] = true
		}
		l.features = append(l.features, laid)
	}
	others := laidFeature{name: otherRegisters}
	for _, name := range names {
		if !described[name] && len(others.registers) < maxOthers {
			others.registers = append(others.registers, register{name, bits[name], fmt.Sprintf("uint%d", bits[name])})
		}
	}
	if len(others.registers) > 0 {
		l.features = append(l.features, others)
	}
	return l, nil
}

// Arch is the architecture's name in gdb.
func (l *Layout) Arch() string { return l.arch }

// WithoutOthers leaves out registers that debuggers have no feature for. gdb asks for one
// description only; of further processes it expects what the processor's usual one has,
// and takes no answer that is longer.
func (l *Layout) WithoutOthers() *Layout {
	out := *l
	out.features = slices.DeleteFunc(slices.Clone(l.features), func(f laidFeature) bool { return f.name == otherRegisters })
	return &out
}

// recordedNames lists the registers of all stops in order, with the bits that
// their values take: a word, or 64.
func recordedNames(seen [][]kernel.Register, word int) (names []string, bits map[string]int) {
	bits = map[string]int{}
	for _, registers := range seen {
		for _, r := range registers {
			if r.Name == "" || len(r.Name) > maxName {
				continue // no debugger would take it
			}
			if bits[r.Name] == 0 {
				names = append(names, r.Name)
				bits[r.Name] = word
			}
			if word < 64 && r.Value>>word != 0 {
				bits[r.Name] = 64
			}
		}
	}
	return names, bits
}

// Document is the target description as gdb reads it.
func (l *Layout) Document() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0"><architecture>%s</architecture>`, l.arch)
	for _, f := range l.features {
		fmt.Fprintf(&b, "\n<feature name=%q>%s", f.name, f.types)
		for _, r := range f.registers {
			b.WriteString("\n<reg name=\"")
			_ = xml.EscapeText(&b, []byte(r.name)) // a Buffer takes everything
			fmt.Fprintf(&b, `" bitsize="%d" type="%s"/>`, r.bits, r.typ)
		}
		b.WriteString("\n</feature>")
	}
	b.WriteString("\n</target>\n")
	return b.Bytes()
}

// Bytes lays registers out as a g packet has them, and says which bytes are
// known.
func (l *Layout) Bytes(recorded []kernel.Register) (values []byte, known []bool) {
	value := make(map[string]uint64, len(recorded))
	for _, r := range recorded {
		value[r.Name] = r.Value
	}
	for _, f := range l.features {
		for _, r := range f.registers {
			v, ok := value[r.name]
			ok = ok && r.bits <= 64
			p := make([]byte, max(r.bits/8, 8))
			if ok {
				binary.LittleEndian.PutUint64(p, v)
			}
			values = append(values, p[:r.bits/8]...)
			for range r.bits / 8 {
				known = append(known, ok)
			}
		}
	}
	return values, known
}

// Find says which of those bytes are the register of a number, false if none has it.
func (l *Layout) Find(number int) (from, to int, ok bool) {
	for _, f := range l.features {
		for _, r := range f.registers {
			if to = from + r.bits/8; number == 0 {
				return from, to, true
			}
			from, number = to, number-1
		}
	}
	return 0, 0, false
}
