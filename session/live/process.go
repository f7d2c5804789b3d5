package live

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/memory"
)

// processRAM is the guest's RAM in the memory of QEMU's process.
type processRAM struct {
	pid    int
	ram    *memory.Process
	blocks ranges // all that QEMU calls RAM or ROM, where a read has no effect
	stale  bool   // the guest has run since they were asked for
}

func (p *processRAM) name() string { return fmt.Sprintf("the memory of QEMU's process %d", p.pid) }

// qemuPID is the process at the other end, if it is a QEMU: to ask a proxy's would
// be a waste.
func (t *stub) qemuPID() (int, bool) {
	if t.opts.PID != 0 {
		return t.opts.PID, true
	}
	if t.vm != nil {
		return t.vm.PID(), true
	}
	pid, err := t.client.PeerPID()
	if err != nil {
		return 0, false
	}
	return pid, qemu.IsQEMU(pid)
}

// memoryRange is a piece of guest-physical memory; both ends are inclusive.
type memoryRange struct {
	first, last uint64
	direct      bool // RAM that stays where it is, so that it can be read in the process
}

// ranges are pieces of memory, in order.
type ranges []memoryRange

// hold says whether n bytes from addr on are in them.
func (r ranges) hold(addr uint64, n int) bool {
	end := addr + uint64(n) - 1
	for _, b := range r {
		if addr >= b.first && addr <= b.last {
			if end <= b.last {
				return true
			}
			addr = b.last + 1 // the rest may be in the next
		}
	}
	return false
}

// mostBlocks bounds the pieces of RAM that a guest is believed to have.
const mostBlocks = 64

// memoryMap asks QEMU's monitor which addresses are what.
const memoryMap = "info mtree -f"

// treeLine is a line of `info mtree -f` (QEMU 2.10 and later): addresses, priority,
// type, name.
var treeLine = regexp.MustCompile(`^\s+([0-9a-f]{16})-([0-9a-f]{16}) \(prio (-?\d+), (ram|rom|romd)\): `)

// memoryTree asks the monitor which addresses are RAM or ROM; nothing where it does
// not tell. A device's own RAM (priority 1, behind a PCI BAR) may move.
func (t *stub) memoryTree(ctx context.Context) ([]memoryRange, error) {
	text, err := t.client.Monitor(ctx, memoryMap)
	if gdbremote.IsUnsupported(err) {
		return nil, nil
	}
	if err != nil {
		return nil, t.lost(err)
	}
	return parseTree(text), nil
}

func parseTree(text string) (out []memoryRange) {
	const system = ` AS "memory", root: system`
	_, text, ok := strings.Cut(text, system)
	if !ok {
		return nil
	}
	text, _, _ = strings.Cut(text, "\nFlatView ")
	for line := range strings.Lines(text) {
		m := treeLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		first, err1 := strconv.ParseUint(m[1], 16, 64)
		last, err2 := strconv.ParseUint(m[2], 16, 64)
		if err1 != nil || err2 != nil || last < first {
			continue
		}
		out = append(out, around(memoryRange{first, last, m[4] == "ram" && m[3] == "0"})...)
	}
	return out
}

// around takes a PC's hole out of what can be read in the process: before the firmware
// runs, it is one piece with the RAM behind it.
func around(r memoryRange) (out []memoryRange) {
	const hole, behind = 0xa0000, 0x100000
	for _, end := range []uint64{hole - 1, behind - 1} {
		if r.first <= end && r.last > end {
			out = append(out, memoryRange{r.first, end, r.direct && !pcHole(r.first)})
			r.first = end + 1
		}
	}
	return append(out, memoryRange{r.first, r.last, r.direct && !pcHole(r.first)})
}

// hostLine is the answer to gpa2hva.
var hostLine = regexp.MustCompile(`Host virtual address for 0x[0-9a-f]+ \(.*\) is 0x([0-9a-f]+)`)

// hostAddress asks where RAM lies in the process; 0 where the monitor does not tell.
func (t *stub) hostAddress(ctx context.Context, addr uint64) (uint64, error) {
	text, err := t.client.Monitor(ctx, fmt.Sprintf("gpa2hva %#x", addr))
	if gdbremote.IsUnsupported(err) {
		return 0, nil
	}
	if err != nil {
		return 0, t.lost(err)
	}
	m := hostLine.FindStringSubmatch(text)
	if m == nil {
		return 0, nil
	}
	host, err := strconv.ParseUint(m[1], 16, 64)
	return host, err
}

// pcHole is where a PC has its video memory and ROMs, which chipset registers
// switch between RAM and others.
func pcHole(addr uint64) bool { return addr >= 0xa0000 && addr < 0x100000 }
