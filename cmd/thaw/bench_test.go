package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"thaw/memory"
	"thaw/recording"
	"thaw/recording/stub/stubtest"
	"thaw/session"
	"thaw/session/query"
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

// long is a recording over and over, forward and back: so many stops.
type long struct {
	*recording.Recording
	records []*session.StopRecord
	of      []int // record of the recording
}

func newLong(rec *recording.Recording, stops int) *long {
	l := &long{Recording: rec}
	var real []int
	for i, s := range rec.Records() {
		l.records, l.of = append(l.records, s), append(l.of, i) // evidence refers to records by number
		if !s.Aside {
			real = append(real, i)
		}
	}
	for n, at, by := len(real)+1, len(real)-1, -1; n <= stops; n++ {
		if at+by < 0 || at+by == len(real) {
			by = -by
		}
		at += by
		again := *rec.Records()[real[at]]
		again.Number, again.Log, again.LogCut = n, nil, false
		l.records, l.of = append(l.records, &again), append(l.of, real[at])
	}
	return l
}

func (l *long) Records() []*session.StopRecord    { return l.records }
func (l *long) Memory(record int) memory.Source   { return l.Recording.Memory(l.of[record]) }
func (l *long) Modelled(record int) memory.Source { return l.Recording.Modelled(l.of[record]) }
func (l *long) SamePage(a, b int, addr uint64) bool {
	return l.Recording.SamePage(l.of[a], l.of[b], addr)
}

// BenchmarkQuery is how long a question takes to 2,000 stops of 600 objects: the goal is
// less than 1 s.
func BenchmarkQuery(b *testing.B) {
	rec, err := openRecording("rtcr-2016")
	if err != nil {
		b.Fatal(err)
	}
	decoder, paging := stubtest.Decoder(b, rec)
	const stops = 2000
	r, err := session.NewReplay(newLong(rec, stops), decoder, paging)
	if err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{`child.slot(20f).kind == "IRQ"`, `thread(231).state contains "rcv_wait"`, `holders(155)`, `count(objects, .kind == "Gate")`, `count(threads, .state contains "rcv_wait")`} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				q, err := query.Parse(text)
				if err != nil {
					b.Fatal(err)
				}
				s, err := r.QueryStops()
				if err != nil {
					b.Fatal(err)
				}
				a, err := q.Ask(b.Context(), s)
				if err != nil || a.Last != stops {
					b.Fatal(a, err)
				}
			}
		})
	}
}
