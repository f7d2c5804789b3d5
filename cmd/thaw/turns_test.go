package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/gdbremote/wiretest"
	"thaw/guest"
)

// mostTurns is what a whole check may cost in turns of the conversation: over a link
// with 20 ms, as an ssh tunnel has, each takes so long. There are about 120 stops; a machine
// that is busy has a look or two more at a guest in which nothing happens.
const mostTurns = 250

func TestCheckOverALink(t *testing.T) {
	t.Parallel()
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, guest.Kernel), MemoryMB: 64, Append: "bug=state-ignored"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	wire := wiretest.New(t, vm.GDB())
	wire.Delay(3 * time.Millisecond)
	r := thaw(t, "check", "unix:"+wire.Path, "--build", guestDir, "--no-shared-ram")
	if r.code != exitOK {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if n := wire.Turns(); n > mostTurns || n < 100 {
		t.Errorf("%d turns, at most %d are expected, and more than 100", n, mostTurns)
	}
}
