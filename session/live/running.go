package live

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/memory"
	"thaw/session/watch"
)

// Running is the RAM of a guest that runs, or what may be that: who reads it must know
// it when it sees it. Nothing is asked of the gdbstub, which would stop the guest.
type Running struct {
	memory.Source
	Name  string // where it is read, for people
	size  uint64
	pid   int // of the process that runs the guest, 0 if not known
	close func() error
}

// lowest is how much RAM every PC of QEMU's has at physical 0 in one piece, if it has so
// much; what lies behind may be anywhere.
const lowest = 2 << 30

// ramBegins is where QEMU's machines have their RAM, 0 but for the one that 64-bit ARM is
// emulated with (virt).
var ramBegins = map[elf.Machine]uint64{elf.EM_AARCH64: 1 << 30}

// FindRunning finds what may be the RAM of the guest behind a stub's address, which has a
// processor: the file that is named, or else pieces of memory of the QEMU that listens there.
func FindRunning(addr, file string, m elf.Machine) ([]Running, error) {
	begin := ramBegins[m]
	pid, err := gdbremote.ListenerPID(addr)
	if file != "" {
		shared, err := memory.MapShared(file)
		if err != nil {
			return nil, err
		}
		return []Running{{Source: shared, Name: file, size: shared.Size(), pid: pid, close: shared.Close}}, nil
	}
	const how = "start QEMU with -object memory-backend-file,share=on,… and give its mem-path with --ram"
	switch {
	case err != nil:
		return nil, fmt.Errorf("finding the QEMU behind %s: %w; a guest is read while it runs by the user who runs it, on the same host; elsewhere %s", addr, err, how)
	case !qemu.IsQEMU(pid):
		return nil, fmt.Errorf("process %d, which listens at %s, is no QEMU: give the address of QEMU's own gdbstub, or %s", pid, addr, how)
	}
	maps, err := qemu.Mappings(pid)
	if err != nil {
		return nil, err
	}
	var out []Running
	for _, m := range maps {
		end := begin + min(m.Size, lowest)
		ram := memory.NewProcess(pid, []memory.HostRAM{{First: begin, Last: end - 1, Host: m.Start}})
		var word [8]byte
		if err := ram.ReadPhysical([]memory.Request{{Addr: begin, Buf: word[:]}}); err != nil {
			return nil, fmt.Errorf("%w: allow it (sysctl kernel.yama.ptrace_scope=0), or %s", err, how)
		}
		out = append(out, inProcess(pid, ram, end))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("QEMU's process %d has no memory that could be a guest's RAM: %s", pid, how)
	}
	return out, nil
}

func inProcess(pid int, ram *memory.Process, size uint64) Running {
	return Running{Source: ram, Name: (&processRAM{pid: pid}).name(), size: size, pid: pid, close: func() error { return nil }}
}

// Beside opens the guest's RAM once more, to be read while the guest runs; nil where it is
// read through the stub alone. It is session.Beside.
func (t *ramAccess) Beside() func() (watch.Memory, error) {
	v := t.ram()
	if v == nil {
		return nil
	}
	if v.file != nil {
		pid := t.opts.PID
		if t.vm != nil {
			pid = t.vm.PID()
		}
		return func() (watch.Memory, error) {
			shared, err := memory.MapShared(v.name) // one's own: the session may give up its own
			if err != nil {
				return nil, err
			}
			return &Running{Source: shared, Name: v.name, size: shared.Size(), pid: pid, close: shared.Close}, nil
		}
	}
	pid, pieces, size := v.process.pid, slices.Clone(v.process.ram.Pieces()), uint64(0)
	top := ramBegins[t.machine] + lowest
	for _, p := range pieces {
		if p.First < top {
			size = max(size, min(p.Last, top-1)+1)
		}
	}
	return func() (watch.Memory, error) {
		r := inProcess(pid, memory.NewProcess(pid, pieces), size)
		return &r, nil
	}
}

// Size is how many bytes from physical 0 on may be there.
func (r *Running) Size() uint64 { return r.size }

// At is memory where it lies, nil where it cannot be looked at so; see memory.InPlace.
func (r *Running) At(addr uint64, n int) []byte {
	if in, ok := r.Source.(memory.InPlace); ok {
		return in.At(addr, n)
	}
	return nil
}

// Alive says that the guest's process has not ended, as far as that is known. A file of
// RAM stays as it was.
func (r *Running) Alive() error {
	if r.pid == 0 {
		return nil
	}
	// One that ends is there for a while, without memory.
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", r.pid))
	if errors.Is(err, unix.ESRCH) || errors.Is(err, fs.ErrNotExist) || bytes.HasPrefix(statm, []byte("0 ")) {
		return fmt.Errorf("QEMU's process %d has ended", r.pid)
	}
	return nil
}

// Close gives it up.
func (r *Running) Close() error { return r.close() }
