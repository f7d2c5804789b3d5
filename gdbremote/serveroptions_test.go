package gdbremote

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// partialMachine is a machine that does not know all of its registers.
type partialMachine struct{ *machine }

// ReadRegisters leaves out rax of CPU 2.
func (m partialMachine) ReadRegisters(id ThreadID) (values []byte, known []bool, err error) {
	values, _, err = m.machine.ReadRegisters(id)
	known = make([]bool, len(values))
	for i := range known {
		known[i] = id.TID == 1 || i >= 8
	}
	return values, known, err
}

func TestUnknownRegisters(t *testing.T) {
	c := serve(t, &Server{Handler: partialMachine{newMachine()}}, Options{})
	for cpu, want := range map[int64]bool{1: true, 2: false} {
		r, err := c.ReadRegisters(t.Context(), ThreadID{1, cpu})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := r.Uint64("rax"); ok != want {
			t.Errorf("CPU %d: rax is known: %v, want %v", cpu, ok, want)
		}
		if v, ok := r.Uint64("rip"); !ok || v != 0x1000*uint64(cpu) {
			t.Errorf("CPU %d: rip %#x, %v", cpu, v, ok)
		}
	}
}

// Nobody else can reach a server unless that was allowed.
func TestServesThisMachineOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0", "example.com:1234"} {
		err := (&Server{Handler: newMachine()}).ListenAndServe(t.Context(), addr, nil)
		if err == nil || !strings.Contains(err.Error(), "no authentication") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := (&Server{Handler: newMachine(), AllowRemote: true}).ListenAndServe(ctx, "0.0.0.0:0", func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("allowed: %v", err)
	}
}

// Nor can another user of this machine, through a unix socket.
func TestSocketIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stub")
	ctx, cancel := context.WithCancel(t.Context())
	err := (&Server{Handler: newMachine()}).ListenAndServe(ctx, path, func(string) {
		defer cancel()
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
