package core

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"thaw/recording/stub/stubtest"
)

// lldb opens a core and tells what its threads and memory are. It takes only cores
// of systems that it knows by EI_OSABI.
func lldb(t *testing.T, path string, wants []string, commands ...string) {
	t.Helper()
	program, err := exec.LookPath("lldb")
	if err != nil {
		t.Fatal("lldb is missing: `make deps` installs it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), stubtest.Limit)
	defer cancel()
	args := []string{"--no-lldbinit", "--batch", "-o", "target create --core " + path, "-o", "thread list"}
	for _, c := range commands {
		args = append(args, "-o", c)
	}
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Errorf("lldb: %v", err)
	}
	for _, want := range append(wants, "Core file") {
		if !strings.Contains(string(out), want) {
			t.Errorf("lldb does not say %q:\n%s", want, out)
		}
	}
}

func TestLLDBOnARM(t *testing.T) {
	h, sys := armHand(t)
	path := written(t, h.Replay(t, sys), h, Options{Stop: 1})
	lldb(t, path, []string{"pc = 0x00008004", "tid = 1073741824", "0x00008000: 0xa0000005"}, "register read pc", "memory read --format x --size 4 --count 1 0x8000")
}
