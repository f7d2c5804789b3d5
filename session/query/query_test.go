package query

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// run makes four stops: the child's slot 20f is empty, names an interrupt, is empty
// again, and the last stop has an incomplete table; thread 231 comes at stop 2.
func run() *Stops {
	snap := func(n int, problem string, caps ...kernel.Capability) *view.Snapshot {
		irq := &kernel.Object{ID: 0x155, Addr: 0x1000, Size: 8, Kind: "IRQ", Class: "Irq_sender"}
		task := &kernel.Object{ID: 7, Addr: 0x2000, Size: 8, Kind: "Task", PD: &kernel.PD{Caps: caps, Problem: problem}}
		objects := []*kernel.Object{irq, task}
		if n > 1 {
			objects = append(objects, &kernel.Object{ID: 0x231, Addr: 0x3000, Size: 8, Kind: "Thread", Name: "ep",
				Thread: &kernel.Thread{PD: 7, StateWords: []string{"rcv_wait"}, Source: "frame", IP: 0x1000000 + uint64(n)}})
		}
		return &view.Snapshot{Number: n, Time: time.Duration(n) * time.Second, System: kernel.NewSystem(objects, nil), Words: view.Words{Tasks: map[kernel.ID]string{7: "sheep"}},
			CPU: []kernel.Register{{Name: "rip", Value: 0x10}, {Name: "rsp", Value: 0xffff_8000_0000_1000}}}
	}
	held := kernel.Capability{Slot: 0x20f, Object: 0x155, Rights: "RWSD"}
	stops := []*view.Snapshot{snap(1, ""), snap(2, "", held), snap(3, ""), snap(4, "a page of it cannot be read")}
	last := &view.View{Result: view.Result{Verdicts: []view.ThreadVerdict{{Thread: 0x231, Name: "ep", Verdict: view.Ignored, History: []view.Happening{
		{Stop: 2, What: "requested", Text: "asks"}, {Stop: 3, What: "written", New: 0x1000, Text: "writes"}}}}}}
	return &Stops{First: 1, Last: 4, Restored: 7, Restores: []int{4},
		Snapshot: func(n int) (*view.Snapshot, error) { return stops[n-1], nil },
		View:     func(int) (*view.View, error) { return last, nil },
		Print:    func(n int, text string) (any, error) { return uint64(n) * uint64(len(text)), nil },
		Member: func(n int, o kernel.ID, path string) (any, error) {
			return uint64(n), nil
		},
		Memory: func(int, kernel.ID) (*memory.Space, int, error) { return nil, 0, errors.New("memory was not recorded") }}
}

// answer is an answer in short: "2-3 VALUE; 4 ? why".
func answer(t *testing.T, text string) string {
	t.Helper()
	q, err := Parse(text)
	if err != nil {
		return "error: " + err.Error()
	}
	a, err := q.Ask(t.Context(), run())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range a.All() {
		out = append(out, r.Stops()+" "+r.Text())
	}
	return strings.Join(out, "; ")
}

func TestAsk(t *testing.T) {
	const noThread = "1 not known: there is no thread 231; "
	const torn = "; 4 not known: whether slot 20f is used is not known: a page of it cannot be read"
	for _, c := range []struct{ ask, want string }{
		{`child.slot(20f).kind == "IRQ"`, "2 true" + torn},
		{`child.slot(20f)`, "1 empty; 2 0020f 155-RWSD IRQ; 3 empty" + torn},
		{`thread(231).state contains "rcv_wait"`, noThread + "2-4 true"},
		{`thread("ep").name`, "1 not known: there is no thread \"ep\"; 2-4 ep"},
		{`thread(155).state`, "1-4 not known: object 155 is another kind of object: IRQ"},
		{`thread(231).ip`, noThread + "2 0x1000002; 3 0x1000003; 4 0x1000004"},
		{`thread(231).ip == 0x1000003`, noThread + "3 true"},
		{`"thread(231)"`, "1-4 thread(231)"},
		{`register("rsp") > 0`, "1-4 true"}, // an address of the kernel
		{`register("rsp") + 8`, "1-4 0xffff800000001008"},
		{`register("rsp") - 0x1000`, "1-4 0xffff800000000000"},
		{`register("rsp") - register("rip")`, "1-4 0xffff800000000ff0"},
		{`register("rip") - 0x11`, "1-4 -1"},
		{`register("rsp") % 0x10000`, "1-4 4096"},
		{`register("rsp") % 0`, "1-4 not known: dividing by 0"},
		{`register("rsp") * 2`, "1-4 not known: 18446603336221200384 * 2 needs more than 64 bits"},
		{`min([register("rsp"), register("rip")])`, "1-4 0x10"},
		{`max(register("rsp"), register("rip"), 5)`, "1-4 0xffff800000001000"},
		{`sort([register("rsp"), register("rip"), 5])`, "1-4 5, 0x10, 0xffff800000001000"},
		{`sort([register("rsp"), register("rip")], "desc")[0]`, "1-4 0xffff800000001000"},
		{`sum([register("rsp"), register("rip")])`, "1-4 0xffff800000001010"},
		{`sum(objects, .addr)`, "1 12288; 2-4 24576"},
		{`max([])`, "1-4 nothing"},
		{`sort()`, "1-4 not known: sort takes a list"},
		{`sort([1], "up")`, `1-4 not known: the order is "asc" or "desc"`},
		{`sort([nil, 5, register("rsp"), nil])[2:]`, "1-4 5, 0xffff800000001000"},
		{`min([nil, register("rsp"), 7])`, "1-4 7"},
		{`map(sortBy(objects, -.addr), .id)`, "1 0x7, 0x155; 2-4 0x231, 0x7, 0x155"},
		{`sortBy(objects, .addr, "desc")[0].id`, "1 0x7; 2-4 0x231"},
		{`sortBy([register("rsp"), register("rip")], #)[0]`, "1-4 0x10"},
		{`0 < register("rsp") and register("rsp") >= register("rip") and not (register("rsp") <= 0x10)`, "1-4 true"},
		{`-1 < register("rip") and 1.5 < 2 and "a" < "b"`, "1-4 true"},
		{`"a" < 5`, "error: the expression: invalid operation: < (mismatched types string and int)"},
		{`member(231, "x") > 1`, "1 not known: there is no object 231; 2-4 true"},
		{`holders(155)`, "1 none; 2 sheep (7) slot 20f; 3 none; 4 not known: the capability table of sheep is not known as a whole: a page of it cannot be read"},
		{`count(threads, .component == "sheep")`, "1 0; 2-4 1"},
		{`any(objects, .id == 0x231)`, "2-4 true"},
		{`map(requests, .text)`, "1 none; 2 asks; 3-4 none"},
		{`any(writes, .thread == 0x231)`, "3 true"},
		{`map(verdicts, .verdict)`, "1-4 ignored"},
		{`original.slot(1)`, "1-4 not known: there is no checkpointed child"},
		{`word(7, 0x10)`, "1-4 not known: memory was not recorded"},
		{`member(155, "_x") > 2`, "3-4 true"},
		{`print("rtcr: x") > 20`, "3-4 true"},
		{`register("rip")`, "1-4 0x10"},
		{`register("r99")`, "1-4 not known: register r99 is not known"},
		{`stop > 2`, "3-4 true"},
		{`false`, ""},
		{`thread(nil)`, "1-4 not known: there is no thread: nothing was given"},
		{``, "error: an expression is missing, such as `thread(231).state` (docs/query.md lists what there is)"},
		{`thread(231).ip == 231`, "error: ip is hex: write 0x231"},
		{`thred(231)`, "error: the expression: unknown name thred"},
		{`thread(231).stat`, "error: the expression: type query.thread has no field stat"},
		{strings.Repeat("(", 3000), "error: the expression is longer than 2000 bytes"},
		{`1 +`, "error: the expression: unexpected token EOF"},
	} {
		if got := answer(t, c.ask); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.ask, got, c.want)
		}
	}
}

// What takes too long ends with the question.
func TestAskEnds(t *testing.T) {
	q, err := Parse("stop")
	if err != nil {
		t.Fatal(err)
	}
	s := run()
	ctx, cancel := context.WithCancel(t.Context())
	next := s.Snapshot
	s.Snapshot = func(n int) (*view.Snapshot, error) { cancel(); return next(n) }
	if _, err := q.Ask(ctx, s); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
