package live_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/guest"
	"thaw/memory"
	"thaw/session/live"
)

// startPlain starts QEMU as a user does, without any option for thaw: the stub is
// QEMU's own listener. It ends with the test.
func startPlain(t *testing.T, gdb string, more ...string) (pid int) {
	t.Helper()
	dir, err := guest.Build(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-kernel", filepath.Join(dir, guest.Kernel), "-m", "64", "-display", "none", "-nodefaults", "-vga", "std", "-gdb", gdb}
	cmd := exec.Command("qemu-system-x86_64", append(args, more...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

// attachPlain attaches as soon as QEMU listens.
func attachPlain(t *testing.T, addr string, o live.Options) *live.Target {
	t.Helper()
	ctx := deadline(t)
	var target *live.Target
	for {
		var err error
		if target, err = live.Attach(ctx, addr, o); err == nil {
			break
		}
		if ctx.Err() != nil || !slices.ContainsFunc([]string{"nothing listens", "no such socket", "nobody serves"}, func(early string) bool { return strings.Contains(err.Error(), early) }) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { target.Close(context.Background()) })
	return target
}

// attachBooted is attachPlain to a guest that has booted so far that its RAM holds
// something to compare.
func attachBooted(t *testing.T, addr string, o live.Options) *live.Target {
	t.Helper()
	for ctx := deadline(t); ; {
		target := attachPlain(t, addr, o)
		at := make([]memory.Request, 64)
		for n := range at { // places that are compared
			at[n] = memory.Request{Addr: 1<<20 + uint64(n)<<16, Buf: make([]byte, 64)}
		}
		if err := target.ReadStub(at); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(at, func(r memory.Request) bool { return r.Err == nil && [64]byte(r.Buf) != [64]byte{} }) {
			return target
		}
		if err := target.Close(ctx); err != nil {
			t.Fatalf("waiting for the guest to boot: %v", err)
		}
	}
}

// freePort is a TCP port that nobody uses now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// The guest's RAM is read in QEMU's process, without an option of QEMU's, and shows
// what the stub shows; devices are not read at all.
func TestRAMOfQEMUsProcess(t *testing.T) {
	port := freePort(t)
	socket := filepath.Join(t.TempDir(), "gdb")
	for name, at := range map[string]struct{ gdb, addr string }{
		"tcp":  {fmt.Sprintf("tcp:127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port)},
		"unix": {"unix:" + socket + ",server=on,wait=off", socket},
	} {
		t.Run(name, func(t *testing.T) {
			pid := startPlain(t, at.gdb)
			target := attachBooted(t, at.addr, live.Options{})
			if want := fmt.Sprintf("process %d", pid); !strings.Contains(target.ReadsFrom(), want) {
				t.Fatalf("memory is read from %s, and QEMU is %s", target.ReadsFrom(), want)
			}
			sameBytes(t, target)
			device := []memory.Request{{Addr: 0xfee00000, Buf: make([]byte, 8)}, {Addr: 0xb8000, Buf: make([]byte, 8)}, {Addr: 0xf0000, Buf: make([]byte, 8)}, {Addr: 1 << 20, Buf: make([]byte, 8)}}
			if err := target.ReadPhysical(device); err != nil {
				t.Fatal(err)
			}
			for i, refused := range []bool{true, true, false, false} {
				if got := device[i].Err != nil; got != refused {
					t.Errorf("reading %#x: %v", device[i].Addr, device[i].Err)
				}
			}
		})
	}
}

// sameBytes holds what target reads against what the stub says at the same stop.
func sameBytes(t *testing.T, target *live.Target) {
	t.Helper()
	const at, size = 0x100000, 4 << 20
	mine := []memory.Request{{Addr: at, Buf: make([]byte, size)}}
	if err := target.ReadPhysical(mine); err != nil || mine[0].Err != nil {
		t.Fatal(err, mine[0].Err)
	}
	stub := []memory.Request{{Addr: at, Buf: make([]byte, size)}}
	if err := target.ReadStub(stub); err != nil || stub[0].Err != nil {
		t.Fatal(err, stub[0].Err)
	}
	if string(mine[0].Buf) != string(stub[0].Buf) {
		t.Error("the process's memory is not what the stub reads")
	}
}

// Behind a proxy there is no QEMU to be read: the stub is asked, and nobody is told.
func TestNoProcessBehindAProxy(t *testing.T) {
	port := freePort(t)
	startPlain(t, fmt.Sprintf("tcp:127.0.0.1:%d", port))
	attachBooted(t, fmt.Sprintf("127.0.0.1:%d", port), live.Options{}).Close(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				in.Close()
				continue
			}
			go func() { io.Copy(out, in); out.Close() }()
			go func() { io.Copy(in, out); in.Close() }()
		}
	}()
	target := attachPlain(t, l.Addr().String(), live.Options{})
	if target.ReadsFrom() != "the stub" || target.Warning() != "" {
		t.Errorf("memory is read from %s, warning %q", target.ReadsFrom(), target.Warning())
	}
}

// A process that holds something else than this guest's RAM is not believed: here it
// is this test's own, which has nothing where QEMU's RAM lies.
func TestAnotherProcess(t *testing.T) {
	port := freePort(t)
	startPlain(t, fmt.Sprintf("tcp:127.0.0.1:%d", port))
	target := attachBooted(t, fmt.Sprintf("127.0.0.1:%d", port), live.Options{PID: os.Getpid()})
	if target.ReadsFrom() != "the stub" {
		t.Errorf("memory is read from %s", target.ReadsFrom())
	}
}
