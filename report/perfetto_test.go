package report

import (
	"bytes"
	"encoding/json"
	"testing"

	"thaw/session/view"
)

// A time line is JSON that holds together: every event is on a named track, nothing ends
// before it begins, and the threads' states follow each other.
func TestPerfetto(t *testing.T) {
	story := fixtureStory()
	var stops []*view.Snapshot
	for n := 1; n <= 30; n++ {
		stops = append(stops, snapshotOf(n, "a stop", fixtureObjects()))
	}
	story.View.Verdicts[0].History = []view.Happening{{Stop: 3, What: "requested", Text: "asks for ip 0x1000"}}
	stops[20].System.Objects = stops[20].System.Objects[1:]
	var b bytes.Buffer
	if err := Perfetto(&b, &Timed{Name: "a\x1b[31mrecording", Stops: stops, Last: story.View, Log: [][]string{{"[init] one"}, nil, {"two", "three\x07"}}}); err != nil {
		t.Fatal(err)
	}
	if bytes.ContainsAny(b.Bytes(), "\x1b\x07") || bytes.Contains(b.Bytes(), []byte(`\u001b`)) {
		t.Error("control characters of the guest are in it")
	}
	var out struct {
		TraceEvents []struct {
			Name, Cat, Ph string
			Ts, Dur       int64
			Pid, Tid      uint64
		}
	}
	if err := json.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	named, kinds, ends := map[[2]uint64]bool{}, map[string]int{}, map[uint64]int64{}
	for _, e := range out.TraceEvents {
		switch {
		case e.Ph == "M":
			named[[2]uint64{e.Pid, e.Tid}] = true
			continue
		case !named[[2]uint64{e.Pid, 0}] || !named[[2]uint64{e.Pid, e.Tid}]:
			t.Errorf("%q is on no named track", e.Name)
		case e.Dur < 0 || e.Ph == "i" && e.Dur != 0:
			t.Errorf("%q lasts %d µs", e.Name, e.Dur)
		}
		if kinds[e.Cat]++; e.Cat == "state" {
			if e.Ts < ends[e.Tid] {
				t.Errorf("thread %d is %q at %d before its last state has ended", e.Tid, e.Name, e.Ts)
			}
			ends[e.Tid] = e.Ts + e.Dur
		}
	}
	for cat, want := range map[string]int{"stop": 30, "LOG": 3, "verdict": len(story.View.Verdicts)} {
		if kinds[cat] != want {
			t.Errorf("%d events of %s, want %d", kinds[cat], cat, want)
		}
	}
	if kinds["phase"] == 0 || kinds["state"] == 0 || kinds["requested"] == 0 {
		t.Errorf("events: %v", kinds)
	}
}
