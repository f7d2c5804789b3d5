package qemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// VM is a QEMU that belongs to this process.
type VM struct {
	gdb    string
	ram    string
	dirs   []*privateDir
	serial *ring
	input  *os.File // our end of the serial line
	qmp    *qmp
	stderr *ring
	cmd    *exec.Cmd

	stopping atomic.Bool
	done     chan struct{}
	copied   sync.WaitGroup // of goroutines that read from QEMU

	// Set before done is closed.
	exit error
}

// killGrace is how long QEMU may take to end when asked.
const killGrace = 2 * time.Second

// Start starts QEMU and returns when it is ready, frozen unless Config.Running
// says otherwise. ctx limits the start only; end the VM with Stop. Errors
// contain what QEMU wrote.
func Start(ctx context.Context, c Config) (*VM, error) {
	c = c.withDefaults()
	if err := c.checkKernel(); err != nil {
		return nil, err
	}
	path, err := find(ctx, c)
	if err != nil {
		return nil, err
	}
	vm := &VM{
		serial: newRing(c.SerialBuffer), stderr: newRing(16 << 10),
		done: make(chan struct{}),
	}
	if err := vm.launch(path, c); err != nil {
		vm.clean()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	if err := vm.ready(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.Background(), killGrace)
		defer cancel()
		if ctx.Err() == nil && vm.ended() { // its own words are better than a closed socket's
			return nil, fmt.Errorf("starting %s: %w", path, vm.exit)
		}
		vm.Stop(stopCtx)
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return vm, nil
}

// launch makes directories, sockets and the process.
func (vm *VM) launch(path string, c Config) error {
	sweepOnce()
	dir, err := newPrivateDir(socketRoot())
	if err != nil {
		return err
	}
	vm.dirs = append(vm.dirs, dir)
	if c.SharedRAM {
		ramDir := dir
		if root := ramRoot(int64(c.MemoryMB) << 20); root != "" {
			if ramDir, err = newPrivateDir(root); err != nil {
				return err
			}
			vm.dirs = append(vm.dirs, ramDir)
		}
		vm.ram = ramDir.file("ram")
	}
	socket := dir.file("gdb")
	gdb, err := listen(socket)
	if err != nil {
		return err
	}
	defer gdb.Close()
	vm.gdb = "unix:" + socket
	serial, serialQEMU, err := socketPair("serial")
	if err != nil {
		return err
	}
	defer serialQEMU.Close()
	vm.input = serial
	control, controlQEMU, err := socketPair("qmp")
	if err != nil {
		return err
	}
	defer controlQEMU.Close()

	cmd := exec.Command(path, c.arguments(vm.ram)...)
	cmd.ExtraFiles = []*os.File{serialQEMU, controlQEMU, gdb} // in the order of fdSerial...
	cmd.Stderr = vm.stderr
	cmd.WaitDelay = killGrace
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		Setpgid:   true, // so that Ctrl-C in our terminal is not meant for QEMU
	}
	vm.cmd = cmd
	vm.qmp = newQMP(control)
	vm.copied.Go(func() { vm.serial.copy(serial) })
	vm.copied.Go(vm.qmp.read)
	started := make(chan error)
	go vm.own(started)
	return <-started
}

// own starts the process and waits for its end, all on one thread of its own:
// the kernel sends QEMU its death signal when the thread that started it ends,
// not when the process does.
func (vm *VM) own(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := vm.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = vm.cmd.Wait()
	vm.qmpEnd()
	vm.copied.Wait()
	vm.serial.close()
	vm.stderr.close()
	vm.exit = vm.describe(err)
	vm.clean()
	close(vm.done)
}

// qmpEnd makes sure that the goroutines that read from QEMU end with it, even
// if a child of QEMU's still holds the other ends.
func (vm *VM) qmpEnd() {
	end := time.Now().Add(killGrace)
	vm.input.SetReadDeadline(end)
	vm.qmp.file.SetReadDeadline(end)
}

// clean closes and removes what belongs to the VM.
func (vm *VM) clean() {
	if vm.input != nil {
		vm.input.Close()
	}
	if vm.qmp != nil {
		vm.qmp.close()
	}
	for _, d := range vm.dirs {
		d.remove()
	}
	if path, ok := strings.CutPrefix(vm.gdb, "unix:"); ok {
		os.Remove(path)
	}
}

// describe says how QEMU ended.
func (vm *VM) describe(err error) error {
	state := vm.cmd.ProcessState
	if state == nil {
		return fmt.Errorf("QEMU ended: %w", err)
	}
	how := "exit status 0"
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		how = fmt.Sprintf("signal %v", ws.Signal())
	} else if !state.Success() {
		how = state.String()
	}
	return &ExitError{How: how, Asked: vm.stopping.Load(), Stderr: vm.lastWords()}
}

// ExitError is how QEMU ended.
type ExitError struct {
	How    string // "exit status 1", "signal killed"
	Asked  bool   // Stop was called before
	Stderr string // the last lines QEMU wrote, may be empty
}

// Error is a sentence such as "QEMU ended: exit status 1: could not open x".
func (e *ExitError) Error() string {
	s := "QEMU ended: " + e.How
	if e.Stderr != "" {
		s += ": " + e.Stderr
	}
	return s
}

// lastWords are the last lines of QEMU's messages, or the one that says why it gives
// up: a dump of its processors may follow that.
func (vm *VM) lastWords() string {
	lines := strings.Split(strings.TrimSpace(string(vm.stderr.content())), "\n")
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "fatal: ") }); i >= 0 {
		return lines[i]
	}
	if len(lines) > 3 {
		lines = lines[len(lines)-3:]
	}
	return strings.Join(lines, "; ")
}

// ended reports whether the process has ended or is about to have: a dying
// QEMU closes its sockets a moment before it can be waited for.
func (vm *VM) ended() bool {
	select {
	case <-vm.done:
		return true
	case <-time.After(killGrace):
		return false
	}
}

// ready waits until QEMU's main loop answers.
func (vm *VM) ready(ctx context.Context) error {
	if err := vm.qmp.negotiate(ctx); err != nil {
		return fmt.Errorf("QEMU does not answer: %w", err)
	}
	_, err := vm.qmp.command(ctx, "query-status", nil)
	return err
}

// PID is QEMU's process id.
func (vm *VM) PID() int { return vm.cmd.Process.Pid }

// GDB is the gdbstub's address in the form gdbremote.Dial takes. Connections
// are accepted from the moment Start returns.
func (vm *VM) GDB() string { return vm.gdb }

// RAMPath is the file that guest memory is in, from guest-physical address 0
// on (PCs have a hole below 4 GiB, which the file leaves out); empty without
// Config.SharedRAM. It is removed when QEMU ends; mappings stay valid.
func (vm *VM) RAMPath() string { return vm.ram }

// Done is closed when QEMU has ended and everything is cleaned up.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// Exit is how QEMU ended: an *ExitError, or nil while it has not.
func (vm *VM) Exit() error {
	select {
	case <-vm.done:
		return vm.exit
	default:
		return nil
	}
}

// Wait waits for QEMU's end and returns how it came, or ctx's error.
func (vm *VM) Wait(ctx context.Context) error {
	select {
	case <-vm.done:
		return vm.exit
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Stop ends QEMU: it is asked first, and killed if it does not end soon or
// when ctx ends. When Stop returns, the process, its sockets and its files are
// gone. It may be called more than once, also after QEMU's own end.
func (vm *VM) Stop(ctx context.Context) error {
	vm.stopping.Store(true)
	asked, cancel := context.WithTimeout(ctx, killGrace)
	defer cancel()
	if vm.Exit() == nil {
		// Its answer does not matter, only that it ends.
		_, _ = vm.qmp.command(asked, "quit", nil)
	}
	select {
	case <-vm.done:
		return nil
	case <-asked.Done():
	}
	if err := vm.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing QEMU, process %d: %w", vm.PID(), err)
	}
	<-vm.done
	return nil
}

// Serial reads what the guest writes to its first serial line, from the oldest
// byte kept (Config.SerialBuffer), and waits for more until QEMU ends. Each
// call gives a reader of its own; a slow one misses bytes but never slows the
// guest.
func (vm *VM) Serial() io.Reader { return &ringReader{ring: vm.serial} }

// SerialOutput is what is kept of the guest's serial output.
func (vm *VM) SerialOutput() []byte { return vm.serial.content() }

// QMP runs a command of QEMU's machine protocol and returns its result. args is
// encoded as JSON; nil if there are none. What lets the guest run or stop goes
// behind the back of a debugger that is attached.
func (vm *VM) QMP(ctx context.Context, command string, args any) (json.RawMessage, error) {
	return vm.qmp.command(ctx, command, args)
}
