package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"thaw/session/view"
)

// A torn row tells who it is and nothing else, in text and in JSON; who runs comes first,
// and a small screen says what it leaves out.
func TestTop(t *testing.T) {
	l := &view.Look{Number: 2, Kernel: "Fiasco.OC", Readings: 8, Took: 2500 * time.Microsecond, Torn: 2, Problems: []string{"a list breaks off"},
		Threads: []view.LookThread{
			{ID: 0x2, Name: "idle", Component: "kernel", CPU: -1, State: "ready", Ready: true},
			{ID: 0x32, Name: "ep", Component: "sheep\x1b[31m", CPU: -1, State: "rcv_wait", Wait: "receives from anybody"},
			{ID: 0x3a, Name: "main", Component: "sheep", CPU: -1, Torn: true},
			{ID: 0x4b, Name: "busy", Component: "sheep", CPU: 0, State: "ready", Ready: true},
		},
		PDs: []view.LookPD{{ID: 0x21, Component: "sheep", Threads: 3, Capabilities: "25+?"}, {ID: 0x22, Component: "new", Torn: true}}}
	var b strings.Builder
	if err := Top(&b, l, 0, 0); err != nil {
		t.Fatal(err)
	}
	const want = `Fiasco.OC, looked at without a stop: 4 threads, 2 protection domains; 8 readings in 2.5 ms, 2 rows torn: the guest changed them meanwhile
runs: processor 0: sheep/busy 4b
problem: a list breaks off

id  component  threads  caps
21  sheep      3        25+?
22  new        torn

id  component   thread  cpu  state     wait
4b  sheep       busy    0    ready
3a  sheep       main         torn
2   kernel      idle         ready
32  sheep?[31m  ep           rcv_wait  receives from anybody
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := Top(&b, l, 4, 20); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"); len(lines) != 4 || lines[3] != "… 10 more lines" || len([]rune(lines[0])) > 20 {
		t.Errorf("on a small screen: %q", lines)
	}
	b.Reset()
	if err := JSONLine(&b, NewLookJSON(l)); err != nil {
		t.Fatal(err)
	}
	var got LookJSON
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || strings.Count(b.String(), "\n") != 1 {
		t.Fatalf("%v: %q", err, b.String())
	}
	torn, runs := got.Threads[2], got.Threads[3]
	if !torn.Torn || torn.Ready != nil || torn.CPU != nil || torn.State != "" || runs.CPU == nil || *runs.CPU != 0 || got.PDs[1].Threads != nil || *got.PDs[0].Threads != 3 {
		t.Errorf("in JSON: %s", b.String())
	}
}
