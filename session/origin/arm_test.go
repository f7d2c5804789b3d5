package origin

import (
	"debug/elf"
	"encoding/binary"
	"maps"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// armSteps makes executed instructions of words as assemblers list them, each behind the
// one before; all find the same registers, but where a mode stands before a word: "1f:".
func armSteps(t *testing.T, m elf.Machine, regs map[string]uint64, words string) (out []Step) {
	t.Helper()
	for i, word := range strings.Fields(words) {
		has := maps.Clone(regs)
		if mode, rest, ok := strings.Cut(word, ":"); ok {
			v, err := strconv.ParseUint(mode, 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			word, has["cpsr"] = rest, has["cpsr"]&^0x1f|v
		}
		enc, err := strconv.ParseUint(word, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Step{Machine: m, IP: 0x1000 + 4*uint64(i), Code: binary.LittleEndian.AppendUint32(nil, uint32(enc)),
			Reg: func(n string) (uint64, bool) { v, ok := has[n]; return v, ok }})
	}
	return out
}

// What registers hold in these tests; the flag Z is not set.
var (
	regsA32 = map[string]uint64{"cpsr": 0x13, "r0": 0x11, "r1": 0x6000, "r2": 0xfffffffe, "r3": 0x22, "r8": 0x5000, "sp": 0x7000, "lr": 0x33}
	regsA64 = map[string]uint64{"cpsr": 5, "x0": 0x11, "x1": 0x6000, "x2": 0xfffffffe, "x3": 0x22, "x8": 0x5000, "sp": 0x7000}
)

func TestWritesARM(t *testing.T) {
	for _, c := range []struct {
		what, word string
		want       Write
	}{
		{"str r0, [r1, #8]", "e5810008", Write{0x6008, 4, true}},
		{"str r0, [r1, #-8]", "e5010008", Write{0x5ff8, 4, true}},
		{"str r0, [r1], #4", "e4810004", Write{0x6000, 4, true}},
		{"str r0, [r1, #4]!", "e5a10004", Write{0x6004, 4, true}},
		{"str r0, [r1, r2, lsl #2]", "e7810102", Write{0x5ff8, 4, true}},
		{"str r0, [r1, -r2]", "e7010002", Write{0x6002, 4, true}},
		{"str r0, [r1, r2, lsr #1]", "e78100a2", Write{0x80005fff, 4, true}},
		{"str r0, [r1, r2, asr #32]", "e7810042", Write{0x5fff, 4, true}},
		{"str r0, [r1, r2, ror #4]", "e7810262", Write{0xf0005fff, 4, true}},
		{"str r0, [r1, r2, rrx]", "e7810062", Write{0x80005fff, 4, true}},
		{"str r0, [pc, #8]", "e58f0008", Write{0x1010, 4, true}},
		{"strb r0, [r1, #3]", "e5c10003", Write{0x6003, 1, true}},
		{"strh r0, [r1, #2]!", "e1e100b2", Write{0x6002, 2, true}},
		{"strd r4, [r1, #16]", "e1c141f0", Write{0x6010, 8, true}},
		{"stmia r1!, {r0, r2, r3}", "e8a1000d", Write{0x6000, 12, true}},
		{"stmdb r1, {r0, r2}", "e9010005", Write{0x5ff8, 8, true}},
		{"stmib r1, {r0, r2}", "e9810005", Write{0x6004, 8, true}},
		{"stmda r1, {r0, r2}", "e8010005", Write{0x5ffc, 8, true}},
		{"push {r4, lr}", "e92d4010", Write{0x6ff8, 8, true}},
		{"push {r4}", "e52d4004", Write{0x6ffc, 4, true}},
		{"stmia r1, {sp, lr}^", "e8c16000", Write{0x6000, 8, true}},
		{"strex r2, r0, [r1]", "e1812f90", Write{0x6000, 4, true}},
		{"strexd r2, r4, [r1]", "e1a12f94", Write{0x6000, 8, true}},
		{"streq r0, [r1]: not executed", "05810000", Write{Known: true}},
		{"strne r0, [r1]", "15810000", Write{0x6000, 4, true}},
		{"vstr d8, [r1, #8]", "ed818b02", Write{0x6008, 8, true}},
		{"vstr s3, [r1]", "edc11a00", Write{0x6000, 4, true}},
		{"str r0, [r5]: r5 is not known", "e5850000", Write{Size: 4}},
		{"ldr r0, [r5]", "e5950000", Write{Known: true}},
		{"ldm r1, {r2, r3}", "e891000c", Write{Known: true}},
		{"mcr p15, 0, r0, c7, c10, 4", "ee070f9a", Write{Known: true}},
		{"cpsid i", "f10c0080", Write{Known: true}},
		{"bl", "eb000000", Write{Known: true}},
		{"vstmia r1!, {d0-d3}", "eca10b08", Write{0x6000, 32, true}},
		{"vpush {d8-d9}", "ed2d8b04", Write{0x6ff0, 16, true}},
		{"vpush {s16}", "ed2d8a01", Write{0x6ffc, 4, true}},
		{"vstmia r8, of more than there are", "ecc84b86", Write{}},
		{"vldmia r1!, {d0-d3}", "ecb10b08", Write{Known: true}},
		{"srsdb sp!, #19", "f96d0513", Write{0x6ff8, 8, true}},
		{"srsia sp!, #19", "f8ed0513", Write{0x7000, 8, true}},
		{"srsib sp, #19", "f9cd0513", Write{0x7004, 8, true}},
		{"srsda sp, #19", "f84d0513", Write{0x6ffc, 8, true}},
		{"srsdb sp!, #19 in another mode", "1b:f96d0513", Write{Size: 8}},
		{"rfedb lr", "f91e0a00", Write{Known: true}},
		{"vmov d0, r0, r1", "ec410b10", Write{}},
		{"swp r0, r2, [r1]", "e1010092", Write{}},
		{"Thumb", "33:e5810008", Write{}},
	} {
		if got := armSteps(t, elf.EM_ARM, regsA32, c.word)[0].Writes(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
	for _, c := range []struct {
		what, word string
		want       Write
	}{
		{"str x0, [x1, #8]", "f9000420", Write{0x6008, 8, true}},
		{"str w0, [x1, #8]", "b9000820", Write{0x6008, 4, true}},
		{"stur x0, [x1, #-8]", "f81f8020", Write{0x5ff8, 8, true}},
		{"str x0, [x1], #8", "f8008420", Write{0x6000, 8, true}},
		{"str x0, [x1, #8]!", "f8008c20", Write{0x6008, 8, true}},
		{"str x0, [x1, x2]", "f8226820", Write{0x100005ffe, 8, true}},
		{"str x0, [x1, x2, lsl #3]", "f8227820", Write{0x800005ff0, 8, true}},
		{"str w0, [x1, w2, uxtw #2]", "b8225820", Write{0x400005ff8, 4, true}},
		{"str x0, [x1, w2, sxtw]", "f822c820", Write{0x5ffe, 8, true}},
		{"strb w0, [x1, x2]", "38226820", Write{0x100005ffe, 1, true}},
		{"strh w0, [x1, #6]", "79000c20", Write{0x6006, 2, true}},
		{"stp x0, x3, [x1, #-16]!", "a9bf0c20", Write{0x5ff0, 16, true}},
		{"stp x0, x3, [sp, #16]", "a9010fe0", Write{0x7010, 16, true}},
		{"stp w0, w3, [x1], #8", "28810c20", Write{0x6000, 8, true}},
		{"stnp x0, x3, [x1, #16]", "a8010c20", Write{0x6010, 16, true}},
		{"str q0, [x1, #16]", "3d800420", Write{0x6010, 16, true}},
		{"stp q0, q1, [x1, #32]", "ad010420", Write{0x6020, 32, true}},
		{"stur d0, [x1, #-3]", "fc1fd020", Write{0x5ffd, 8, true}},
		{"sttr x0, [x1, #3]", "f8003820", Write{0x6003, 8, true}},
		{"stxr w2, x0, [x1]", "c8027c20", Write{0x6000, 8, true}},
		{"stlxr w2, w0, [x1]", "8802fc20", Write{0x6000, 4, true}},
		{"stlr x0, [x1]", "c89ffc20", Write{0x6000, 8, true}},
		{"stxp w2, x0, x3, [x1]", "c8220c20", Write{0x6000, 16, true}},
		{"str x0, [x5]: x5 is not known", "f90000a0", Write{Size: 8}},
		{"ldr x0, [x5]", "f94000a0", Write{Known: true}},
		{"msr daifset, #2", "d50342df", Write{Known: true}},
		{"st1 {v0.16b}, [x1]", "4c007020", Write{}},
		{"cas x2, x0, [x1]", "c8a27c20", Write{}},
		{"ldadd x2, x0, [x1]", "f8220020", Write{}},
		{"swp x2, x0, [x1]", "f8228020", Write{}},
		{"dc zva, x1", "d50b7421", Write{}},
		{"on a processor that executes 32-bit ARM", "13:f9000420", Write{}},
	} {
		if got := armSteps(t, elf.EM_AARCH64, regsA64, c.word)[0].Writes(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
	if got := (&Step{Machine: elf.EM_RISCV, Reg: func(string) (uint64, bool) { return 0, false }}).Writes(); got != (Write{}) {
		t.Errorf("of a processor that is not known: %+v", got)
	}
}

// What may be at a watchpoint is stepped: not a processor that waits.
func TestMayAccessARM(t *testing.T) {
	for _, c := range []struct {
		what, word string
		m          elf.Machine
		may        bool
	}{
		{"str x0, [x1]", "f9000020", elf.EM_AARCH64, true},
		{"ldr x0, [x1]", "f9400020", elf.EM_AARCH64, true},
		{"stp x0, x3, [x1, #-16]: up to it", "a93f0c20", elf.EM_AARCH64, false},
		{"stp x0, x3, [x1, #-8]: the second", "a93f8c20", elf.EM_AARCH64, true},
		{"stxr w3, w0, [x1]", "88037c20", elf.EM_AARCH64, true},
		{"str x0, [x1, #8]: behind it", "f9000420", elf.EM_AARCH64, false},
		{"str x0, [x9]: x9 is not known", "f9000120", elf.EM_AARCH64, true},
		{"ldadd w0, w3, [x1]: not understood", "b8200023", elf.EM_AARCH64, true},
		{"wfi", "d503207f", elf.EM_AARCH64, false},
		{"wfe", "d503205f", elf.EM_AARCH64, false},
		{"add x0, x0, #1", "91000400", elf.EM_AARCH64, false},
		{"svc #0", "d4000001", elf.EM_AARCH64, false},
		{"str r0, [r1]", "e5810000", elf.EM_ARM, true},
		{"ldr r0, [r1, #8]: behind it", "e5910008", elf.EM_ARM, false},
		{"swp r0, r2, [r1]: not understood", "e1010092", elf.EM_ARM, true},
		{"wfi", "e320f003", elf.EM_ARM, false},
	} {
		regs := regsA64
		if c.m == elf.EM_ARM {
			regs = regsA32
		}
		step := armSteps(t, c.m, regs, c.word)[0]
		if may, sleeps := step.MayAccess(0x6000, 0x6007), step.Sleeps(); may != c.may || sleeps != (c.what == "wfi") {
			t.Errorf("%s: may access %v, sleeps %v", c.what, may, sleeps)
		}
	}
}

func TestOfARM(t *testing.T) {
	const a32, a64 = elf.EM_ARM, elf.EM_AARCH64
	for _, c := range []struct {
		machine     elf.Machine
		what, words string
		dest, size  uint64
		want        string
	}{
		{a32, "ldr r0, [r8]; str r0, [r1]", "e5980000 e5810000", 0x6000, 4, "0 copied 5000"},
		{a32, "its upper half", "e5980000 e5810000", 0x6002, 2, "0 copied 5002"},
		{a32, "ldr r0, [r8, #4]; mov r3, r0; add r0, r0, #4; str r3, [r1, #8]", "e5980004 e1a03000 e2800004 e5813008", 0x6008, 4, "0 copied 5004"},
		{a32, "ldmia r8!, {r3-r6}; stmia r1!, {r3-r6}", "e8b80078 e8a10078", 0x6008, 4, "0 copied 5008"},
		{a32, "two of them at once", "e8b80078 e8a10078", 0x6008, 8, "1 unknown: stm stores it out of several registers"},
		{a32, "ldrd r4, [r8]; strd r4, [r1, #16]", "e1c840d0 e1c141f0", 0x6014, 4, "0 copied 5004"},
		{a32, "pop {r0}; str r0, [r1]", "e49d0004 e5810000", 0x6000, 4, "0 copied 7000"},
		{a32, "ldr r0, [pc, #8]; str r0, [r1]", "e59f0008 e5810000", 0x6000, 4, "0 copied 1010"},
		{a32, "ldr r8, [r1], #4; str r1, [sp]", "e4918004 e58d1000", 0x7000, 4, "0 computed: by ldr"},
		{a32, "ldr r0, [r5]; str r0, [r1]", "e5950000 e5810000", 0x6000, 4, "0 unknown: the address that ldr reads is not known"},
		{a32, "ldrb r0, [r8]; str r0, [r1]", "e5d80000 e5810000", 0x6000, 4, "0 computed: by ldrb, which fills up what it loads"},
		{a32, "ldrb r0, [r8]; strb r0, [r1, #3]", "e5d80000 e5c10003", 0x6003, 1, "0 copied 5000"},
		{a32, "ldr r0, [r8]; uxtb r3, r0; strb r3, [r1]", "e5980000 e6ef3070 e5c13000", 0x6000, 1, "0 copied 5000"},
		{a32, "ldr r0, [r8]; uxtb r3, r0; str r3, [r1]", "e5980000 e6ef3070 e5813000", 0x6000, 4, "1 computed: by uxtb, which fills up what it copies"},
		{a32, "ldr r0, [r8]; uxtb r3, r0, ror #8; strb r3, [r1]", "e5980000 e6ef3470 e5c13000", 0x6000, 1, "1 computed: by uxtb"},
		{a32, "mov r0, #0x80000001; str r0, [r1]", "e3a00106 e5810000", 0x6000, 4, "0 computed: a constant of the code (0x80000001)"},
		{a32, "movw r0; movt r0; str r0, [r1]", "e3010234 e3410234 e5810000", 0x6000, 4, "1 computed: by movt"},
		{a32, "mov r0, r3, lsl #1; str r0, [r1]", "e1a00083 e5810000", 0x6000, 4, "0 computed: by lsl"},
		{a32, "umull r0, r3, r1, r2; str r3, [r1]", "e0830291 e5813000", 0x6000, 4, "0 computed: by umull"},
		{a32, "ldr r0, [r8]; moveq r3, r0; str r3, [r1]: not executed", "e5980000 01a03000 e5813000", 0x6000, 4, "0 unknown: r3 was set more than 2 instructions before"},
		{a32, "ldr r0, [r8]; movne r3, r0; str r3, [r1]", "e5980000 11a03000 e5813000", 0x6000, 4, "0 copied 5000"},
		{a32, "strex r2, r0, [r1]", "e5980000 e1812f90", 0x6000, 4, "0 copied 5000"},
		{a32, "strex r2, r0, [r1]; str r2, [r1]", "e1812f90 e5812000", 0x6000, 4, "0 computed: by strex"},
		{a32, "str pc, [r1]", "e581f000", 0x6000, 4, "0 computed: the address of the code"},
		{a32, "mov r3, pc; str r3, [r1]", "e1a0300f e5813000", 0x6000, 4, "0 computed: the address of the code"},
		{a32, "bl; str lr, [r1]", "eb000000 e581e000", 0x6000, 4, "0 computed: by bl"},
		{a32, "ldr r0, [r8]; mcr; mrc r3; cpsid i; str r0, [r1]", "e5980000 ee070f9a ee1d3f70 f10c0080 e5810000", 0x6000, 4, "0 copied 5000"},
		{a32, "mrc r0; str r0, [r1]", "ee1d0f70 e5810000", 0x6000, 4, "0 computed: by mrc"},
		{a32, "vmov r0, s0; str r0, [r1]", "ee100a10 e5810000", 0x6000, 4, "0 unknown: vmov may change r0"},
		{a32, "vmov r3, s0; str r0, [r1]", "e5980000 ee103a10 e5810000", 0x6000, 4, "1 unknown: vmov may change r0"},
		{a32, "rfedb lr; str r0, [r1]", "e5980000 13:f91e0a00 10:e5810000", 0x6000, 4, "0 copied 5000"},
		{a32, "setend be; str r0, [r1]", "f1010200 e5810000", 0x6000, 4, "0 unknown: setend may change r0"},
		{a32, "ldc p14, c5, [r1]; str r0, [r1]", "ed915e00 e5810000", 0x6000, 4, "0 unknown: the instruction at 0x1000 is not understood: unknown instruction"},
		{a32, "svc; srsdb sp!, #19: where the exception came from", "10:ef000000 13:f96d0513", 0x6ff8, 4, "0 computed: by svc"},
		{a32, "srsdb sp!, #19: the flags", "10:ef000000 13:f96d0513", 0x6ffc, 4, "1 unknown: what srs stores is not looked at"},
		{a32, "vstr d8, [r1, #8]", "ed818b02", 0x6008, 4, "0 unknown: what vstr stores is not looked at"},
		{a32, "stmia r1, {sp, lr}^: user mode's", "10:e598e004 10:ef000000 13:e8c16000", 0x6004, 4, "0 copied 5004"},
		{a32, "its lower word", "10:e598e004 10:ef000000 13:e8c16000", 0x6000, 4, "0 unknown: sp_usr was set more than 2 instructions before"},
		{a32, "stmia r1, {r0, sp}^", "e5980000 e8c12001", 0x6000, 4, "0 copied 5000"},
		{a32, "ldr lr, [sp]; ldm r8, {sp, lr}^; str lr, [r1]: that of user mode was loaded", "e59de000 e8d86000 e581e000", 0x6000, 4, "0 copied 7000"},
		{a32, "ldm r8, {sp, lr}^; ldr lr, [sp]; stmia r1, {sp, lr}^", "e8d86000 e59de000 e8c16000", 0x6004, 4, "0 copied 5004"},
		{a32, "ldm sp, {r0, pc}^: a return; str r0, [r1]", "13:e8dd8001 10:e5810000", 0x6000, 4, "0 copied 7000"},
		{a32, "svc sets another lr", "10:e598e000 10:ef000000 13:e581e000", 0x6000, 4, "1 computed: by svc"},
		{a32, "a fault does", "13:e598e000 13:e5980000 17:e581e000", 0x6000, 4, "1 unknown: lr_abt may have been set by the processor: its mode is another one behind ldr"},
		{a32, "sp is not set by it", "17:e598d000 13:e5980000 17:e581d000", 0x6000, 4, "0 copied 5000"},
		{a32, "r8 of fast interrupts", "10:e59d8000 11:e3a08004 10:e5818000", 0x6000, 4, "0 copied 7000"},
		{a32, "stmia r1, {r8}^ of user mode", "10:e59d8000 11:e3a08004 11:e8c10100", 0x6000, 4, "0 copied 7000"},
		{a32, "but r0 is one", "10:e5980000 10:ef000000 13:e5810000", 0x6000, 4, "0 copied 5000"},
		{a32, "Thumb", "30:e5980000", 0x6000, 4, "0 unknown: the instruction at 0x1000 is not understood: it is Thumb or Jazelle, or data are big-endian"},

		{a64, "ldr x0, [x8]; str x0, [x1]", "f9400100 f9000020", 0x6000, 8, "0 copied 5000"},
		{a64, "its upper half", "f9400100 f9000020", 0x6004, 4, "0 copied 5004"},
		{a64, "ldp x4, x3, [x8], #16; stp x0, x3, [x1, #-16]!", "a8c10d04 a9bf0c20", 0x5ff8, 8, "0 copied 5008"},
		{a64, "both of them at once", "a8c10d04 a9bf0c20", 0x5ff0, 16, "1 unknown: stp stores it out of several registers"},
		{a64, "ldp q0, q1, [x8]; stp q0, q1, [x1, #32]", "ad400500 ad010420", 0x6038, 8, "0 copied 5018"},
		{a64, "ldr w0, [x8]; str x0, [x1]", "b9400100 f9000020", 0x6000, 8, "0 computed: by ldr, which fills up what it loads"},
		{a64, "ldr w0, [x8]; str w0, [x1, #8]", "b9400100 b9000820", 0x6008, 4, "0 copied 5000"},
		{a64, "ldr x0, [x8]; mov w3, w0; str x3, [x1]", "f9400100 2a0003e3 f9000023", 0x6000, 8, "1 computed: by mov, which fills up what it copies"},
		{a64, "ldr x0, [x8]; mov x3, x0; str x3, [x1]", "f9400100 aa0003e3 f9000023", 0x6000, 8, "0 copied 5000"},
		{a64, "ldr x0, [x8]; csel x3, x0, x4, ne; str x3, [x1]", "f9400100 9a841003 f9000023", 0x6000, 8, "0 copied 5000"},
		{a64, "ldr x0, [x8]; csel x3, x0, x4, eq; str x3, [x1]", "f9400100 9a840003 f9000023", 0x6000, 8, "0 unknown: x4 was set more than 1 instructions before"},
		{a64, "ldrsw x0, [x8]; str x0, [x1]", "b9800100 f9000020", 0x6000, 8, "0 computed: by ldrsw, which fills up what it loads"},
		{a64, "sxtw x3, w0; str w3, [x1]", "f9400100 93407c03 b9000023", 0x6000, 4, "0 copied 5000"},
		{a64, "ldr x0, .+16; str x0, [x1]", "58000080 f9000020", 0x6000, 8, "0 copied 1010"},
		{a64, "ldr x8, [x1], #8; str x1, [sp]", "f8408428 f90003e1", 0x7000, 8, "0 computed: by ldr"},
		{a64, "str xzr, [x1]", "f900003f", 0x6000, 8, "0 computed: zero, of the register that is always 0"},
		{a64, "mov x3, #-2; str x3, [x1]", "92800023 f9000023", 0x6000, 8, "0 computed: a constant of the code (0xfffffffffffffffe)"},
		{a64, "movk x3, #4, lsl #16; str x3, [x1]", "f2a00083 f9000023", 0x6000, 8, "0 computed: by movk"},
		{a64, "bl; stp x29, x30, [x1]", "94000002 a900783d", 0x6008, 8, "0 computed: by bl"},
		{a64, "paciasp; stp x29, x30, [x1]", "d503233f a900783d", 0x6008, 8, "0 computed: by hint"},
		{a64, "stxr w2, x0, [x1]", "f9400100 c8027c20", 0x6000, 8, "0 copied 5000"},
		{a64, "fmov x0, d0; str x0, [x1]", "9e660000 f9000020", 0x6000, 8, "0 unknown: fmov may change x0"},
		{a64, "mov sp, x3, of user mode; mov x3, sp behind an exception's entry", "0:910003ff 5:910003e3 5:f9000023", 0x6000, 8, "0 unknown: sp_el1 was set more than 1 instructions before"},
		{a64, "mov sp, x0; mov x3, sp", "5:f9400100 5:9100001f 5:910003e3 5:f9000023", 0x6000, 8, "0 copied 5000"},
		{a64, "cas", "c8a27c20", 0x6000, 8, "0 unknown: the instruction at 0x1000 is not understood: unknown instruction"},
	} {
		regs := map[elf.Machine]map[string]uint64{a32: regsA32, a64: regsA64}[c.machine]
		if got := Of(armSteps(t, c.machine, regs, c.words), c.dest, c.size).told(); got != c.want {
			t.Errorf("%s: %s; want %s", c.what, got, c.want)
		}
	}
}

// A word that memcpy copied in two parts.
func TestWholeARM(t *testing.T) {
	s := armSteps(t, elf.EM_ARM, regsA32, "e1d800b0 e1c100b0 e1d800b2 e1c100b2") // ldrh, strh, twice
	if from, first, ok := Whole(s, 0x6000, 4); from != 0x5000 || first != 1 || !ok {
		t.Errorf("%#x, %d, %v", from, first, ok)
	}
}

// Every condition, by the flags N, Z, C and V.
func TestHolds(t *testing.T) {
	for cond, want := range []func(n, z, c, v bool) bool{
		func(_, z, _, _ bool) bool { return z }, func(_, z, _, _ bool) bool { return !z },
		func(_, _, c, _ bool) bool { return c }, func(_, _, c, _ bool) bool { return !c },
		func(n, _, _, _ bool) bool { return n }, func(n, _, _, _ bool) bool { return !n },
		func(_, _, _, v bool) bool { return v }, func(_, _, _, v bool) bool { return !v },
		func(_, z, c, _ bool) bool { return c && !z }, func(_, z, c, _ bool) bool { return !c || z },
		func(n, _, _, v bool) bool { return n == v }, func(n, _, _, v bool) bool { return n != v },
		func(n, z, _, v bool) bool { return !z && n == v }, func(n, z, _, v bool) bool { return z || n != v },
		func(_, _, _, _ bool) bool { return true },
	} {
		for flags := range uint64(16) {
			f := flags << 28
			if got := holds(uint32(cond), f); got != want(flags&8 != 0, flags&4 != 0, flags&2 != 0, flags&1 != 0) {
				t.Errorf("condition %d with flags %#x: %v", cond, f, got)
			}
		}
	}
}

// Whatever stands in memory can be asked about.
func TestAnyWord(t *testing.T) {
	const words = 5000
	rnd := rand.New(rand.NewSource(1))
	for _, m := range []elf.Machine{elf.EM_ARM, elf.EM_AARCH64} {
		understood, mode := 0, map[elf.Machine]uint64{elf.EM_ARM: 0x13, elf.EM_AARCH64: 5}[m]
		for range words {
			code := binary.LittleEndian.AppendUint32(nil, rnd.Uint32())
			s := Step{Machine: m, Code: code, Reg: func(string) (uint64, bool) { return mode, true }}
			if _, err := s.inst(); err == nil {
				understood++
			}
			Of([]Step{s, s}, s.Writes().Addr, 1)
		}
		if understood < words/4 {
			t.Errorf("%v: %d of %d words are understood", m, understood, words)
		}
	}
}
