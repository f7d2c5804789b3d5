package qemu

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"thaw/testwait"
)

func TestMain(m *testing.M) {
	if os.Getenv("THAW_TEST_OWNER") != "" {
		ownForever()
	}
	goleak.VerifyTestMain(m)
}

// ownForever is the process that TestDiesWithOwner kills.
func ownForever() {
	vm, err := Start(context.Background(), Config{SharedRAM: true, MemoryMB: 16})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("pid", vm.PID())
	// Keep other threads coming and going, as a real program does.
	for {
		time.Sleep(time.Millisecond)
		exec.Command("/bin/true").Run()
	}
}

func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("qemu-system-x86_64 is not installed")
	}
}

func start(t *testing.T, c Config) *VM {
	t.Helper()
	needQEMU(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	vm, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	return vm
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	testwait.Until(t, 20*time.Second, what, ok)
}

// gone reports whether a process is no more, not even as a zombie.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestStartStop(t *testing.T) {
	vm := start(t, Config{SharedRAM: true, MemoryMB: 32})
	status, err := vm.QMP(context.Background(), "query-status", nil)
	if err != nil || !bytes.Contains(status, []byte(`"prelaunch"`)) {
		t.Fatalf("status %s, %v; want it frozen before its first instruction", status, err)
	}
	info, err := os.Stat(vm.RAMPath())
	if err != nil || info.Size() != 32<<20 {
		t.Fatalf("guest memory file: %v, %v", info, err)
	}
	for _, d := range vm.dirs {
		if fi, err := os.Stat(d.path); err != nil || fi.Mode().Perm() != 0o700 {
			t.Fatalf("private directory: %v, %v", fi, err)
		}
	}
	conn, err := net.Dial("unix", strings.TrimPrefix(vm.GDB(), "unix:"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("$?#3f")); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if line, err := bufio.NewReader(conn).ReadString('#'); err != nil || !strings.Contains(line, "$T") {
		t.Fatalf("the stub answers %q, %v", line, err)
	}
	if vm.Exit() != nil {
		t.Fatalf("ended already: %v", vm.Exit())
	}
	for range 2 {
		if err := vm.Stop(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	var exit *ExitError
	if !errors.As(vm.Exit(), &exit) || !exit.Asked || exit.How != "exit status 0" {
		t.Fatalf("exit %v, want an orderly end that was asked for", vm.Exit())
	}
	if !gone(vm.PID()) {
		t.Fatal("the process is still there")
	}
	for _, d := range vm.dirs {
		if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is still there (%v)", d.path, err)
		}
	}
	if _, err := vm.QMP(context.Background(), "query-status", nil); err == nil {
		t.Fatal("QMP works after the end")
	}
}

func TestStopOfOneThatDoesNotListen(t *testing.T) {
	vm := start(t, Config{})
	syscall.Kill(vm.PID(), syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := vm.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if !gone(vm.PID()) {
		t.Fatal("the process is still there")
	}
}

func TestKilledFromOutside(t *testing.T) {
	vm := start(t, Config{})
	syscall.Kill(vm.PID(), syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := vm.Wait(ctx); err == nil || err.Error() != "QEMU ended: signal killed" {
		t.Fatalf("%v", err)
	}
	if _, err := os.Stat(vm.dirs[0].path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is still there (%v)", vm.dirs[0].path, err)
	}
	if err := vm.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	vm := start(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := vm.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}

func TestStartFailures(t *testing.T) {
	needQEMU(t)
	fake := filepath.Join(t.TempDir(), "fake")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho 'QEMU emulator version 4.2.1 (fake)'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		config Config
		is     error
		want   []string
	}{
		{"not installed", nil, Config{Binary: "qemu-system-none"}, ErrNotFound, []string{"qemu-system-none not found: apt-get install qemu-system-x86"}},
		{"too old", nil, Config{Binary: fake}, ErrTooOld, []string{"4.2.1", "5.0 or newer"}},
		{"not QEMU", nil, Config{Binary: "true"}, nil, []string{"is this QEMU?"}},
		{"bad argument", nil, Config{Args: []string{"-frobnicate"}}, nil, []string{"QEMU ended: exit status 1", "frobnicate: invalid option"}},
		{"bad machine", nil, Config{Args: []string{"-machine", "warp"}}, nil, []string{"exit status 1", "unsupported machine type"}},
		{"no kernel", nil, Config{Kernel: "/nonexistent/kernel"}, os.ErrNotExist, []string{"/nonexistent/kernel"}},
		{"cancelled", cancelled, Config{}, context.Canceled, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			vm, err := Start(ctx, tt.config)
			if err == nil {
				vm.Stop(context.Background())
				t.Fatal("it started")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
}

// TestDiesWithOwner kills a process that owns a QEMU, without any chance to
// clean up, and expects QEMU to be gone too. What is left in the file system is
// what sweep removes.
func TestDiesWithOwner(t *testing.T) {
	needQEMU(t)
	tmp := shortTemp(t)
	owner := exec.Command(os.Args[0], "-test.run=^$")
	owner.Env = append(os.Environ(), "THAW_TEST_OWNER=1", "TMPDIR="+tmp)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, err2 := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "pid ")))
	if err != nil || err2 != nil {
		owner.Process.Kill()
		t.Fatalf("owner says %q, %v", line, err)
	}
	if syscall.Kill(pid, 0) != nil {
		t.Fatal("QEMU is not there")
	}
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	_, ram, _ := strings.Cut(string(command), "mem-path=")
	ram, _, _ = strings.Cut(ram, ",")
	if _, err := os.Stat(ram); err != nil {
		t.Fatalf("guest memory file: %v", err)
	}
	owner.Process.Kill()
	owner.Wait()
	t.Cleanup(func() {
		if t.Failed() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	eventually(t, "QEMU dies with its owner", func() bool { return gone(pid) || zombie(pid) })

	for _, dir := range []string{filepath.Dir(ram), tmp} {
		if dir == tmp {
			sweep(tmp, time.Now().Add(time.Hour))
			if left, _ := filepath.Glob(tmp + "/*"); len(left) > 0 {
				t.Errorf("sweep leaves %v", left)
			}
			continue
		}
		sweep(filepath.Dir(dir), time.Now().Add(-time.Hour))
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("sweep removed a young directory: %v", err)
		}
		os.Chtimes(dir, time.Unix(0, 0), time.Unix(0, 0))
		sweep(filepath.Dir(dir), time.Now().Add(-time.Hour))
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("sweep leaves %s (%v)", dir, err)
		}
	}
}

// zombie reports whether a process is dead but not waited for. An orphan's new
// parent does that, and in containers it may be slow or absent.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// shortTemp is a directory whose name leaves room for sockets.
func shortTemp(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "tq")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestSweepLeavesWhatIsOwned(t *testing.T) {
	root := t.TempDir()
	d, err := newPrivateDir(root)
	if err != nil {
		t.Fatal(err)
	}
	sweep(root, time.Now().Add(time.Hour))
	if _, err := os.Stat(d.path); err != nil {
		t.Fatalf("a directory in use was removed: %v", err)
	}
	d.remove()
	if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("remove leaves it: %v", err)
	}
}

// bootSector prints text and a character that never ends, then reads a
// character and prints it until the end of time.
func bootSector(t *testing.T, code []byte) string {
	t.Helper()
	sector := make([]byte, 512)
	copy(sector, code)
	sector[510], sector[511] = 0x55, 0xaa
	path := filepath.Join(t.TempDir(), "boot.img")
	if err := os.WriteFile(path, sector, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSerial(t *testing.T) {
	image := bootSector(t, []byte{
		0xba, 0xfd, 0x03, // mov dx, 0x3fd
		0xec,       // in al, dx
		0xa8, 0x01, // test al, 1
		0x74, 0xfb, // jz in
		0xba, 0xf8, 0x03, // mov dx, 0x3f8
		0xec,       // in al, dx
		0xee,       // out dx, al
		0xee,       // out dx, al
		0xeb, 0xf0, // jmp start
	})
	vm := start(t, Config{Running: true, SerialBuffer: 4096, Args: []string{"-drive", "format=raw,file=" + image}})
	first, second := bufio.NewReader(vm.Serial()), vm.Serial()
	// Input that comes before the guest listens waits in the line.
	if _, err := io.WriteString(vm.input, "ab\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := first.ReadString('\n'); err != nil || line != "aabb\n" {
		t.Fatalf("%q, %v", line, err)
	}
	vm.Stop(context.Background())
	if all, err := io.ReadAll(second); err != nil || string(all) != "aabb\n\n" {
		t.Fatalf("second reader: %q, %v", all, err)
	}
}

// TestSerialNeverBlocks floods the serial line without anybody reading; the
// guest must get past any buffer's size.
func TestSerialNeverBlocks(t *testing.T) {
	image := bootSector(t, []byte{
		0xba, 0xf8, 0x03, // mov dx, 0x3f8
		0xb0, 'x', // mov al, 'x'
		0x66, 0xb9, 0x00, 0x00, 0x08, 0x00, // mov ecx, 0x80000
		0xee,             // out dx, al
		0x67, 0xe2, 0xfc, // loop (ecx) out
		0xb0, '!', // mov al, '!'
		0xee,       // out
		0xeb, 0xfe, // jmp .
	})
	vm := start(t, Config{Running: true, SerialBuffer: 1000, Args: []string{"-drive", "format=raw,file=" + image}})
	eventually(t, "the guest gets to its end", func() bool { return bytes.HasSuffix(vm.SerialOutput(), []byte("!")) })
	if n := len(vm.SerialOutput()); n != 1000 {
		t.Fatalf("%d bytes are kept, want 1000", n)
	}
}

func TestRing(t *testing.T) {
	r := newRing(4)
	late := &ringReader{ring: r}
	for _, s := range []string{"ab", "cd", "ef", "gh", "ij"} {
		r.Write([]byte(s))
	}
	r.close()
	if s := string(r.content()); s != "ghij" {
		t.Errorf("kept %q", s)
	}
	all, err := io.ReadAll(late)
	if err != nil || !strings.HasSuffix("abcdefghij", string(all)) || len(all) < 4 || len(all) >= 8 {
		t.Errorf("late reader: %q, %v", all, err)
	}
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"5.0", "5.0", 0}, {"7.2.22", "5.0", 1}, {"4.9", "5.0", -1}, {"10.0", "9.2", 1}, {"5", "5.0.1", -1}} {
		got := compareVersions(tt.a, tt.b)
		if got > 0 && tt.want <= 0 || got < 0 && tt.want >= 0 || got == 0 && tt.want != 0 {
			t.Errorf("%s against %s: %d", tt.a, tt.b, got)
		}
	}
}

func TestArguments(t *testing.T) {
	c := Config{Kernel: "k", Append: "a b", CPUs: 2, Args: []string{"-last"}}.withDefaults()
	line := strings.Join(c.arguments("/a,b"), "|")
	for _, w := range []string{"-machine|memory-backend=thaw-ram|", "mem-path=/a,,b,share=on", "-kernel|k|-append|a b|", "-smp|2|", "-nodefaults|-S|-last"} {
		if !strings.Contains(line, w) {
			t.Errorf("%s lacks %s", line, w)
		}
	}
	c.Running = true
	if line := strings.Join(c.arguments(""), "|"); strings.Contains(line, "-S") || strings.Contains(line, "memory-backend") {
		t.Errorf("%s", line)
	}
}
