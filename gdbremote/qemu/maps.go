package qemu

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// IsQEMU says whether a process is a QEMU, as far as one can tell from its program.
func IsQEMU(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.Contains(filepath.Base(exe), "qemu")
}

// Mapping is a piece of a process's memory.
type Mapping struct{ Start, Size uint64 }

// Bounds of what may be a guest's RAM, and of how many pieces are taken for it.
const (
	leastRAM = 16 << 20
	mostMaps = 8
)

// ramAlign is how QEMU aligns a guest's RAM, for large pages of the host's. RAM in a file
// (memory-backend-file, -mem-path) begins where that is mapped.
const ramAlign = 2 << 20

// Mappings are the pieces of a QEMU's memory that may be its guest's RAM, from its first
// byte on: what may be written and is not its heap or stack, the largest first. They are
// told by Linux alone; the process notices nothing.
func Mappings(pid int) ([]Mapping, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, fmt.Errorf("looking for the guest's RAM in process %d: %w", pid, err)
	}
	defer f.Close()
	var out []Mapping
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var from, to, inode uint64
		var may, offset, device string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s %s %s %d", &from, &to, &may, &offset, &device, &inode); err != nil || !strings.HasPrefix(may, "rw-") || strings.HasSuffix(lines.Text(), "]") {
			continue
		}
		if up := (from + ramAlign - 1) &^ (ramAlign - 1); up < to && inode == 0 {
			from = up
		}
		if to-from >= leastRAM && to > from {
			out = append(out, Mapping{from, to - from})
		}
	}
	slices.SortStableFunc(out, func(a, b Mapping) int { return cmp.Compare(b.Size, a.Size) })
	return out[:min(len(out), mostMaps)], lines.Err()
}
