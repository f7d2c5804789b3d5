package live_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/memory"
	"thaw/session/live"
)

// BenchmarkRefresh reads the whole model at a stop, through the gdbstub alone
// and from shared RAM, against a gdb script that reads the same from the same
// guest (gdb-ratio: its time over ours).
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []struct{ threads, caps, ram int }{{0, 0, 64}, {1000, 10000, 256}, {10000, 100000, 512}} {
		b.Run(fmt.Sprintf("threads=%d", size.threads), func(b *testing.B) {
			r := newRefresh(b, fmt.Sprintf("threads=%d caps=%d", size.threads, size.caps), size.ram)
			gdb := r.gdb(b)
			for _, shared := range []bool{false, true} {
				name := map[bool]string{false: "stub", true: "shared"}[shared]
				b.Run(name, func(b *testing.B) { r.run(b, shared, gdb) })
			}
		})
	}
}

type refresh struct {
	vm     *qemu.VM
	dir    string
	layout *foc.Layout
}

func newRefresh(b *testing.B, options string, ram int) *refresh {
	ctx := context.Background()
	dir, err := guest.Build(ctx)
	if err != nil {
		b.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: ram, SharedRAM: true, Append: options, Running: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { vm.Stop(context.Background()) })
	serial, buf, seen := vm.Serial(), make([]byte, 4096), ""
	for !regexp.MustCompile(`(?s)restore.*1 sheep`).MatchString(seen) {
		n, err := serial.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		seen += string(buf[:n])
	}
	file, err := debuginfo.Load(filepath.Join(dir, guest.Kernel))
	if err != nil {
		b.Fatal(err)
	}
	layout, err := foc.NewLayout(file)
	if err != nil {
		b.Fatal(err)
	}
	return &refresh{vm, dir, layout}
}

var gdbSeconds = regexp.MustCompile(`gdb: (\d+) objects, \d+ threads, (\d+) capabilities in ([0-9.]+) s`)

// gdb runs the script once, before thaw attaches.
func (r *refresh) gdb(b *testing.B) time.Duration {
	script, err := filepath.Abs("../../bench/objects.py")
	if err != nil {
		b.Fatal(err)
	}
	addr := r.vm.GDB()[len("unix:"):]
	out, err := exec.Command("gdb", "-batch", "-nx", "-ex", "target remote "+addr, "-x", script, filepath.Join(r.dir, guest.Kernel)).CombinedOutput()
	m := gdbSeconds.FindSubmatch(out)
	if m == nil {
		b.Fatalf("gdb's script: %v\n%s", err, out)
	}
	seconds, err := strconv.ParseFloat(string(m[3]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

func (r *refresh) run(b *testing.B, shared bool, gdb time.Duration) {
	ctx := context.Background()
	o := live.Options{}
	if shared {
		o.RAM = r.vm.RAMPath()
	}
	target, err := live.Attach(ctx, r.vm.GDB(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer target.Close(ctx)
	regs, err := target.CPUs(ctx)
	if err != nil {
		b.Fatal(err)
	}
	value := func(name string) uint64 { v, _ := regs[0].Uint64(name); return v }
	cpu := kernel.CPU{IP: value("rip"), SP: value("rsp"), User: value("cs")&3 == 3, Root: value("cr3") &^ 0xfff}
	var touched []uint64
	var stats memory.Stats
	var sys *kernel.System
	for b.Loop() {
		view := memory.NewView(target, target.BlockSize(), touched)
		if sys, err = r.layout.Decode(kernel.Machine{Phys: view, Paging: memory.AMD64{}, CPUs: []kernel.CPU{cpu}}); err != nil {
			b.Fatal(err)
		}
		touched, stats = view.Touched(), view.Stats()
	}
	perOp := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(gdb)/float64(perOp), "gdb-ratio")
	b.ReportMetric(float64(perOp.Nanoseconds())/float64(len(sys.Objects)+sys.Capabilities()), "ns/object+cap")
	b.ReportMetric(float64(stats.Bytes), "bytes")
	b.ReportMetric(float64(stats.Batches), "batches")
}
