package hw_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/session"
	"thaw/session/view"
)

// Memory of real systems decodes to just what an independent reader saw at the same
// stop. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.thaw"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of real systems: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".thaw")
		t.Run(name, func(t *testing.T) {
			sys := replayed(t, file).Snapshot.System
			if len(sys.Problems) > 0 {
				t.Errorf("problems: %q", sys.Problems)
			}
			of := "probe"
			if strings.HasPrefix(name, "genode-18.02") {
				of = "" // all of them
			}
			want, got := listing(t, strings.TrimSuffix(file, ".thaw")+".listing.gz"), lines(sys, of)
			if len(want) < 150 {
				t.Errorf("only %d rows were compared", len(want))
			}
			for _, row := range want {
				if !slices.Contains(got, row) {
					t.Errorf("not seen: %s", row)
				}
			}
			for _, row := range got {
				if !slices.Contains(want, row) {
					t.Errorf("only seen here: %s", row)
				}
			}
		})
	}
}

// replayed is the first stop of a recording.
func replayed(t *testing.T, file string) *view.View {
	t.Helper()
	rec, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Damage() != "" {
		t.Fatal(rec.Damage())
	}
	symbols, err := rec.Symbols(rec.Scenario().KernelName())
	if err != nil {
		t.Fatal(err)
	}
	dec, paging, err := kernels.Open(symbols)
	if err != nil {
		t.Fatal(err)
	}
	if name := dec.Platform().Name; name != "base-hw" {
		t.Fatalf("taken for %s", name)
	}
	r, err := session.NewReplay(rec, dec, paging)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.View(1)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// lines are the model's threads, protection domains, and the capabilities of the one
// whose label ends so, as rows of the listing.
func lines(sys *kernel.System, of string) (out []string) {
	full := func(id kernel.ID) string {
		o := sys.Object(id)
		if o == nil || o.Thread == nil {
			return "?"
		}
		return sys.Object(o.Thread.PD).Name + " -> " + o.Name
	}
	addr := func(id kernel.ID) uint64 {
		if o := sys.Object(id); o != nil {
			return o.Addr
		}
		return 0
	}
	var core *kernel.Object // there may be another one of its name, without capabilities
	for _, o := range sys.PDs() {
		if o.Name == "core" && (core == nil || len(o.PD.Caps) > len(core.PD.Caps)) {
			core = o
		}
	}
	for _, o := range sys.Threads() {
		t := o.Thread
		capid := "-" // the lowest that leads to the thread
		for _, c := range core.PD.Caps {
			if to := sys.Named(c); capid == "-" && to != nil && (to == o || to.Kind == "RPC object" && to.Link("server") == o.ID) {
				capid = kernel.ID(c.Slot).String()
			}
		}
		runs, wait := "", ""
		if t.Running {
			runs = "*"
		}
		switch t.Wait.Verb {
		case "calls":
			wait = "SEND " + full(t.Wait.For)
		case "waits for signals at":
			wait = fmt.Sprintf("signal receiver %x", addr(t.Wait.For))
		}
		kept := t.Usual()
		out = append(out, fmt.Sprintf("thread %s %x %s: %s %s %x %x %s", capid, o.Addr, full(o.ID), strings.Join(t.StateWords, " "), runs, kept.IP, kept.SP, wait))
	}
	for _, o := range sys.PDs() {
		out = append(out, fmt.Sprintf("pd %x %x %d %s", o.Addr, o.PD.Root, len(o.PD.Caps), o.Name))
		if !strings.HasSuffix(o.Name, of) {
			continue
		}
		for _, c := range o.PD.Caps {
			to := sys.Named(c)
			if to == nil {
				out = append(out, fmt.Sprintf("cap %x  invalid", c.Slot))
				continue
			}
			out = append(out, fmt.Sprintf("cap %x %s %s", c.Slot, to.ID, strings.TrimSpace(map[kernel.Kind]func() string{
				"Thread":     func() string { return "THREAD " + full(to.ID) },
				"RPC object": func() string { return "THREAD " + full(to.Link("server")) },
				"PD":         func() string { return "PD " + to.Name },
				"IRQ":        func() string { return "IRQ" },
				"Signal context": func() string {
					return fmt.Sprintf("SIGNAL_CONTEXT receiver %x imprint %x submits %d ack %d", addr(to.Link("receiver")), to.Values[0].Number, to.Values[1].Number, to.Values[2].Number)
				},
				"Signal receiver": func() string {
					return "SIGNAL_RECEIVER handler " + cmp.Or(strings.Trim(full(to.Link("handler")), "?"), "-")
				},
			}[to.Kind]())))
		}
	}
	return out
}

// Rows of the independent reader's listing.
var (
	pdRow  = regexp.MustCompile(`^ +(\S+) +id \d+ +cr3 \S+ +table phys (\S+) +caps (\d+) +(.*)`)
	capRow = regexp.MustCompile(`^ +(\S+) (\S+) +object \S+ +identity \S+ +core (\S*) in_utcbs \d+ (.*)`)
)

// listing reads what the independent reader printed.
func listing(t *testing.T, file string) (out []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	threads := false
	for s := bufio.NewScanner(z); s.Scan(); {
		row := s.Text()
		if strings.HasPrefix(row, "thread ") || strings.HasPrefix(row, "pd ") || strings.HasPrefix(row, "cap ") && !strings.HasPrefix(row, "cap  address") {
			out = append(out, row) // of 18.02's reader
			continue
		}
		switch pd, c := pdRow.FindStringSubmatch(row), capRow.FindStringSubmatch(row); {
		case strings.HasPrefix(row, "cap  address"), strings.HasPrefix(row, "pds:"):
			threads = strings.HasPrefix(row, "cap")
		case pd != nil:
			out = append(out, fmt.Sprintf("pd %s %s %s %s", pd[1], pd[2], pd[3], pd[4]))
		case c != nil:
			what := strings.TrimPrefix(strings.TrimPrefix(c[4], "thread "), "rpc object of ")
			out = append(out, strings.TrimSpace(fmt.Sprintf("cap %s %s %s %s", c[1], c[3], c[2], what)))
		case threads:
			out = append(out, threadRow(row))
		}
	}
	return out
}

// threadRow is a row of fixed columns: capid, address, name, state, and behind them
// processor, scheduler's state, ip, sp, waits.
func threadRow(row string) string {
	rest := strings.Fields(row[106:])
	runs := ""
	if strings.HasSuffix(rest[1], "*") {
		runs = "*"
	}
	var waits []string
	for _, w := range strings.Split(strings.Join(rest[4:], " "), "; ") {
		if w != "" && !strings.HasPrefix(w, "in=") {
			waits = append(waits, w)
		}
	}
	col := func(from, to int) string { return strings.TrimSpace(row[from:to]) }
	return fmt.Sprintf("thread %s %s %s: %s %s %s %s %s", col(0, 4), col(5, 23), col(24, 76), col(77, 105), runs, rest[2], rest[3], strings.Join(waits, "; "))
}
