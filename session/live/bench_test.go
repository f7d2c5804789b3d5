package live_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/kernel/hw"
	"thaw/memory"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/testwait"
)

// BenchmarkRefresh reads the whole model at a stop, through the gdbstub alone
// and from shared RAM, against a gdb script that reads the same from the same
// guest (ratio: its time over ours, the median and a tenth from each end; cpu: the
// same of processor time, with QEMU's). Between two refreshes the guest runs. whole
// decodes every object anew, as if all had changed; first is without knowing what
// to read.
func BenchmarkRefresh(b *testing.B) {
	for _, size := range []struct {
		on                 *benched
		threads, caps, ram int
	}{
		{fiasco, 0, 0, 64}, {fiasco, 10, 100, 64}, {fiasco, 100, 1000, 64}, {fiasco, 1000, 10000, 256}, {fiasco, 10000, 100000, 512},
		{basehw, 0, 0, 64}, {basehw, 100, 1000, 64}, {basehw, 1000, 10000, 256}, {basehw, 10000, 50000, 512},
	} {
		b.Run(fmt.Sprintf("%s/threads=%d", size.on.name, size.threads), func(b *testing.B) {
			r := refreshAt(b, size.on, fmt.Sprintf("threads=%d caps=%d", size.threads, size.caps), size.ram, size.on.log)
			gdb := &cost{}
			for range map[bool]int{false: 5, true: 3}[size.threads > 1000] {
				gdb.add(r.gdb(b))
			}
			for _, way := range []string{"stub", "process", "shared"} {
				b.Run(way, func(b *testing.B) { r.run(b, way, gdb) })
			}
		})
	}
}

// times are those of some runs.
type times []time.Duration

func (t times) median() time.Duration { return t.at(50) }

// at is the value below which are so many of a hundred.
func (t times) at(percent int) time.Duration {
	t = slices.Sorted(slices.Values(t))
	return t[min(len(t)*percent/100, len(t)-1)]
}

// cost is what something takes: time that passes, in which others use the
// processors too, and processor time, of QEMU and of who reads it.
type cost struct{ wall, cpu times }

func (c *cost) add(wall, cpu time.Duration) {
	c.wall, c.cpu = append(c.wall, wall), append(c.cpu, cpu)
}

// against reports how many times less it takes than gdb: the median, and a tenth
// of all from each end.
func (c *cost) against(b *testing.B, name string, gdb *cost) {
	for what, t := range map[string][2]times{"": {gdb.wall, c.wall}, "cpu-": {gdb.cpu, c.cpu}} {
		g, ours := float64(t[0].median()), t[1]
		b.ReportMetric(g/float64(max(ours.median(), 1)), name+what+"ratio")
		b.ReportMetric(g/float64(max(ours.at(90), 1)), name+what+"ratio-low")
		b.ReportMetric(g/float64(max(ours.at(10), 1)), name+what+"ratio-high")
	}
}

// spent tells the processor time that QEMU and this program have from its call to that of
// what it returns. Asking for QEMU's, which takes longer than a refresh may, is not in it.
func (r *refresh) spent(b testing.TB) func() time.Duration {
	had := r.qemuSpent(b)
	begin := ownSpent(b)
	return func() time.Duration {
		own := ownSpent(b) - begin
		return own + r.qemuSpent(b) - had
	}
}

// ownSpent is the processor time that this program has had so far, in nanoseconds.
func ownSpent(b testing.TB) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// qemuSpent is that of QEMU alone.
func (r *refresh) qemuSpent(b testing.TB) time.Duration { return processorTime(b, r.vm.PID()) }

// processorTime is what a process has had so far, by its threads' run times in nanoseconds.
func processorTime(b testing.TB, pid int) time.Duration {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		b.Fatalf("the threads of process %d: %v", pid, err)
	}
	total := time.Duration(0)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		var ns int64
		fmt.Sscan(string(text), &ns)
		total += time.Duration(ns)
	}
	return total
}

// counting is what the LOG says before the checkpoint, restored once the restore
// is over.
var counting = regexp.MustCompile(`1 sheep`)
var restored = regexp.MustCompile(`(?s)restore.*1 sheep`)

// benched is a kernel of the lab guest: its file, the script for gdb that reads it, and
// what the LOG says once the objects are there.
type benched struct {
	name, file, script string
	log                *regexp.Regexp
	layout             func(kernel.Symbols) (kernel.Decoder, error)
}

var (
	fiasco = &benched{"foc", guest.Kernel, "objects.py", restored, func(f kernel.Symbols) (kernel.Decoder, error) { return foc.NewLayout(f) }}
	basehw = &benched{"hw", guest.KernelHW, "basehw.py", regexp.MustCompile(`(?s)restore.*sheep`), func(f kernel.Symbols) (kernel.Decoder, error) { return hw.NewLayout(f) }}
)

type refresh struct {
	vm     *qemu.VM
	dir    string
	on     *benched
	layout kernel.Decoder
}

func newRefresh(b testing.TB, options string, ram int) *refresh {
	return refreshAt(b, fiasco, options, ram, fiasco.log)
}

// refreshAt starts the lab and waits for its LOG to say something.
func refreshAt(b testing.TB, on *benched, options string, ram int, log *regexp.Regexp) *refresh {
	ctx := context.Background()
	dir, err := guest.Build(ctx)
	if err != nil {
		b.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, on.file), MemoryMB: ram, SharedRAM: true, Append: options, Running: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { vm.Stop(context.Background()) })
	serial, buf, seen := vm.Serial(), make([]byte, 4096), ""
	for !log.MatchString(seen) {
		n, err := serial.Read(buf)
		if err != nil {
			b.Fatal(err)
		}
		seen += string(buf[:n])
	}
	r := &refresh{vm: vm, dir: dir, on: on}
	r.layout = r.newLayout(b)
	return r
}

// newLayout is one that knows no stop so far.
func (r *refresh) newLayout(b testing.TB) kernel.Decoder {
	l, err := r.on.layout(r.load(b, r.on.file))
	if err != nil {
		b.Fatal(err)
	}
	return l
}

var gdbSeconds = regexp.MustCompile(`gdb: (\d+) objects, \d+ threads, (\d+) capabilities in ([0-9.]+) s, ([0-9.]+) s of gdb's`)

// gdb runs the script once, before thaw attaches.
func (r *refresh) gdb(b *testing.B) (wall, cpu time.Duration) {
	script, err := filepath.Abs("../../bench/" + r.on.script)
	if err != nil {
		b.Fatal(err)
	}
	addr := r.vm.GDB()[len("unix:"):]
	before := r.qemuSpent(b)
	out, err := exec.Command("gdb", "-batch", "-nx", "-ex", "target remote "+addr, "-x", script, filepath.Join(r.dir, r.on.file)).CombinedOutput()
	m := gdbSeconds.FindSubmatch(out)
	if m == nil {
		b.Fatalf("gdb's script: %v\n%s", err, out)
	}
	return seconds(b, m[3]), seconds(b, m[4]) + r.qemuSpent(b) - before
}

func seconds(b *testing.B, text []byte) time.Duration {
	s, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(s * float64(time.Second))
}

// attach opens the target, with its memory read in the given way, and tells how its
// processor stands.
func (r *refresh) attach(b testing.TB, way string) (*live.Target, kernel.CPU) {
	target, err := live.Attach(context.Background(), r.vm.GDB(), r.options(way))
	if err != nil {
		b.Fatal(err)
	}
	if want := map[string]string{"stub": "the stub", "process": "process", "shared": r.vm.RAMPath()}[way]; !strings.Contains(target.ReadsFrom(), want) {
		b.Fatalf("memory is read from %s", target.ReadsFrom())
	}
	return target, r.cpu(b, target)
}

// options are those of a way to read memory. The socket is the benchmark's own, so
// that only what started QEMU knows its process.
func (r *refresh) options(way string) live.Options {
	switch way {
	case "shared":
		return live.Options{RAM: r.vm.RAMPath()}
	case "process":
		return live.Options{PID: r.vm.PID()}
	}
	return live.Options{StubOnly: true}
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
	if err := errors.Join(err, testwait.For(b, interrupted, "the interrupt to be sent")); err != nil {
		b.Fatal(err)
	}
	return r.cpu(b, target)
}

func (r *refresh) run(b *testing.B, way string, gdb *cost) {
	target, cpu := r.attach(b, way)
	defer target.Close(context.Background())
	mirror := memory.NewMirror(target)
	sys := r.decode(b, mirror, cpu)
	// A layout of its own that misses every other stop decodes all of it anew.
	fresh := &refresh{r.vm, r.dir, r.on, r.newLayout(b)}
	first, whole, all, limit, anew := &cost{}, &cost{}, &cost{}, times{}, 0
	measure := func(c *cost, do func()) {
		spent, begin := r.spent(b), time.Now()
		do()
		wall := time.Since(begin)
		c.add(wall, spent())
	}
	var stats memory.Stats
	fresh.decode(b, memory.NewMirror(target), cpu) // looks for the kernel's classes
	for n := 0; b.Loop(); n++ {
		cpu = r.goOn(b, target)
		measure(all, func() { sys = r.decode(b, mirror, cpu) })
		anew, stats = anew+sys.Anew, mirror.Stats()
		if n%4 == 0 {
			measure(whole, func() { fresh.decode(b, mirror, cpu) })
			measure(first, func() { fresh.decode(b, memory.NewMirror(target), cpu) })
			r.decode(b, mirror, cpu)
			limit = append(limit, bulk(b, target, int(stats.Bytes)))
		}
	}
	all.against(b, "", gdb)
	whole.against(b, "whole-", gdb)
	first.against(b, "first-", gdb)
	median := all.wall.median()
	b.ReportMetric(float64(median.Microseconds()), "median-µs")
	b.ReportMetric(float64(limit.median().Microseconds()), "limit-µs")
	b.ReportMetric(float64(median.Nanoseconds())/float64(len(sys.Objects)+sys.Capabilities()), "ns/object+cap")
	b.ReportMetric(float64(stats.Bytes), "bytes")
	b.ReportMetric(float64(anew)/float64(len(all.wall)), "objects-anew")
	b.ReportMetric(0, "ns/op")
}

// bulk is the physical limit: how long the same number of bytes takes in one
// piece, through the stub, or to be compared in memory.
func bulk(b *testing.B, target *live.Target, n int) time.Duration {
	if data := target.At(1<<20, n); data != nil {
		other := bytes.Clone(data)
		begin := time.Now()
		if !bytes.Equal(data, other) {
			b.Fatal("memory changes while the guest stands")
		}
		return time.Since(begin)
	}
	req := []memory.Request{{Addr: 1 << 20, Buf: make([]byte, n)}}
	begin := time.Now()
	if err := target.ReadPhysical(req); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// BenchmarkStep takes single steps: the step and the refresh after it, with the
// hint of the stop before and without (full-ratio: time without it over ours).
func BenchmarkStep(b *testing.B) {
	ctx := context.Background()
	r := newRefresh(b, "threads=100 caps=1000", 64)
	for _, way := range []string{"stub", "process", "shared"} {
		b.Run(way, func(b *testing.B) {
			target, cpu := r.attach(b, way)
			defer target.Close(ctx)
			mirror := memory.NewMirror(target)
			r.decode(b, mirror, cpu)
			var step, hinted, full times
			anew := 0
			for b.Loop() {
				begin := time.Now()
				if _, err := target.Step(ctx, 0); err != nil {
					b.Fatal(err)
				}
				cpu = r.cpu(b, target)
				stepped := time.Now()
				anew += r.decode(b, mirror, cpu).Anew
				refreshed := time.Now()
				r.decode(b, memory.NewMirror(target), cpu)
				step, hinted, full = append(step, stepped.Sub(begin)), append(hinted, refreshed.Sub(stepped)), append(full, time.Since(refreshed))
				r.decode(b, mirror, cpu)
			}
			b.ReportMetric(float64(full.median())/float64(hinted.median()), "full-ratio")
			b.ReportMetric(float64(hinted.median().Microseconds()), "refresh-µs")
			b.ReportMetric(float64(step.median().Microseconds()), "step-µs")
			b.ReportMetric(float64(anew)/float64(len(step)), "objects-anew")
		})
	}
}

// BenchmarkForeign passes by breakpoints that another program hits: the child
// runs in a loop at the address of a function of rtcr. gdb decides the same by a
// condition in Python, and by one of its own (python-ratio, native-ratio: its time
// over ours). each is without lifting the breakpoint: every hit is a stop.
func BenchmarkForeign(b *testing.B) {
	const function = "Rtcr::Target_child::has"
	for _, way := range []string{"shared", "stub", "shared-each", "stub-each"} {
		b.Run(way, func(b *testing.B) {
			r := newRefresh(b, "", 64)
			var dec session.Decoder = r.layout
			if strings.HasSuffix(way, "-each") {
				dec = noSwitch{dec}
			}
			at, root := r.loop(b, function)
			var python, native, ours cost // per hit, in turn
			for range 5 {
				python.add(r.hits(b, "../../bench/foreign.py", at, root))
				native.add(r.hits(b, "../../bench/foreign-native.gdb", at, root))
				ours.add(r.pass(b, dec, function, at, strings.TrimSuffix(way, "-each")))
			}
			ours.against(b, "python-", &python)
			ours.against(b, "native-", &native)
			b.ReportMetric(float64(time.Second)/float64(ours.wall.median()), "hits/s")
			b.ReportMetric(float64(r.floor(b, at).Microseconds()), "floor-µs")
			b.ReportMetric(float64(ours.wall.median().Nanoseconds())/1e3, "median-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// The children's loop: push %rbp; pop %rbp; inc %r15; jmp to the push. r15, which
// is 0 at first, counts the rounds.
var (
	loopEntry = []byte{0x45, 0x31, 0xff} // xor %r15d, %r15d
	loopCode  = []byte{0x55, 0x5d, 0x49, 0xff, 0xc7, 0xeb, 0xf9}
)

// loop makes the children run in circles where the function is in rtcr, and
// tells rtcr's page tables.
func (r *refresh) loop(b testing.TB, function string) (at, root uint64) {
	ctx := context.Background()
	rtcr, child := r.load(b, "rtcr"), r.load(b, "sheep_counter")
	at = entryOf(b, rtcr, function)
	call := entryOf(b, child, "Timer::Session_client::msleep")
	target, cpu := r.attach(b, "stub")
	defer target.Close(ctx)
	mirror := memory.NewMirror(target)
	sys := r.decode(b, mirror, cpu)
	for _, task := range sys.PDs() {
		main := sys.MainThread(task.ID)
		if main == nil {
			continue
		}
		switch main.Name {
		case "rtcr":
			root = task.PD.Root
		case "sheep_counter":
			space := memory.NewSpace(mirror, memory.AMD64{}, task.PD.Root)
			jump := slices.Concat(loopEntry, []byte{0xe9}, binary.LittleEndian.AppendUint32(nil, uint32(at-call-8)))
			for addr, code := range map[uint64][]byte{at: loopCode, call: jump} {
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

// rounds is how many rounds the children's threads have made in their loops.
func rounds(sys *kernel.System, at uint64) uint64 {
	n := uint64(0)
	for _, o := range sys.Threads() {
		if ip := o.Thread.IP; at <= ip && ip < at+uint64(len(loopCode)) {
			r15, _ := kernel.RegisterIn(o.Thread.Registers, "r15")
			n += r15
		}
	}
	return n
}

func (r *refresh) load(b testing.TB, name string) *debuginfo.File {
	f, err := debuginfo.Load(filepath.Join(r.dir, name), "", nil)
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

var foreignSeconds = regexp.MustCompile(`gdb: (\d+) foreign hits in ([0-9.]+) s, ([0-9.]+) s of gdb's`)

// hits is what a foreign hit takes in gdb.
func (r *refresh) hits(b *testing.B, script string, at, root uint64) (wall, cpu time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	addr := r.vm.GDB()[len("unix:"):]
	before := r.qemuSpent(b)
	out, err := exec.CommandContext(ctx, "gdb", "-batch", "-nx", "-ex", "target remote "+addr, "-ex", fmt.Sprintf("set $at = %d", at), "-ex", fmt.Sprintf("set $root = %d", root),
		"-ex", "set $hits = 300", "-x", script, filepath.Join(r.dir, guest.Kernel)).CombinedOutput()
	m := foreignSeconds.FindSubmatch(out)
	if m == nil {
		b.Fatalf("gdb: %v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil || n < 300 {
		b.Fatalf("gdb saw %v hits:\n%s", n, out)
	}
	per := func(d time.Duration) time.Duration { return time.Duration(float64(d) / n) }
	return per(seconds(b, m[2])), per(seconds(b, m[3]) + r.qemuSpent(b) - before)
}

// floor is what a hit costs in QEMU alone: it resumes behind the breakpoint, and
// stops at it again. Nothing is read.
func (r *refresh) floor(b *testing.B, at uint64) time.Duration {
	ctx := context.Background()
	c, err := gdbremote.Dial(ctx, r.vm.GDB(), gdbremote.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if err := c.Insert(ctx, gdbremote.HardwareBreak, at, 1); err != nil {
		b.Fatal(err)
	}
	if err := c.Continue(ctx); err != nil {
		b.Fatal(err)
	}
	if _, err := c.Wait(ctx); err != nil {
		b.Fatal(err)
	}
	var all times
	for range 500 {
		begin := time.Now()
		// Behind push and pop, at the jump back.
		err := c.ContinueAfter(ctx, gdbremote.ThreadID{}, []gdbremote.RegisterValue{{Name: "rip", Value: at + 2}}, 0, nil)
		if err == nil {
			_, err = c.Wait(ctx)
		}
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, time.Since(begin))
	}
	if err := c.Detach(ctx); err != nil {
		b.Fatal(err)
	}
	return all.median()
}

// pass is what a foreign hit takes a session, which waits for rtcr to enter
// the function.
func (r *refresh) pass(b *testing.B, dec session.Decoder, function string, at uint64, way string) (wall, cpu time.Duration) {
	ctx := context.Background()
	target, err := live.Attach(ctx, r.vm.GDB(), r.options(way))
	if err != nil {
		b.Fatal(err)
	}
	e := r.foreign(b, target, dec, function)
	defer e.Close(ctx)
	if err := e.Begin(ctx); err != nil {
		b.Fatal(err)
	}
	interrupted := make(chan error, 1)
	time.AfterFunc(2*time.Second, func() { interrupted <- e.Interrupt() })
	before := rounds(e.View().Snapshot.System, at)
	spent, begin := r.spent(b), time.Now()
	if err := errors.Join(e.Continue(ctx), testwait.For(b, interrupted, "the interrupt to be sent")); err != nil {
		b.Fatal(err)
	}
	wall, cpu = time.Since(begin), spent()
	v := e.View()
	passed := rounds(v.Snapshot.System, at) - before
	if bp := v.Breakpoints[0]; bp.Foreign == 0 || bp.Hits > 0 || passed+1 < uint64(bp.Foreign) {
		b.Fatalf("hits at %#x: %+v in %d rounds; %s", at, bp, passed, v.Snapshot.Reason)
	}
	return wall / time.Duration(passed), cpu / time.Duration(passed)
}

// foreign opens a session that waits for rtcr to enter a function.
func (r *refresh) foreign(b testing.TB, target session.Target, dec session.Decoder, function string) *session.Engine {
	s, err := scenario.Parse("foreign", fmt.Appendf(nil, `
name: foreign
components: {kernel: {kernel: true, files: [fiasco.image]}, rtcr: {files: [rtcr]}, sheep_counter: {files: [sheep_counter]}}
child: sheep_counter
phases: [{name: never, component: rtcr, function: %s}]
complete: {component: rtcr, function: %s}
requests: [{component: kernel, function: panic, selector: "0", ip: "0", sp: "0"}] # none come
settle: 1s
`, function, function))
	if err != nil {
		b.Fatal(err)
	}
	e, err := session.Open(context.Background(), session.Config{Target: target, Decoder: dec, Paging: memory.AMD64{}, Scenario: s,
		Files: map[string]*debuginfo.File{"kernel": r.load(b, guest.Kernel), "rtcr": r.load(b, "rtcr"), "sheep_counter": r.load(b, "sheep_counter")}})
	if err != nil {
		b.Fatal(err)
	}
	return e
}
