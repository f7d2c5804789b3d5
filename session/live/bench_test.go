package live_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/memory"
	"thaw/session"
	"thaw/session/live"
)

// BenchmarkRefresh reads the whole model at a stop, through the gdbstub alone
// and from shared RAM, against a gdb script that reads the same from the same
// guest (gdb-ratio: its time over ours).
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []struct{ threads, caps, ram int }{{0, 0, 64}, {10, 100, 64}, {100, 1000, 64}, {1000, 10000, 256}, {10000, 100000, 512}} {
		b.Run(fmt.Sprintf("threads=%d", size.threads), func(b *testing.B) {
			r := newRefresh(b, fmt.Sprintf("threads=%d caps=%d", size.threads, size.caps), size.ram)
			gdb := &times{}
			for range map[bool]int{false: 5, true: 3}[size.threads > 1000] {
				*gdb = append(*gdb, r.gdb(b))
			}
			for _, shared := range []bool{false, true} {
				name := map[bool]string{false: "stub", true: "shared"}[shared]
				b.Run(name, func(b *testing.B) { r.run(b, shared, gdb.median()) })
			}
		})
	}
}

// times are those of some runs.
type times []time.Duration

func (t times) median() time.Duration {
	t = slices.Sorted(slices.Values(t))
	return t[len(t)/2]
}

// restored is what the LOG says once the restore is over.
var restored = regexp.MustCompile(`(?s)restore.*1 sheep`)

type refresh struct {
	vm     *qemu.VM
	dir    string
	layout *foc.Layout
}

func newRefresh(b testing.TB, options string, ram int) *refresh {
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
func (r *refresh) attach(b testing.TB, shared bool) (*live.Target, kernel.CPU) {
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

func (r *refresh) cpu(b testing.TB, target *live.Target) kernel.CPU {
	regs, err := target.CPUs(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	value := func(name string) uint64 { v, _ := regs[0].Uint64(name); return v }
	return kernel.CPU{IP: value("rip"), SP: value("rsp"), User: value("cs")&3 == 3, Root: value("cr3") &^ 0xfff}
}

// decode reads the model, through a mirror that is refreshed before.
func (r *refresh) decode(b testing.TB, mirror *memory.Mirror, cpu kernel.CPU) *kernel.System {
	if err := mirror.Refresh(); err != nil {
		b.Fatal(err)
	}
	sys, err := r.layout.Decode(kernel.Machine{Phys: mirror, Paging: memory.AMD64{}, CPUs: []kernel.CPU{cpu}})
	if err != nil {
		b.Fatal(err)
	}
	return sys
}

// between is how long the guest runs between two refreshes.
const between = 5 * time.Millisecond

// run lets the guest run for a moment.
func (r *refresh) goOn(b *testing.B, target *live.Target) kernel.CPU {
	ctx := context.Background()
	if err := target.Resume(ctx); err != nil {
		b.Fatal(err)
	}
	interrupted := make(chan error, 1)
	time.AfterFunc(between, func() { interrupted <- target.Interrupt() })
	_, err := target.Wait(ctx)
	if err := errors.Join(err, <-interrupted); err != nil {
		b.Fatal(err)
	}
	return r.cpu(b, target)
}

func (r *refresh) run(b *testing.B, shared bool, gdb time.Duration) {
	target, cpu := r.attach(b, shared)
	defer target.Close(context.Background())
	mirror := memory.NewMirror(target)
	sys := r.decode(b, mirror, cpu)
	var first, all times
	for n := 0; b.Loop(); n++ {
		cpu = r.goOn(b, target)
		begin := time.Now()
		sys = r.decode(b, mirror, cpu)
		all = append(all, time.Since(begin))
		if n%8 == 0 {
			begin = time.Now()
			r.decode(b, memory.NewMirror(target), cpu)
			first = append(first, time.Since(begin))
			r.decode(b, mirror, cpu) // the layout keeps one
		}
	}
	median := all.median()
	b.ReportMetric(float64(gdb)/float64(median), "gdb-ratio")
	b.ReportMetric(float64(gdb)/float64(first.median()), "first-gdb-ratio")
	b.ReportMetric(float64(median.Microseconds()), "median-µs")
	b.ReportMetric(float64(median.Nanoseconds())/float64(len(sys.Objects)+sys.Capabilities()), "ns/object+cap")
	b.ReportMetric(float64(mirror.Stats().Bytes), "bytes")
	b.ReportMetric(float64(mirror.Stats().Batches), "batches")
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
			mirror := memory.NewMirror(target)
			r.decode(b, mirror, cpu)
			var step, hinted, full times
			for b.Loop() {
				begin := time.Now()
				if _, err := target.Step(ctx, 0); err != nil {
					b.Fatal(err)
				}
				cpu = r.cpu(b, target)
				stepped := time.Now()
				r.decode(b, mirror, cpu)
				refreshed := time.Now()
				r.decode(b, memory.NewMirror(target), cpu)
				step, hinted, full = append(step, stepped.Sub(begin)), append(hinted, refreshed.Sub(stepped)), append(full, time.Since(refreshed))
				r.decode(b, mirror, cpu)
			}
			b.ReportMetric(float64(full.median())/float64(hinted.median()), "full-ratio")
			b.ReportMetric(float64(hinted.median().Microseconds()), "refresh-µs")
			b.ReportMetric(float64(step.median().Microseconds()), "step-µs")
		})
	}
}

// BenchmarkForeign passes by breakpoints that another program hits: the child
// runs in a loop of two instructions at the address of a function of rtcr. gdb
// decides the same by a condition in Python, and by one of its own
// (gdb-python-ratio, gdb-ratio: its median time over ours).
func BenchmarkForeign(b *testing.B) {
	const function = "Rtcr::Target_child::has"
	for _, shared := range []bool{true, false} {
		b.Run(map[bool]string{false: "stub", true: "shared"}[shared], func(b *testing.B) {
			r := newRefresh(b, "", 64)
			at, root := r.loop(b, function)
			var python, native, ours times // per hit, in turn
			for range 5 {
				python = append(python, r.hits(b, "../../bench/foreign.py", at, root))
				native = append(native, r.hits(b, "../../bench/foreign-native.gdb", at, root))
				ours = append(ours, r.pass(b, function, at, shared))
			}
			hit := float64(ours.median())
			b.ReportMetric(float64(time.Second)/hit, "hits/s")
			b.ReportMetric(float64(python.median())/hit, "gdb-python-ratio")
			b.ReportMetric(float64(native.median())/hit, "gdb-ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// loop makes the children run in circles where the function is in rtcr, and
// tells rtcr's page tables.
func (r *refresh) loop(b testing.TB, function string) (at, root uint64) {
	ctx := context.Background()
	rtcr, child := r.load(b, "rtcr"), r.load(b, "sheep_counter")
	at = entryOf(b, rtcr, function)
	call := entryOf(b, child, "Timer::Session_client::msleep")
	target, cpu := r.attach(b, false)
	defer target.Close(ctx)
	mirror := memory.NewMirror(target)
	sys := r.decode(b, mirror, cpu)
	for _, task := range sys.Tasks() {
		main := sys.MainThread(task.ID)
		if main == nil {
			continue
		}
		switch main.Name {
		case "rtcr":
			root = task.Task.Root
		case "sheep_counter":
			space := memory.NewSpace(mirror, memory.AMD64{}, task.Task.Root)
			jump := append([]byte{0xe9}, binary.LittleEndian.AppendUint32(nil, uint32(at-call-5))...)
			for addr, code := range map[uint64][]byte{at: {0x55, 0x5d, 0xeb, 0xfc}, call: jump} { // push %rbp; pop %rbp; jmp at
				_, phys, err := space.Translate(addr)
				if err == nil {
					err = target.WritePhysical(ctx, phys, code)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	if root == 0 {
		b.Fatal("rtcr is not there")
	}
	return at, root
}

func (r *refresh) load(b testing.TB, name string) *debuginfo.File {
	f, err := debuginfo.Load(filepath.Join(r.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

func entryOf(b testing.TB, f *debuginfo.File, function string) uint64 {
	fns, err := f.Functions(function)
	if err != nil {
		b.Fatal(err)
	}
	return fns[0].Locations[0].Addr
}

var foreignSeconds = regexp.MustCompile(`gdb: (\d+) foreign hits in ([0-9.]+) s`)

// hits is how long gdb takes for a foreign hit.
func (r *refresh) hits(b *testing.B, script string, at, root uint64) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	addr := r.vm.GDB()[len("unix:"):]
	out, err := exec.CommandContext(ctx, "gdb", "-batch", "-nx", "-ex", "target remote "+addr, "-ex", fmt.Sprintf("set $at = %d", at), "-ex", fmt.Sprintf("set $root = %d", root),
		"-ex", "set $hits = 300", "-x", script, filepath.Join(r.dir, guest.Kernel)).CombinedOutput()
	m := foreignSeconds.FindSubmatch(out)
	if m == nil {
		b.Fatalf("gdb: %v\n%s", err, out)
	}
	n, _ := strconv.ParseFloat(string(m[1]), 64)
	seconds, _ := strconv.ParseFloat(string(m[2]), 64)
	if n < 300 || seconds <= 0 {
		b.Fatalf("gdb saw %v hits in %v s:\n%s", n, seconds, out)
	}
	return time.Duration(seconds / n * float64(time.Second))
}

// pass is how long a foreign hit takes a session, which waits for rtcr to enter
// the function.
func (r *refresh) pass(b *testing.B, function string, at uint64, shared bool) time.Duration {
	ctx := context.Background()
	var o live.Options
	if shared {
		o.RAM = r.vm.RAMPath()
	}
	target, err := live.Attach(ctx, r.vm.GDB(), o)
	if err != nil {
		b.Fatal(err)
	}
	e := r.foreign(b, target, function)
	defer e.Close(ctx)
	if err := e.Begin(ctx); err != nil {
		b.Fatal(err)
	}
	interrupted := make(chan error, 1)
	time.AfterFunc(2*time.Second, func() { interrupted <- e.Interrupt() })
	begin := time.Now()
	if err := errors.Join(e.Continue(ctx), <-interrupted); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	v := e.View()
	foreign := v.Breakpoints[0].Foreign
	if foreign == 0 || v.Breakpoints[0].Hits > 0 {
		b.Fatalf("hits at %#x: %+v; %s", at, v.Breakpoints[0], v.Snapshot.Reason)
	}
	return took / time.Duration(foreign)
}

// foreign opens a session that waits for rtcr to enter a function.
func (r *refresh) foreign(b testing.TB, target session.Target, function string) *session.Engine {
	s, err := session.ParseScenario("foreign", fmt.Appendf(nil, `
name: foreign
components: {kernel: {kernel: true, files: [fiasco.image]}, rtcr: {files: [rtcr]}, sheep_counter: {files: [sheep_counter]}}
child: sheep_counter
phases: [{name: never, component: rtcr, function: %s}]
complete: {component: rtcr, function: %s}
settle: 1s
`, function, function))
	if err != nil {
		b.Fatal(err)
	}
	e, err := session.Open(context.Background(), session.Config{Target: target, Decoder: r.layout, Paging: memory.AMD64{}, Scenario: s,
		Files: map[string]*debuginfo.File{"kernel": r.load(b, guest.Kernel), "rtcr": r.load(b, "rtcr"), "sheep_counter": r.load(b, "sheep_counter")}})
	if err != nil {
		b.Fatal(err)
	}
	return e
}
