package qemu

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Config says which QEMU to start. The zero value is a frozen PC without any
// guest.
type Config struct {
	// Binary is the program, as a path or a name in PATH; qemu-system-x86_64 if empty.
	Binary string

	CPUs     int // -smp; 1 if zero
	MemoryMB int // size of guest memory in MiB; 128 if zero
	// SharedRAM keeps guest memory in a file that others can map, see VM.RAMPath.
	SharedRAM bool

	Kernel string // -kernel; a Multiboot or Linux image
	Append string // -append; the kernel's command line

	// ICount is -icount: the guest's clocks count its instructions, so that its time
	// does not run away from it on a busy machine. "shift=N" is 2^N ns each.
	ICount string

	// Running starts the guest at once instead of frozen.
	Running bool
	// SerialBuffer is how many bytes of the guest's serial output are kept; 1 MiB if zero.
	SerialBuffer int
	// Run is where the run is recorded and VM snapshots are kept, nil for neither;
	// Mode says which.
	Run  *Run
	Mode Mode
	// Args are further arguments; they come last and so override earlier ones.
	Args []string
}

// Errors one can ask for with errors.Is.
var (
	// ErrNotFound says that the program is not installed.
	ErrNotFound = errors.New("QEMU is not installed")
	// ErrTooOld says that the program is older than minVersion.
	ErrTooOld = errors.New("QEMU is too old")
)

const (
	minVersion          = "5.0" // the oldest that can share guest memory
	defaultMemoryMB     = 128
	defaultSerialBuffer = 1 << 20
	versionTimeout      = 10 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Binary == "" {
		c.Binary = "qemu-system-x86_64"
	}
	if c.MemoryMB <= 0 {
		c.MemoryMB = defaultMemoryMB
	}
	if c.SerialBuffer <= 0 {
		c.SerialBuffer = defaultSerialBuffer
	}
	return c
}

// find looks for the configured program and checks its version. Errors say what to
// install.
func find(ctx context.Context, c Config) (path string, err error) {
	if path, err = exec.LookPath(c.Binary); err != nil {
		return "", fmt.Errorf("%s not found: apt-get install qemu-system-x86 (%w: %w)", c.Binary, ErrNotFound, err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("finding %s: %w", c.Binary, err)
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", path, err)
	}
	if err := checkVersion(string(out), minVersion); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return path, nil
}

var versionPattern = regexp.MustCompile(`version (\d+(?:\.\d+)*)`)

// checkVersion finds the version in the program's output and compares.
func checkVersion(output, minimum string) error {
	line, _, _ := strings.Cut(output, "\n")
	m := versionPattern.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("is this QEMU? It answers --version with %.80q", line)
	}
	if compareVersions(m[1], minimum) < 0 {
		return fmt.Errorf("%w: version %s, and %s or newer is needed", ErrTooOld, m[1], minimum)
	}
	return nil
}

// compareVersions compares dotted numbers; missing parts count as 0.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		var x, y int
		if i < len(as) {
			x, _ = strconv.Atoi(as[i])
		}
		if i < len(bs) {
			y, _ = strconv.Atoi(bs[i])
		}
		if x != y {
			return x - y
		}
	}
	return 0
}

// checkKernel makes sure that the kernel exists before QEMU complains in its own words.
func (c Config) checkKernel() error {
	if c.Kernel == "" {
		return nil
	}
	if _, err := os.Stat(c.Kernel); err != nil {
		return fmt.Errorf("the kernel to boot cannot be read: %w", err)
	}
	return nil
}

// Numbers of the descriptors QEMU inherits.
const (
	fdSerial = 3 + iota
	fdQMP
	fdGDB
)

// arguments makes the command line.
func (c Config) arguments(ramPath string) []string {
	args := []string{
		"-name", "thaw", "-no-user-config", "-display", "none", "-no-reboot",
		"-monitor", "none", "-parallel", "none",
		"-chardev", c.serialBackend(), "-serial", "chardev:thaw-serial",
		"-chardev", fmt.Sprintf("socket,id=thaw-qmp,fd=%d", fdQMP), "-qmp", "chardev:thaw-qmp",
		"-chardev", fmt.Sprintf("socket,id=thaw-gdb,fd=%d,server=on,wait=off", fdGDB), "-gdb", "chardev:thaw-gdb",
		"-m", strconv.Itoa(c.MemoryMB),
	}
	if ramPath != "" {
		args = append(args, "-object",
			fmt.Sprintf("memory-backend-file,id=thaw-ram,size=%dM,mem-path=%s,share=on", c.MemoryMB, commas(ramPath)), "-machine", "memory-backend=thaw-ram")
	}
	icount := c.ICount
	if c.Run != nil && c.Mode != Snapshots {
		icount = "" // it is among the run's arguments
	}
	for _, o := range []struct{ name, value string }{{"-kernel", c.Kernel}, {"-icount", icount}, {"-append", c.Append}} {
		if o.value != "" {
			args = append(args, o.name, o.value)
		}
	}
	if c.CPUs > 1 {
		args = append(args, "-smp", strconv.Itoa(c.CPUs))
	}
	args = append(args, "-nodefaults")
	if !c.Running {
		args = append(args, "-S")
	}
	args = append(args, c.runArguments()...)
	return append(args, c.Args...)
}

// serialBackend is where the guest's serial output goes. While a run is recorded
// it is dropped: a socket that is full for a moment makes the device try again,
// which the record does not tell (QEMU 7.2).
func (c Config) serialBackend() string {
	if c.Run != nil && c.Mode == Record {
		return "null,id=thaw-serial"
	}
	return fmt.Sprintf("socket,id=thaw-serial,fd=%d", fdSerial)
}

// commas doubles commas, which separate QEMU's options.
func commas(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// runArguments are those that a run adds. QEMU's vapic device stays out of
// machines that record or replay: its reset waits for the processor's thread,
// with the lock that this thread waits for, so that loading a VM snapshot, and
// with it every step backwards, hangs most of the time (QEMU 7.2).
func (c Config) runArguments() []string {
	if c.Run == nil {
		return nil
	}
	args := []string{"-drive", "if=none,id=thaw-snapshots,format=qcow2,file=" + commas(c.Run.image())}
	if c.Mode == Snapshots {
		return args
	}
	return append(args, "-icount", fmt.Sprintf("%s,rr=%s,rrfile=%s,rrsnapshot=init", cmp.Or(c.ICount, "shift=auto"), c.Mode, commas(c.Run.dir.file("record"))),
		"-global", "apic-common.vapic=off")
}
