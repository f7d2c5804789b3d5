package origin

import (
	"fmt"
	"slices"
	"strings"
)

// effect is what an instruction of ARM does, of either width.
type effect struct {
	name   string
	loads  []access // in the order of memory
	stores []access
	known  bool // that the addresses are
	apart  bool // it writes nothing else to memory

	to, from operand  // a copy between registers
	constant *uint64  // or the value that to becomes
	changes  []string // registers that become something else
	all      bool     // these are all registers that it changes
}

// access is a piece of memory that is loaded or stored at once.
type access struct {
	addr, size uint64
	reg        operand // with which register; none where that is not looked at
}

// operand is a register or a part of it: the whole one's name, and how wide that is. One
// that is always 0 has a width and no name.
type operand struct {
	name string
	size uint64
}

func (e *effect) text() string { return e.name }

func (e *effect) writes() Write {
	w := Write{Known: e.apart}
	for _, a := range e.stores {
		w.Size += a.size
	}
	if w.Size > 0 && e.known {
		w.Addr = e.stores[0].addr
	}
	w.Known = w.Known && (w.Size == 0 || e.known)
	return w
}

func (e *effect) stored(off, size uint64) found {
	for _, a := range e.stores {
		switch {
		case off >= a.size:
			off -= a.size
		case off+size > a.size:
			return notKnown("%s stores it out of several registers", e.name)
		case a.reg.size == 0:
			return notKnown("what %s stores is not looked at", e.name)
		default:
			return a.reg.holds(off, size)
		}
	}
	return notKnown("what %s stores is not told apart", e.name)
}

// holds is where bytes are that an operand has.
func (o operand) holds(off, size uint64) found {
	switch o.name {
	case "":
		return computed("zero, of the register that is always 0")
	case "pc":
		return computed("the address of the code")
	}
	return inRegister(o.name, off, size)
}

func (e *effect) sets(name string, off, size uint64) (found, bool) {
	for _, a := range e.loads {
		switch {
		case a.reg.name != name:
		case !e.known:
			return notKnown("the address that %s reads is not known", e.name), true
		case off+size > a.size:
			return computed("by %s, which fills up what it loads", e.name), true
		default:
			return inMemory(a.addr + off), true
		}
	}
	switch {
	case e.to.name == name && e.constant != nil:
		return computed("a constant of the code (%#x)", *e.constant), true
	case e.to.name == name && off+size > min(e.to.size, e.from.size):
		return computed("by %s, which fills up what it copies", e.name), true
	case e.to.name == name:
		return e.from.holds(off, size), true
	}
	if slices.Contains(e.changes, name) {
		return computed("by %s", e.name), true
	}
	if !e.all {
		return notKnown("%s may change %s", e.name, name), true
	}
	return found{}, false
}

// unit is how much a load or store takes for each register: 0 for all of it.
type unit struct {
	size   uint64
	status bool // the first register becomes whether it was done
}

// transfers are the loads and stores of single registers and of two.
var transfers = table[unit]{
	{}:                      "LDR LDRT LDRD LDREX LDREXD LDUR LDTR LDP LDNP LDAR LDXR LDAXR LDXP LDAXP STR STRT STRD STUR STTR STP STNP STLR",
	{size: 1}:               "LDRB LDRBT LDRSB LDRSBT LDREXB LDURB LDURSB LDTRB LDTRSB LDARB LDXRB LDAXRB STRB STRBT STURB STTRB STLRB",
	{size: 2}:               "LDRH LDRHT LDRSH LDRSHT LDREXH LDURH LDURSH LDTRH LDTRSH LDARH LDXRH LDAXRH STRH STRHT STURH STTRH STLRH",
	{size: 4}:               "LDRSW LDURSW LDTRSW LDPSW",
	{status: true}:          "STREX STREXD STXR STLXR STXP STLXP",
	{size: 1, status: true}: "STREXB STXRB STLXRB",
	{size: 2, status: true}: "STREXH STXRH STLXRH",
}.byName()

// narrowing are copies of so many of a register's lowest bytes.
var narrowing = table[uint64]{1: "UXTB SXTB", 2: "UXTH SXTH", 4: "SXTW"}.byName()

// does says which registers an instruction changes that leaves memory alone.
type does int

const (
	nothing  does = iota + 1 // flags at most
	computes                 // the first operand, by others
	twice                    // the first two
	calls                    // the register that is returned by
)

// silently is what instructions of both widths do that leave memory alone.
var silently = table[does]{
	nothing: "B BX BXJ BR RET CBZ CBNZ TBZ TBNZ CMP CMN TST TEQ CCMP CCMN CLREX DMB DSB ISB NOP DBG HINT SEV SEVL WFE WFI YIELD " +
		"PLD PLI PRFM PRFUM MSR VMSR VCMP FCMP FCMPE IC TLBI HLT BRK BKPT SVC ERET",
	computes: "ADC ADCS ADD ADDS ADR ADRP AND ANDS ASR ASRV BFC BFI BFM BFXIL BIC BICS CINC CINV CLS CLZ CNEG CSEL CSET CSETM CSINC CSINV CSNEG " +
		"EON EOR EXTR LSL LSLV LSR LSRV MADD MLA MLS MNEG MOVK MOVT MRS MSUB MUL MVN NEG NEGS NGC NGCS ORN ORR PKHBT PKHTB RBIT REV REV16 REV32 REVSH " +
		"ROR RORV RRX RSB RSC SBC SBCS SBFIZ SBFM SBFX SDIV SMADDL SMMUL SMNEGL SMSUBL SMULH SMULBB SMULBT SMULTB SMULTT SUB SUBS SXTAB SXTAH SYSL " +
		"UBFIZ UBFM UBFX UDIV UMADDL UMNEGL UMSUBL UMULH UXTAB UXTAH VMRS MOVN MOVZ MOVW MOV UXTB UXTH SXTB SXTH SXTW",
	twice: "UMULL UMLAL UMAAL SMULL SMLAL",
	calls: "BL BLX BLR",
}.byName()

// table tells names of instructions by what they are.
type table[T comparable] map[T]string

func (t table[T]) byName() map[string]T {
	out := map[string]T{}
	for what, names := range t {
		for n := range strings.FieldsSeq(names) {
			out[n] = what
		}
	}
	return out
}

// transfer is the effect of loads or stores one behind the other, each with a register. The
// one that says whether it was done stands first.
func (e *effect) transfer(stores bool, u unit, regs []operand, addr uint64, known bool) {
	if u.status {
		e.changes, regs = append(e.changes, regs[0].name), regs[1:]
	}
	var all []access
	for _, r := range regs {
		a := access{addr, u.size, r}
		if a.size == 0 {
			a.size = r.size
		}
		all, addr = append(all, a), addr+a.size
	}
	if e.known, e.apart, e.all = known, true, true; stores {
		e.stores = all
	} else {
		e.loads = all
	}
}

// quietly is the effect of what leaves memory alone; link is the register that calls set.
func (e *effect) quietly(d does, regs []operand, link string) {
	e.apart, e.all = d != 0, d != 0
	switch {
	case d == calls:
		e.changes = append(e.changes, link)
	case d == computes && len(regs) > 0:
		e.changes = append(e.changes, regs[0].name)
	case d == twice && len(regs) > 1:
		e.changes = append(e.changes, regs[0].name, regs[1].name)
	case d == computes, d == twice: // what it changes is no register that is known
		e.all = false
	}
}

// rename gives registers the names of those that they are in a mode: in accesses of memory,
// and else.
func (e *effect) rename(moved, own func(name string) string) {
	for _, all := range [][]access{e.loads, e.stores} {
		for i := range all {
			all[i].reg.name = moved(all[i].reg.name)
		}
	}
	e.to.name, e.from.name = own(e.to.name), own(e.from.name)
	for i, n := range e.changes {
		e.changes[i] = own(n)
	}
}

// becomes is the effect of a constant.
func (e *effect) becomes(to operand, v uint64) { e.to, e.constant = to, &v }

// Flags of the processor, as in cpsr.
const (
	flagN = 1 << (31 - iota)
	flagZ
	flagC
	flagV
)

// holds says whether a condition does, by its number in instructions.
func holds(cond uint32, flags uint64) bool {
	n, z, c, v := flags&flagN != 0, flags&flagZ != 0, flags&flagC != 0, flags&flagV != 0
	is := [...]bool{z, c, n, v, c && !z, n == v, !z && n == v, true}[cond>>1&7]
	return is != (cond&1 == 1 && cond < 14)
}

// numbered names a register by its number.
func numbered(letter string, n int) string { return fmt.Sprintf("%s%d", letter, n) }
