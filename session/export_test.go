package session

import (
	"debug/elf"

	"thaw/kernel"
)

// Effect is an effect, for tests against a processor.
type Effect struct {
	Regs        []kernel.Register
	Store       bool
	Addr, Value uint64
}

// EffectOf works out what an instruction does.
func EffectOf(m elf.Machine, code []byte, r Registers) (Effect, bool) {
	a, err := archOf(m)
	if err != nil {
		return Effect{}, false
	}
	e, ok := a.effectOf(code, r)
	return Effect{e.regs, e.store, e.addr, e.value}, ok
}
