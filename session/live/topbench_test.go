package live_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"math"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"thaw/memory"
	"thaw/session/watch"
	"thaw/testwait"
)

// BenchmarkTop is how much slower a guest is while thaw top looks at it, at top's usual pace
// and at its fastest: how often the guest goes round a loop in a second, in pairs of short
// intervals with and without, of which the order changes. The guest does nothing else. top is
// stopped for the intervals without, and looks at once where it goes on, so that it looks more
// often than it says (looks/s, of the intervals with it). It also tells what top itself takes
// (percent of one processor), and how far the mean may be off (standard error).
func BenchmarkTop(b *testing.B) {
	program := filepath.Join(b.TempDir(), "thaw")
	if out, err := exec.Command("go", "build", "-o", program, "thaw/cmd/thaw").CombinedOutput(); err != nil {
		b.Fatalf("building thaw: %v\n%s", err, out)
	}
	for _, pace := range []time.Duration{time.Second, 100 * time.Millisecond} {
		b.Run(pace.String(), func(b *testing.B) { benchTop(b, program, pace) })
	}
}

func benchTop(b *testing.B, program string, pace time.Duration) {
	const interval = 100 * time.Millisecond
	r := newRefresh(b, "", 64)
	counters, mem := r.spin(b)
	top := exec.Command(program, "top", r.vm.GDB(), "--build", r.dir, "--json", "--interval", pace.String())
	out, err := top.StdoutPipe()
	if err == nil {
		err = top.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = top.Process.Kill(); _ = top.Wait() }()
	looks := make(chan struct{}, 1<<20)
	go func() {
		for lines := bufio.NewReader(out); ; {
			if _, err := lines.ReadSlice('\n'); err == nil {
				looks <- struct{}{}
			} else if err != bufio.ErrBufferFull {
				return
			}
		}
	}()
	testwait.For(b, looks, "top to find the kernel")

	rate := func(looked bool) float64 {
		signal := syscall.SIGSTOP
		if looked {
			signal = syscall.SIGCONT
		}
		if err := top.Process.Signal(signal); err != nil {
			b.Fatal(err)
		}
		before, begin := r.total(b, mem, counters), time.Now()
		time.Sleep(interval)
		return float64(r.total(b, mem, counters)-before) / time.Since(begin).Seconds()
	}
	var with, without []float64
	seen, spent := len(looks), processorTime(b, top.Process.Pid)
	for b.Loop() {
		for _, first := range []bool{true, false} {
			a, c := rate(first), rate(!first)
			if !first {
				a, c = c, a
			}
			with, without = append(with, a), append(without, c)
		}
	}
	spent = processorTime(b, top.Process.Pid) - spent
	n := float64(len(with))
	mean := func(all []float64) (sum float64) {
		for _, v := range all {
			sum += v / n
		}
		return sum
	}
	own, off := mean(without), 0.0
	slower := 1 - mean(with)/own
	for i := range with {
		d := (without[i]-with[i])/own - slower
		off += d * d
	}
	looked := n * interval.Seconds()
	b.ReportMetric(100*slower, "%slower")
	b.ReportMetric(100*math.Sqrt(off/(n-1)/n), "%off")
	b.ReportMetric(100*spent.Seconds()/looked, "%CPU")
	b.ReportMetric(float64(len(looks)-seen)/looked, "looks/s")
	b.ReportMetric(0, "ns/op")
}

// spinCode counts in the word at the stack's end: incq (%rsp); jmp to it.
var spinCode = []byte{0x48, 0xff, 0x04, 0x24, 0xeb, 0xfa}

// spin makes the children go round in a loop where they would sleep. It tells where they
// count (physical), and what reads that while they run, and leaves the guest running.
func (r *refresh) spin(b *testing.B) (counters []uint64, mem watch.Memory) {
	ctx := context.Background()
	sleep := entryOf(b, r.load(b, "sheep_counter"), "Timer::Session_client::msleep")
	target, cpu := r.attach(b, "process")
	b.Cleanup(func() { _ = target.Close(ctx) })
	mirror := memory.NewMirror(target)
	sys := r.decode(b, mirror, cpu)
	for _, pd := range sys.PDs() {
		if main := sys.MainThread(pd.ID); main == nil || main.Name != "sheep_counter" {
			continue
		}
		_, phys, err := memory.NewSpace(mirror, memory.AMD64{}, pd.PD.Root).Translate(sleep)
		if err == nil {
			err = target.WritePhysical(ctx, phys, spinCode)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for range 100 { // until all sleepers have come to it
		cpu = r.goOn(b, target)
	}
	sys = r.decode(b, mirror, cpu)
	for _, o := range sys.Threads() {
		t := o.Thread
		if t.IP-sleep >= uint64(len(spinCode)) {
			continue
		}
		_, phys, err := memory.NewSpace(mirror, memory.AMD64{}, sys.Object(t.PD).PD.Root).Translate(t.SP)
		if err != nil {
			b.Fatal(err)
		}
		counters = append(counters, phys)
	}
	if len(counters) == 0 {
		b.Fatal("nobody goes round")
	}
	mem, err := target.Beside()()
	if err == nil {
		b.Cleanup(func() { _ = mem.Close() })
		err = target.Resume(ctx)
	}
	if err != nil {
		b.Fatal(err)
	}
	return counters, mem
}

// total is how often the children went round.
func (r *refresh) total(b *testing.B, mem watch.Memory, counters []uint64) (n uint64) {
	reqs := make([]memory.Request, len(counters))
	for i, addr := range counters {
		reqs[i] = memory.Request{Addr: addr, Buf: make([]byte, 8)}
	}
	if err := mem.ReadPhysical(reqs); err != nil {
		b.Fatal(err)
	}
	for i := range reqs {
		n += binary.LittleEndian.Uint64(reqs[i].Buf)
	}
	return n
}
