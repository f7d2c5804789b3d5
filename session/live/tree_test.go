package live

import (
	"slices"
	"testing"
)

// What `info mtree -f` of QEMU 7.2 prints for a PC, cut short.
const pcTree = `FlatView #0
 AS "VGA", root: bus master container
  0000000000000000-0000000003ffffff (prio 0, ram): pc.ram

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-000000000009ffff (prio 0, ram): pc.ram
  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
  00000000000c0000-00000000000cafff (prio 0, rom): pc.ram @00000000000c0000
  00000000000cb000-00000000000cdfff (prio 0, ram): pc.ram @00000000000cb000
  0000000000100000-0000000003ffffff (prio 0, ram): pc.ram @0000000000100000
  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
  00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
  00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios

FlatView #2
 AS "I/O", root: io
  0000000000000000-0000000000000007 (prio 0, ram): dma-chan
`

func TestParseTree(t *testing.T) {
	want := []memoryRange{
		{0, 0x9ffff, true}, {0xc0000, 0xcafff, false}, {0xcb000, 0xcdfff, false},
		{0x100000, 0x3ffffff, true}, {0xfd000000, 0xfdffffff, false}, {0xfffc0000, 0xffffffff, false},
	}
	got := parseTree(pcTree)
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	p := &processRAM{blocks: got}
	for _, c := range []struct {
		addr uint64
		n    int
		want bool
	}{{0, 8, true}, {0x9ffff, 2, false}, {0xcafff, 2, true}, {0xb8000, 1, false}, {0xfee00000, 4, false}, {0xffffffff, 1, true}, {0xffffffff, 2, false}} {
		if p.blocks.hold(c.addr, c.n) != c.want {
			t.Errorf("%d bytes at %#x: %v", c.n, c.addr, !c.want)
		}
	}
	// Before the firmware runs.
	early := ` AS "memory", root: system` + "\n  0000000000000000-0000000003ffffff (prio 0, ram): pc.ram\n"
	if got := parseTree(early); !slices.Equal(got, []memoryRange{{0, 0x9ffff, true}, {0xa0000, 0xfffff, false}, {0x100000, 0x3ffffff, true}}) {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "unknown command: 'info'\n", ` AS "memory", root: system` + "\n  ffff-00 (prio 0, ram): x\n"} {
		if got := parseTree(bad); len(got) > 0 {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}
