package session

import (
	"thaw/session/evidence"
	"thaw/session/view"
)

// judge weighs the evidence as it is now.
func (e *Engine) judge() *evidence.Judge {
	k := e.programs.Kernel()
	return &evidence.Judge{Arch: e.m.Arch, Platform: e.m.Decoder.Platform(), Child: e.scn.Child, Kernel: k.Text, Ev: &e.obs.Ev,
		Place: func(program string, addr uint64) view.Place { return e.programs.ByName[program].Place(addr) }}
}
