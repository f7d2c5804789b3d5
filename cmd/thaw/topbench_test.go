package main

import (
	"context"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/testwait"
)

// BenchmarkTop is how much slower a guest is while it is looked at, at top's usual pace and
// at its fastest: LOG lines per second of the host's processor that QEMU had, in pairs of
// intervals with and without, of which the order changes. The guest never sleeps: QEMU's
// clock skips what it waits for. It also tells what top itself takes (percent of one
// processor), and how far the mean may be off (standard error).
func BenchmarkTop(b *testing.B) {
	for _, pace := range []time.Duration{time.Second, fastest} {
		b.Run(pace.String(), func(b *testing.B) { benchTop(b, pace) })
	}
}

func benchTop(b *testing.B, pace time.Duration) {
	const interval = time.Second
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, "fiasco.image"), MemoryMB: 64, Running: true, ICount: guest.Clock + ",sleep=off"})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = vm.Stop(context.Background()) }()
	log := vm.Serial()
	readUntil(b, log, "8 sheeps")
	var lines atomic.Int64
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, err := log.Read(buf)
			if err != nil {
				return // the guest has ended
			}
			for _, c := range buf[:n] {
				if c == '\n' {
					lines.Add(1)
				}
			}
		}
	}()
	top := exec.Command(program, "top", vm.GDB(), "--build", guestDir, "--json", "--interval", pace.String())
	out, err := top.StdoutPipe()
	if err == nil {
		err = top.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = top.Process.Kill(); _ = top.Wait() }()
	looks := make(chan struct{}, 1000)
	go func() {
		for buf := make([]byte, 1<<20); ; {
			if n, err := out.Read(buf); err != nil {
				return
			} else if slices.Contains(buf[:n], '\n') {
				looks <- struct{}{}
			}
		}
	}()
	testwait.For(b, looks, "top to find the kernel")

	signal := func(s syscall.Signal) {
		if err := top.Process.Signal(s); err != nil {
			b.Fatal(err)
		}
	}
	var own time.Duration // that top took
	rate := func(looked bool) float64 {
		if looked {
			signal(syscall.SIGCONT)
		} else {
			signal(syscall.SIGSTOP)
		}
		took, had, before := spent(b, top.Process.Pid), spent(b, vm.PID()), lines.Load()
		time.Sleep(interval)
		own += spent(b, top.Process.Pid) - took
		return float64(lines.Load()-before) / (spent(b, vm.PID()) - had).Seconds()
	}
	var slower []float64 // in percent, by pair
	seen := len(looks)
	for b.Loop() {
		for _, first := range []bool{true, false} {
			a, c := rate(first), rate(!first)
			if !first {
				a, c = c, a
			}
			slower = append(slower, 100*(1-a/c))
		}
	}
	if len(looks) == seen {
		b.Fatal("nobody looked")
	}
	mean, off := 0.0, 0.0
	for _, s := range slower {
		mean += s / float64(len(slower))
	}
	for _, s := range slower {
		off += (s - mean) * (s - mean)
	}
	n := float64(len(slower))
	b.ReportMetric(mean, "%slower")
	b.ReportMetric(math.Sqrt(off/(n-1)/n), "%off")
	b.ReportMetric(100*own.Seconds()/(n*interval.Seconds()), "%CPU")
	b.ReportMetric(0, "ns/op")
}
