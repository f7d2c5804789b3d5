package session

import (
	"thaw/session/evidence"
	"thaw/session/view"
)

// judge weighs the evidence as it is now.
func (ps *parts) judge() *evidence.Judge {
	k := ps.programs.Kernel()
	return &evidence.Judge{Arch: ps.m.Arch, Platform: ps.m.Decoder.Platform(), Children: ps.scn.Programs(), Kernel: k.Text, Ev: &ps.obs.Ev,
		Place: func(program string, addr uint64) view.Place { return ps.programs.InProgram(program, addr) }}
}
