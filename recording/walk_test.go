package recording_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"thaw/recording/stub/stubtest"
	"thaw/session"
	"thaw/session/query"
	"thaw/session/view"
)

// Questions see at each stop what the stop alone shows, in whatever order they come to
// the stops, with what is as it was at the stop before taken over.
func TestQuestionsSeeTheStops(t *testing.T) {
	for _, path := range []string{"../scenarios/recordings/rtcr-2019.thaw", "../scenarios/recordings/nova-refused.thaw", "../scenarios/recordings/reversed-copy.thaw", "testdata/lab-1.0.thaw"} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, _, r := stubtest.Open(t, path)
			s, err := r.QueryStops()
			if err != nil {
				t.Fatal(err)
			}
			again := 0
			for _, n := range []int{1, 2, s.Last, s.Last - 1, s.Last / 2, s.Last/2 + 1, 1} {
				v, err := r.View(n)
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.Snapshot(n)
				if err != nil {
					t.Fatal(err)
				}
				again += len(got.System.Objects) - got.System.Anew
				if want := v.Snapshot.System; !reflect.DeepEqual(got.System.Objects, want.Objects) || !reflect.DeepEqual(got.System.Problems, want.Problems) {
					t.Errorf("stop %d: %d objects, %q; as it stands alone %d, %q", n, len(got.System.Objects), got.System.Problems, len(want.Objects), want.Problems)
				}
			}
			if again == 0 {
				t.Error("everything was decoded anew at every stop")
			}
		})
	}
}

// The questions of docs/query.md, to a recording that comes with thaw.
func TestQuestionsToShipped(t *testing.T) {
	_, _, r := stubtest.Open(t, "../scenarios/recordings/rtcr-2016.thaw")
	for text, want := range map[string]string{
		`child.slot(206).kind == "Gate"`:                "1-12 not known: there is no restored child; 13-32 true",
		`child.slot(20f)`:                               "1-12 not known: there is no restored child; 13-32 empty",
		`thread(22a).state contains "rcv_wait"`:         "1-12 not known: there is no thread 22a; 13-29 true; 31-32 true",
		`map(requests, .name)`:                          "1-22 none; 23 sheep_counter, ep, signal handler; 24-32 none",
		`holders(155)`:                                  "1-32 core (9) slot 35f",
		`map(verdicts, .verdict)`:                       "1-12 none; 13-22 pending, pending, pending; 23-29 coincident, pending, coincident; 30-32 coincident, ignored, coincident",
		`member(22a, "_state")`:                         "1-12 not known: there is no object 22a; 13-29 0x8; 30 0x1; 31-32 0x8",
		`count(threads, .component == "sheep_counter")`: "1-12 3; 13-32 6",
	} {
		q, err := query.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		s, err := r.QueryStops()
		if err != nil {
			t.Fatal(err)
		}
		a, err := q.Ask(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		var runs []string
		for _, run := range a.All() {
			runs = append(runs, run.Stops()+" "+run.Text())
		}
		if got := strings.Join(runs, "; "); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// A replay shows kernel objects member by member, and follows their pointers, by the types
// that were taken along; what was not is told.
func TestObjectsInReplay(t *testing.T) {
	_, _, r := stubtest.Open(t, "../scenarios/recordings/irq-for-gate.thaw")
	p, err := session.NewPlayer(r)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(q view.Query) *view.Peek {
		p.Ask(q)
		return p.View().Peek
	}
	threads := p.View().Snapshot.System.Threads()
	followed := 0
	for _, o := range threads {
		got := ask(view.Query{Kind: view.QueryObject, Object: o.ID})
		if got.Err != "" || len(got.Members) < 10 || !strings.Contains(got.Title, o.Class) {
			t.Fatalf("%s: %q, %d members, %s", o.ID, got.Title, len(got.Members), got.Err)
		}
		for _, m := range got.Members {
			if m.Leads.Kind == view.QueryValue && followed < 20 {
				followed++
				if to := ask(m.Leads); to.Err != "" || len(to.Members) == 0 {
					t.Errorf("%s of %s leads to %s: %s", m.Name, o.ID, m.Leads.Expr, to.Err)
				}
			}
		}
	}
	if followed == 0 {
		t.Error("no member leads to another object")
	}
	for expr, want := range map[string]string{"kernel: *(No_such*)0x10": "No_such", "x + 1": "unknown name x",
		fmt.Sprintf("kernel: (*(%s*)%#x).nothing", threads[0].Class, threads[0].Addr): "nothing"} {
		if got := ask(view.Query{Kind: view.QueryValue, Expr: expr}); !strings.Contains(got.Err, want) {
			t.Errorf("%s: %q, want %q", expr, got.Err, want)
		}
	}
}
