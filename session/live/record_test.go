package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/memory"
	"thaw/recording"
	"thaw/report"
	"thaw/session"
	"thaw/session/view"
	"thaw/testwait"
)

// shown is all that users see of a stop.
func shown(t *testing.T, v *view.View) string {
	t.Helper()
	snap, err := json.Marshal(report.NewSnapshotJSON(v.Snapshot))
	if err != nil {
		t.Fatal(err)
	}
	check, err := json.Marshal(report.NewCheckJSON(v, nil))
	if err != nil {
		t.Fatal(err)
	}
	s := v.Snapshot
	rest, err := json.Marshal([]any{s.Number, s.Time, s.Reason, s.Phase, s.Tasks, s.Places, s.PC, s.Thread, s.CPU, s.Frames, s.Cost, v.Breakpoints, v.Complete, v.Finished, v.Notes})
	if err != nil {
		t.Fatal(err)
	}
	return string(snap) + "\n" + string(check) + "\n" + string(rest)
}

// stacks are the backtraces of all threads of a stop.
func stacks(v *view.View, ask func(q view.Query) *view.Peek) string {
	var out strings.Builder
	for _, o := range v.Snapshot.System.Threads() {
		p := ask(view.Query{Kind: view.QueryStack, Thread: o.ID})
		fmt.Fprintln(&out, p.Title, p.Err)
		for _, f := range p.Frames {
			fmt.Fprintln(&out, " ", f.Place, f.Inlined, f.Note, f.Leads)
		}
	}
	return out.String()
}

// openReplay opens a recording.
func openReplay(t *testing.T, path string) (*session.Replay, *recording.Recording) {
	t.Helper()
	rec, err := recording.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	symbols, _, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	layout, err := foc.NewLayout(symbols)
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.NewReplay(rec, layout, memory.AMD64{})
	if err != nil {
		t.Fatal(err)
	}
	return r, rec
}

// A replay shows what the live session showed, whatever way memory was read.
func TestReplayShowsTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		bug            string
		shared, sparse bool
	}{"state-ignored": {"", true, false}, "missing-thread": {"bug=missing-thread", false, true}, "overwritten": {"bug=overwritten", true, true}} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			path := filepath.Join(t.TempDir(), "session.thaw")
			var w *recording.Writer
			e, _ := openLabWith(ctx, t, c.bug, c.shared, recordTo(t, path, &w), func(cfg *session.Config) { cfg.Sparse = c.sparse })
			var live, liveStacks, liveValues []string
			for {
				if err := e.NextPhase(ctx); err != nil {
					t.Fatal(err)
				}
				v := e.View()
				live = append(live, shown(t, v))
				liveStacks = append(liveStacks, stacks(v, e.Ask))
				liveValues = append(liveValues, values(e.Ask))
				if v.Finished {
					break
				}
			}
			log := e.View().Log
			if err := e.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r, rec := openReplay(t, path)
			if rec.Damage() != "" || r.Stops() != len(live) {
				t.Fatalf("%d stops, want %d; damage %q", r.Stops(), len(live), rec.Damage())
			}
			for _, order := range [][2]int{{1, 1}, {len(live), -1}} { // forward, and back
				for i, n := 0, order[0]; i < len(live); i, n = i+1, n+order[1] {
					v, err := r.View(n)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(live[n-1], shown(t, v)); diff != "" {
						t.Fatalf("stop %d (-live +replay):\n%s", n, diff)
					}
				}
			}
			p, err := session.NewPlayer(r)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range liveStacks {
				p.Show(i + 1)
				got := stacks(p.View(), func(q view.Query) *view.Peek { p.Ask(q); return p.View().Peek })
				if diff := cmp.Diff(want, got); diff != "" || strings.Count(got, "\n  ") < 10 {
					t.Fatalf("backtraces at stop %d (-live +replay):\n%s", i+1, diff)
				}
			}
			known := 0
			for i, want := range liveValues {
				p.Show(i + 1)
				got := values(func(q view.Query) *view.Peek { p.Ask(q); return p.View().Peek })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("values at stop %d (-live +replay):\n%s", i+1, diff)
				}
				known += strings.Count(got, "\n")
			}
			if known < 20*len(live) {
				t.Errorf("%d values at %d stops", known, len(live))
			}
			if all, err := r.QueryStops(); err != nil {
				t.Error(err)
			} else if v, err := all.Print(1, "rtcr: this->_cap_map_infos + 1"); err != nil || v != uint64(1) {
				t.Errorf("print in a query: %v, %v", v, err)
			}
			if last, err := r.View(len(live)); err != nil || len(last.Log) < len(log) || len(log) == 0 {
				t.Errorf("LOG of %d lines, %d were seen live (%v)", len(last.Log), len(log), err)
			}
			noCode(t, rec)
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", st.Mode(), err)
			}
		})
	}
}

// symbol is what a pointer leads to by the symbol table, which is in no recording.
var symbol = regexp.MustCompile(` <.*>$`)

// values are what expressions mean at a stop, member by member.
func values(ask func(view.Query) *view.Peek) string {
	var b strings.Builder
	for _, expr := range []string{"this", "*this", "$rip + 1", "m", "stored", "*stored", "no_such_name", "rtcr: sizeof(Rtcr::Restorer)", "sheep_counter: Component::awake", "sheep_counter: &Component::rounds",
		"core: Genode::Platform_thread::nothing", "kernel: sizeof(Thread)", "rtcr: (Rtcr::Restorer*)0x1000 + 1"} {
		p := ask(view.Query{Kind: view.QueryValue, Expr: expr})
		fmt.Fprintf(&b, "%s: %s, failed: %v\n", expr, p.Title, p.Err != "")
		for _, m := range p.Members {
			fmt.Fprintf(&b, "  %d %s %s %s %x %s %v\n", m.Depth, m.Name, m.Type, symbol.ReplaceAllString(m.Value, ""), m.Addr, m.Means, m.Leads)
		}
	}
	return b.String()
}

// noCode makes sure that no page of a recording holds machine code of the lab
// guest: none of its functions' bytes.
func noCode(t *testing.T, rec *recording.Recording) {
	t.Helper()
	const window = 48
	text := map[[window]byte]string{}
	for _, name := range []string{"fiasco.image", "core", "rtcr", "sheep_counter"} {
		f, err := debuginfo.Load(filepath.Join("..", "..", "guest", "build", name), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Text() {
			for a := (r.Start + 15) &^ 15; a+window <= r.End; a += 16 {
				var b [window]byte
				if f.ReadFile(a, b[:]) == nil && b != [window]byte{} {
					text[b] = name
				}
			}
		}
	}
	found := map[uint64]int{}
	for i := range rec.Records() {
		for _, p := range rec.Pages(i) {
			for off := 0; off+window <= len(p.Data); off += 16 {
				if text[[window]byte(p.Data[off:])] != "" {
					found[p.Addr]++
				}
			}
		}
	}
	for addr, n := range found {
		if n > 2 {
			t.Errorf("page %#x holds %d pieces of machine code", addr, n)
		}
	}
}

// What the user notes goes into the recording.
func TestNotesAreRecorded(t *testing.T) {
	ctx := deadline(t)
	path := filepath.Join(t.TempDir(), "session.thaw")
	var w *recording.Writer
	e, _ := openLabWith(ctx, t, "", true, recordTo(t, path, &w))
	run, cancel := context.WithCancel(ctx)
	c := &control{session.NewController(run, e), t, ctx}
	c.NextPhase()
	c.until("the first phase", stoppedAt(1))
	c.Note("look here")
	c.Note("")
	c.NextPhase()
	c.until("the second phase", stoppedAt(2))
	c.Note("and here")
	c.Back()
	c.until("the first phase again", func(v *view.View) bool { return v.Snapshot.Number == 1 })
	c.Note("") // takes the bookmark away
	cancel()
	testwait.For(t, c.Done(), "the session to end")
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, _ := openReplay(t, path)
	v, err := r.View(1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]view.Note{{Stop: 1, Text: "look here"}, {Stop: 2, Text: "and here"}}, v.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// The recordings that come with thaw hold no machine code of the lab guest, and
// their backtraces stand.
func TestRecordingsThatComeWithThaw(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "scenarios", "recordings", "*.thaw"))
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	lab := 0
	for _, file := range files {
		rec, err := recording.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Guest() != "lab guest" {
			continue // other programs, and made by older versions
		}
		lab++
		noCode(t, rec)
		r, _ := openReplay(t, file)
		p, err := session.NewPlayer(r)
		if err != nil {
			t.Fatal(err)
		}
		p.Continue()
		for _, o := range p.View().Snapshot.System.Threads() {
			p.Ask(view.Query{Kind: view.QueryStack, Thread: o.ID})
			if peek := p.View().Peek; o.Thread.Source != kernel.SourceNone && len(peek.Frames) < 2 {
				t.Errorf("%s: thread %s %s: %d frames, %s", file, o.ID, o.Name, len(peek.Frames), peek.Err)
			}
		}
	}
	if lab < 10 {
		t.Errorf("only %d of %d are the lab guest's", lab, len(files))
	}
}
