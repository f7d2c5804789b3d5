package hw_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/memory"
	"thaw/recording"
	"thaw/session"
)

// noisy is memory in which some words are not what they were.
type noisy struct {
	memory.Reader
	rnd  *rand.Rand
	rate float64
}

func (n noisy) ReadMemory(addr uint64, buf []byte) error {
	err := n.Reader.ReadMemory(addr, buf)
	for i := 0; i+8 <= len(buf) && err == nil; i += 8 {
		if n.rnd.Float64() < n.rate {
			buf[i+n.rnd.IntN(8)] = byte(n.rnd.Uint32())
		}
	}
	return err
}

// Damaged memory is decoded as far as it goes, within bounds, and what is wrong is told.
func TestDecodeNoise(t *testing.T) {
	rec, err := recording.Open(filepath.Join("testdata", "genode-26.02-x86_64.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := rec.Symbols(rec.Scenario().KernelName())
	if err != nil {
		t.Fatal(err)
	}
	dec, paging, err := kernels.Open(symbols)
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.NewReplay(rec, dec, paging)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	good, err := dec.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for seed := range uint64(300) {
		bad := m
		bad.Phys = noisy{m.Phys, rand.New(rand.NewPCG(seed, 1)), []float64{0.0002, 0.002, 0.05}[seed%3]}
		sys, err := dec.Decode(bad)
		if err != nil {
			told++
			continue
		}
		if len(sys.Objects) > 4*len(good.Objects) {
			t.Errorf("seed %d: %d objects of %d", seed, len(sys.Objects), len(good.Objects))
		}
		if len(sys.AllProblems()) > 0 {
			told++
		}
		use(sys, dec, bad)
	}
	if told < 200 {
		t.Errorf("only %d of 300 damaged systems were told of", told)
	}
}

// use asks what front ends ask of a model.
func use(sys *kernel.System, dec kernel.Decoder, m kernel.Machine) {
	for _, o := range sys.Threads() {
		sys.Wait(o.Thread)
		sys.WaitedFor(o.Thread)
	}
	sys.Cycles()
	for i := range m.CPUs {
		dec.CurrentThread(m, i)
	}
}
