package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkIdle is the processor time that the program takes while nobody presses
// a key: at a stop, and while the guest runs (percent of one processor). It also
// tells how much memory it had at most.
func BenchmarkIdle(b *testing.B) {
	const watched = 5 * time.Second
	for _, running := range []bool{false, true} {
		b.Run(map[bool]string{false: "stopped", true: "running"}[running], func(b *testing.B) {
			term := newTerminal(b, 120, 40, onLab("lab", "--scenario", "none")...)
			term.expect("STOPPED")
			if running {
				term.press("x", "c")
				term.expect("RUNNING")
			}
			shell, err := strconv.Atoi(strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_pid}")))
			if err != nil {
				b.Fatal(err)
			}
			thaw := child(b, shell, "thaw")
			before := spent(b, thaw)
			for b.Loop() {
				time.Sleep(watched)
			}
			b.ReportMetric(100*(spent(b, thaw)-before).Seconds()/watched.Seconds()/float64(b.N), "%CPU")
			b.ReportMetric(float64(peak(b, thaw))/1024, "MB-at-most")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// spent is the processor time that a process had so far, by its threads'
// run times.
func spent(b *testing.B, pid int) time.Duration {
	b.Helper()
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	total := time.Duration(0)
	for _, t := range threads {
		var ns int64
		text, err := os.ReadFile(dir + "/" + t.Name() + "/schedstat")
		if err == nil {
			_, err = fmt.Sscan(string(text), &ns)
		}
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(ns)
	}
	return total
}

// peak is the most memory that a process had, in KiB.
func peak(b *testing.B, pid int) (kib int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	if !ok {
		b.Fatal("no VmHWM")
	}
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib
}
