package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/testwait"
)

// teller passes the remote protocol on between thaw and a stub, and calls at as
// thaw's k-th packet has come, before the stub gets it.
type teller struct {
	ln      net.Listener
	packets atomic.Int64
	k       int64
	of      string // the k-th that begins so
	after   string // and comes after one that begins so
	first   func() // is called at the k-th, before the signal
	at      func()
	hold    time.Duration // that the k-th packet is kept after that
	begin   func()        // is called before thaw is connected to the stub
	delay   time.Duration // that each packet takes on its way
}

// tell starts a teller in front of a stub; its address is for thaw.
func tell(t *testing.T, stub string, p *teller) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gdb")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p.ln = ln
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); testwait.For(t, done, "the proxy to end") })
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			p.pass(t, conn, stub)
		}
	}()
	return path
}

// pass serves one connection to its end.
func (p *teller) pass(t *testing.T, conn net.Conn, stub string) {
	if p.begin != nil {
		p.begin()
	}
	to, err := net.Dial("unix", strings.TrimPrefix(stub, "unix:"))
	if err != nil {
		t.Errorf("connecting to the stub: %v", err)
		conn.Close()
		return
	}
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		io.Copy(conn, to)
		conn.Close()
	}()
	buf, armed := make([]byte, 64<<10), false
	for {
		n, err := conn.Read(buf)
		for rest := buf[:n]; len(rest) > 0; {
			next := len(rest)
			if i := bytes.IndexByte(rest[1:], '$'); i >= 0 {
				next = 1 + i
			}
			if rest[0] == '$' {
				armed = armed || bytes.HasPrefix(rest, []byte(p.after))
				if armed && bytes.HasPrefix(rest, []byte(p.of)) && p.packets.Add(1) == p.k {
					p.at()
					time.Sleep(p.hold)
				}
				time.Sleep(p.delay)
			}
			if _, werr := to.Write(rest[:next]); werr != nil {
				break
			}
			rest = rest[next:]
		}
		if err != nil {
			break
		}
	}
	to.Close()
	select {
	case <-answers:
	case <-time.After(testwait.Limit): // not testwait.For: this is not the test's goroutine
		t.Error("the stub goes on answering")
	}
}

// checkUntil runs a check of a guest that boots, or runs, and sends it a signal at
// its k-th packet. It reports how many packets thaw sent, and whether the signal came
// in time.
func checkUntil(t *testing.T, vm *qemu.VM, k int64, sig syscall.Signal) (packets int64, killed bool) {
	t.Helper()
	return checkThrough(t, vm, &teller{k: k, begin: func() {
		if status(t, vm) == "prelaunch" {
			qmp(t, vm, "cont") // so that it is attached to as it boots, and ran before
		}
	}}, sig)
}

// checkThrough is checkUntil through a teller.
func checkThrough(t *testing.T, vm *qemu.VM, p *teller, sig syscall.Signal, flags ...string) (packets int64, killed bool) {
	t.Helper()
	var starting sync.Mutex // held until it is known which process thaw is
	var cmd *exec.Cmd
	k := p.k
	p.at = func() {
		if p.first != nil {
			p.first()
		}
		starting.Lock()
		defer starting.Unlock()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Errorf("packet %d: %v", k, err)
		}
	}
	addr := tell(t, vm.GDB(), p)
	if vm.RAMPath() != "" {
		flags = append(slices.Clone(flags), "--ram", vm.RAMPath())
	}
	cmd = exec.Command(program, append([]string{"check", addr, "--build", guestDir}, flags...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	starting.Lock()
	err := cmd.Start()
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if k > 0 {
		t.Logf("%v at packet %d", sig, k)
	}
	waitEnd(t, cmd)
	if sig == syscall.SIGKILL {
		return p.packets.Load(), true
	}
	code := cmd.ProcessState.ExitCode()
	killed = code == exitFailed
	if killed && (k <= 0 || !oneSentence(stderr.String())) || !killed && code != exitOK {
		t.Errorf("%v at packet %d: %v: %s", sig, k, cmd.ProcessState, &stderr)
	}
	return p.packets.Load(), killed
}

// goesOn makes sure that a guest runs, and counts on.
func goesOn(t *testing.T, vm *qemu.VM, what string) {
	t.Helper()
	if s := status(t, vm); s != "running" {
		t.Errorf("%s: the guest is %s", what, s)
		qmp(t, vm, "cont")
		return
	}
	seen := strings.Count(string(vm.SerialOutput()), "sheeps.")
	poll(t, what+": the guest to count on", func() bool { return strings.Count(string(vm.SerialOutput()), "sheeps.") > seen })
}

// A signal at any packet of a check leaves a guest running that ran: while thaw
// attaches, and in the middle of all phases. The first packets are all tried, of
// the others THAW_SIGNALS (make kill), spread evenly; memory is read from shared RAM
// then: through the stub, nine packets of ten do nothing else.
func TestSignalAtPacket(t *testing.T) {
	first := numberOf(t, "THAW_SIGNALS_FIRST", 24)
	spread := numberOf(t, "THAW_SIGNALS", 8)
	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT}
	t.Run("attaching", func(t *testing.T) {
		t.Parallel()
		vm := runningLab(t)
		for k := int64(1); k <= first; k++ {
			sig := signals[k%int64(len(signals))]
			checkUntil(t, vm, k, sig)
			goesOn(t, vm, sig.String()+" at packet "+strconv.FormatInt(k, 10))
		}
	})
	t.Run("walking", func(t *testing.T) {
		t.Parallel()
		shared := func(c *qemu.Config) { c.SharedRAM = true }
		packets, killed := checkUntil(t, frozenLab(t, shared), -1, 0)
		if killed || packets < 100 {
			t.Fatalf("a whole check has %d packets", packets)
		}
		t.Logf("a whole check has %d packets", packets)
		alive := 0
		for i := range spread {
			k := first + (packets-first)*(i+1)/(spread+1)
			sig := signals[i%int64(len(signals))]
			vm := frozenLab(t, shared)
			if _, killed := checkUntil(t, vm, k, sig); killed {
				alive++
			}
			goesOn(t, vm, sig.String()+" at packet "+strconv.FormatInt(k, 10))
			vm.Stop(context.Background())
		}
		if spread > 1 && alive == 0 {
			t.Errorf("thaw had ended before each of %d signals", spread)
		}
	})
}

// QEMU that does not answer while thaw leaves, since the machine is busy, lets its guest go
// on as it comes to it: one that ran, and one that stood for the moment.
func TestSignalBusyStub(t *testing.T) {
	t.Parallel()
	for _, p := range []*teller{{of: "$vCont;c", k: 5}, {of: "$m", k: 200}} {
		t.Run(p.of, func(t *testing.T) {
			t.Parallel()
			vm := frozenLab(t)
			qemu := func(sig syscall.Signal) {
				if err := syscall.Kill(vm.PID(), sig); err != nil {
					t.Errorf("%v to QEMU: %v", sig, err)
				}
			}
			p.first = func() { qemu(syscall.SIGSTOP) }
			p.begin = func() { qmp(t, vm, "cont") }
			if _, killed := checkThrough(t, vm, p, syscall.SIGTERM); !killed {
				t.Error("thaw had ended before")
			}
			qemu(syscall.SIGCONT)
			poll(t, "QEMU to come to it", func() bool { return status(t, vm) == "running" })
			goesOn(t, vm, p.of)
		})
	}
}

// A stub that says nothing keeps thaw for no longer than about a second after a
// signal.
func TestSignalMuteStub(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mute")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ln.(*net.UnixListener).SetDeadline(time.Now().Add(limit))
	cmd := exec.Command(program, "check", path, "--build", guestDir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(limit))
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatalf("waiting for thaw's first packet: %v", err)
	}
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := waitEnd(t, cmd); !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !oneSentence(stderr.String()) {
		t.Errorf("%v: %s", err, &stderr)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("thaw ended %v after the signal", took)
	}
}

// A guest that a killed thaw has left standing is recognised by the next one; one
// that its owner stopped is not taken for it.
func TestAbandonedIsRecognised(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	const said = "ended without letting it go on"
	// The kernel, the components and their phases are there at the 1,000th packet.
	checkUntil(t, vm, 1000, syscall.SIGKILL)
	if s := status(t, vm); s == "running" {
		t.Fatal("the guest runs: nothing to recognise")
	}
	r := thaw(t, "doctor", vm.GDB(), "--build", guestDir)
	if !strings.Contains(r.stdout, said) || r.code != exitOK {
		t.Errorf("doctor: exit code %d\n%s", r.code, r.stdout)
	}
	qmp(t, vm, "cont")
	goesOn(t, vm, "after cont")
	qmp(t, vm, "stop")
	if r := thaw(t, "doctor", vm.GDB(), "--build", guestDir); strings.Contains(r.stdout, said) {
		t.Errorf("its owner has stopped it: %s", r.stdout)
	}
}
