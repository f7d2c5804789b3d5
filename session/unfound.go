package session

import (
	"fmt"

	"thaw/kernel"
)

// Unfound is a guest in whose memory the kernel's objects were not found.
type Unfound struct {
	File  string // the kernel's
	Other bool   // a kernel runs there, and it is another one
	err   error  // what was looked for, and what came of it
}

// Likely says why that may be.
func (u *Unfound) Likely() string {
	if u.Other {
		return "the guest runs another kernel than " + u.File
	}
	return "the guest has not booted so far, or runs another kernel than " + u.File
}

// Advice says what to do about it.
func (u *Unfound) Advice() string {
	const give = "give the build directory or the kernel ELF of the system that runs"
	if u.Other {
		return give
	}
	return "let it run and ask again, or " + give
}

// Error is one sentence, with what to do.
func (u *Unfound) Error() string {
	return fmt.Sprintf("%s: %s (%v)", u.Likely(), u.Advice(), u.err)
}

func (u *Unfound) Unwrap() error { return u.err }

// unfound says why the kernel's objects cannot be reached, nil if they can.
func (ps *parts) unfound() *Unfound {
	_, err := ps.m.KernelSpace()
	if err == nil {
		return nil
	}
	return &Unfound{ps.programs.Kernel().File.Path(), ps.otherRuns(), err}
}

// otherRuns says whether a processor shows that a kernel runs which is not that of the
// file, where its objects were not found: it is in user mode, or executes what the file
// does not have, where only kernels do.
func (ps *parts) otherRuns() bool {
	const few = 8 // bytes that tell two builds apart
	for _, cpu := range ps.m.CPUs() {
		var runs, has [few]byte
		if !cpu.User && !ps.inUpperHalf(cpu) || ps.m.TextSpace(cpu.Root).ReadMemory(cpu.IP, runs[:]) != nil {
			continue
		}
		if cpu.User || ps.programs.Kernel().File.ReadFile(cpu.IP, has[:]) != nil || runs != has {
			return true
		}
	}
	return false
}

// inUpperHalf says whether a processor is in the half of a 64-bit address space that
// kernels keep for themselves: what boots a machine is below.
func (ps *parts) inUpperHalf(cpu kernel.CPU) bool {
	return ps.m.PtrSize() == 8 && cpu.IP>>63 == 1
}
