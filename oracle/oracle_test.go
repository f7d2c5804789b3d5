package oracle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
)

// fake is a gdb that does what a shell script says.
func fake(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gdb")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// What gdb prints is taken only as far as it came to the end, and gdb is asked in the
// order that leads to the stop.
func TestRead(t *testing.T) {
	gdb := fake(t, `for a; do [ "$a" = "-x" ] && echo "thread $*"; done; echo "0x10 in ?? ()"; echo "cap 1 2 - invalid "; echo complete; echo "pd behind the end"`)
	rows, err := Reader{GDB: gdb, ELF: "core.elf"}.Read(t.Context(), ":1234", []string{"hbreak f", "continue"})
	if err != nil || len(rows) != 2 || rows[1] != "cap 1 2 - invalid" {
		t.Fatalf("%q, %v", rows, err)
	}
	at := func(part string) int { return strings.Index(rows[0], part) }
	if order := []int{at("target remote :1234"), at("hbreak f"), at("continue"), at("delete"), at("-x "), at("disconnect"), at("core.elf")}; order[0] < 0 || !slices.IsSorted(order) {
		t.Errorf("asked: %s", rows[0])
	}
	if rows, err = (Reader{GDB: gdb, ELF: "core.elf"}).Read(t.Context(), "unix:/x/gdb", nil); err != nil || !strings.Contains(rows[0], "target remote /x/gdb ") {
		t.Errorf("a socket: %q, %v", rows, err)
	}
	read := func(gdb string) Reader { return Reader{GDB: gdb, ELF: "core.elf"} }
	if rows, err := read(fake(t, "echo 'pd 1'; echo 'no symbol Kernel' >&2")).Read(t.Context(), ":1", nil); err == nil || rows != nil || !strings.Contains(err.Error(), "no symbol Kernel") {
		t.Errorf("half a reading: %q, %v", rows, err)
	}
	if _, err := read(filepath.Join(t.TempDir(), "none")).Read(t.Context(), ":1", nil); err == nil || !strings.Contains(err.Error(), "--gdb") {
		t.Errorf("no gdb: %v", err)
	}
}

// Rows that come once more on one side are a difference.
func TestDifferences(t *testing.T) {
	sys := kernel.NewSystem([]*kernel.Object{{ID: 1, Addr: 0x10, Size: 1, Name: "core", PD: &kernel.PD{Root: 0x20, Caps: []kernel.Capability{{Slot: 3}}}}}, nil)
	mine := Rows(sys)
	if want := []string{"pd 10 20 1 core", "cap 10 3 - invalid"}; !slices.Equal(mine, want) {
		t.Fatalf("%q", mine)
	}
	here, there := Differences(sys, []string{mine[0], mine[0], "cap 10 3 5 IRQ"})
	if !slices.Equal(here, mine[1:]) || !slices.Equal(there, []string{mine[0], "cap 10 3 5 IRQ"}) {
		t.Errorf("%q, %q", here, there)
	}
}
