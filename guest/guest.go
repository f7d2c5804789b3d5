// Package guest knows the lab guest: its files, its clock, and how tests build it.
// The guest itself is the C++ program in this folder.
package guest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// Kernel is the file in the built guest's folder that QEMU boots.
const Kernel = "fiasco.image"

// KernelHW is the other kernel's. Its programs are in its folder.
const KernelHW = "hw/core.elf"

// KernelPlant is the file of the system with wrong pointers. Its programs are in its folder.
const KernelPlant = "plant/fiasco.image"

// Ways are those in which it spoils a pointer: what its boot option "plant=" takes, and who
// writes what. "all" are all of them.
var Ways = [][2]string{
	{"stale-page", "the page was not seen to be dirty: what was there before is restored"},
	{"wrong-direction", "the restorer copies from the fresh child into the stored copy"},
	{"copy-of-copy", "made by the restorer, copied three times, and by core into the child"},
	{"message", "core writes what a message of the restorer tells it to"},
	{"core", "core writes, through its own mapping"},
	{"kernel", "the kernel writes, through its mapping of all memory"},
	{"device", "a device writes, by DMA"},
	{"restorer", "the restorer writes, through a mapping of its own, before the threads go on"},
	{"child", "the child itself writes, after that"},
	{"two-mappings", "the restorer writes, through a second mapping of the same memory"},
	{"same-value", "likewise, the value that is there already"},
	{"one-byte", "the restorer alters one byte"},
	{"rom", "core copies the initial value out of the program's ROM"},
}

// Clock is QEMU's -icount that the guest is made for: its threads sleep and wake in
// the same order on a busy machine.
const Clock = "shift=3"

// TwoProcessors are QEMU's arguments for two, in the place of Clock: QEMU 7.2 may abort
// where one interrupts the other while instructions are counted ("Raised interrupt while
// not in I/O function"). One after the other they execute, so that no two watchpoints
// are hit at the same moment.
var TwoProcessors = []string{"-accel", "tcg,thread=single"}

// Build brings the guest up to date and returns the folder with its files.
// Several processes may ask at once. It needs make and g++.
func Build(ctx context.Context) (dir string, err error) {
	dir = filepath.Join(source(), "build")
	return dir, BuildIn(ctx, dir, "all", "hw")
}

// BuildPlant is Build for the guest with wrong pointers.
func BuildPlant(ctx context.Context) (dir string, err error) {
	dir = filepath.Join(source(), "build")
	return filepath.Join(dir, "plant"), BuildIn(ctx, dir, "plant")
}

// source is this folder.
func source() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(file)
}

// BuildIn is Build for another folder. args are for make: variables as its Makefile
// describes them, and files to be made.
func BuildIn(ctx context.Context, dir string, args ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("building the lab guest: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("building the lab guest: %w", err)
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("building the lab guest: locking: %w", err)
	}
	out, err := exec.CommandContext(ctx, "make", append([]string{"-s", "-C", source(), "OUT=" + dir}, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the lab guest (`make deps` installs what it needs): %w\n%s", err, out)
	}
	return nil
}
