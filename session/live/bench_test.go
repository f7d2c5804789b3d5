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
	for _, size := range []struct{ threads, caps, ram int }{{0, 0, 64}, {10, 100, 64}, {100, 1000, 64}, {1000, 10000, 256}, {10000, 100000, 512}} {
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

// restored is what the LOG says once the restore is over.
var restored = regexp.MustCompile(`(?s)restore.*1 sheep`)

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
	for !restored.MatchString(seen) {
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

// attach opens the target and tells how its processor stands.
func (r *refresh) attach(b *testing.B, shared bool) (*live.Target, kernel.CPU) {
	ctx := context.Background()
	var o live.Options
	if shared {
		o.RAM = r.vm.RAMPath()
	}
	target, err := live.Attach(ctx, r.vm.GDB(), o)
	if err != nil {
		b.Fatal(err)
	}
	return target, r.cpu(b, target)
}

func (r *refresh) cpu(b *testing.B, target *live.Target) kernel.CPU {
	regs, err := target.CPUs(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	value := func(name string) uint64 { v, _ := regs[0].Uint64(name); return v }
	return kernel.CPU{IP: value("rip"), SP: value("rsp"), User: value("cs")&3 == 3, Root: value("cr3") &^ 0xfff}
}

// decode reads the model; touched is what the last one read.
func (r *refresh) decode(b *testing.B, target *live.Target, cpu kernel.CPU, touched []uint64) (*kernel.System, *memory.View) {
	view := memory.NewView(target, target.BlockSize(), touched)
	sys, err := r.layout.Decode(kernel.Machine{Phys: view, Paging: memory.AMD64{}, CPUs: []kernel.CPU{cpu}})
	if err != nil {
		b.Fatal(err)
	}
	return sys, view
}

func (r *refresh) run(b *testing.B, shared bool, gdb time.Duration) {
	target, cpu := r.attach(b, shared)
	defer target.Close(context.Background())
	// The first stop of a session has no hint what to read.
	begin := time.Now()
	sys, view := r.decode(b, target, cpu, nil)
	first := time.Since(begin)
	for b.Loop() {
		sys, view = r.decode(b, target, cpu, view.Touched())
	}
	perOp := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(gdb)/float64(perOp), "gdb-ratio")
	b.ReportMetric(float64(first)/float64(perOp), "first-ratio")
	b.ReportMetric(float64(perOp.Nanoseconds())/float64(len(sys.Objects)+sys.Capabilities()), "ns/object+cap")
	b.ReportMetric(float64(view.Stats().Bytes), "bytes")
	b.ReportMetric(float64(view.Stats().Batches), "batches")
}

// BenchmarkStep takes single steps: the step and the refresh after it, with the
// hint of the stop before and without (full-ratio: time without it over ours).
func BenchmarkStep(b *testing.B) {
	ctx := context.Background()
	r := newRefresh(b, "threads=100 caps=1000", 64)
	for _, shared := range []bool{false, true} {
		b.Run(map[bool]string{false: "stub", true: "shared"}[shared], func(b *testing.B) {
			target, cpu := r.attach(b, shared)
			defer target.Close(ctx)
			_, view := r.decode(b, target, cpu, nil)
			var step, hinted, full time.Duration
			for b.Loop() {
				begin := time.Now()
				if _, err := target.Step(ctx, 0); err != nil {
					b.Fatal(err)
				}
				cpu = r.cpu(b, target)
				stepped := time.Now()
				_, view = r.decode(b, target, cpu, view.Touched())
				refreshed := time.Now()
				r.decode(b, target, cpu, nil)
				step, hinted, full = step+stepped.Sub(begin), hinted+refreshed.Sub(stepped), full+time.Since(refreshed)
			}
			b.ReportMetric(float64(full)/float64(hinted), "full-ratio")
			b.ReportMetric(float64(hinted.Microseconds())/float64(b.N), "µs/refresh")
			b.ReportMetric(float64(step.Microseconds())/float64(b.N), "µs/step")
		})
	}
}
