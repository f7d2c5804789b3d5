package report

import (
	"fmt"
	"strings"
	"time"

	"thaw/kernel"
	"thaw/session/scenario"
	"thaw/session/view"
)

// Fixtures modelled on the real bug (Genode 16.08, rtcr, x86_64): ids, names,
// states and addresses as they were read from memory there.

const (
	taskCore = 0x9
	taskRtcr = 0xaf
	taskOrig = 0x153
	taskRest = 0x1ef
)

var fixtureTasks = map[kernel.ID]string{taskCore: "core", taskRtcr: "rtcr", taskOrig: "sheep_counter", taskRest: "sheep_counter"}

var fixturePlaces = map[uint64]view.Place{
	0x1014ce5: {Addr: 0x1014ce5, Component: "sheep_counter", Function: "Genode::ipc_call(Genode::Native_capability, Genode::Msgbuf_base&, Genode::Msgbuf_base&, unsigned long)", Offset: 0x135, File: "/src/base-foc/ipc.cc", Line: 301},
	0x1014faa: {Addr: 0x1014faa, Component: "sheep_counter", Function: "Thread_stop_mystery::msleep(unsigned int)", Offset: 0x5a},
	0x101b190: {Addr: 0x101b190, Component: "sheep_counter", Function: "Genode::Signal_receiver::wait_for_signal()", Offset: 0x90},
	0x55e440:  {Addr: 0x55e440, Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)"},
}

func thread(id kernel.ID, name string, task kernel.ID, state string, ip, sp uint64) *kernel.Object {
	words := map[string]string{"receive_wait": "rcv_wait", "ready": "ready"}
	t := &kernel.Thread{PD: task, StateNames: []string{state}, StateWords: []string{words[state]}, IP: ip, SP: sp, Source: "frame"}
	if state == "receive_wait" {
		t.Wait = kernel.Wait{Verb: "receives from", What: "anybody"}
	}
	return &kernel.Object{ID: id, Class: "Thread_object", Kind: "Thread", Name: name, Thread: t}
}

func gate(id, to kernel.ID, label uint64) *kernel.Object {
	return &kernel.Object{ID: id, Class: "Ipc_gate_obj", Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: to, None: "no thread bound"}}, Values: []kernel.Value{{Name: "label", Number: label}}}
}

func irq(id, to kernel.ID) *kernel.Object {
	return &kernel.Object{ID: id, Class: "Irq_sender", Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", To: to, None: "not attached"}}, Values: []kernel.Value{{Name: "label"}}}
}

func task(id kernel.ID, caps ...kernel.Capability) *kernel.Object {
	return &kernel.Object{ID: id, Class: "Task", Kind: "Task", PD: &kernel.PD{Root: 0x2f000000 + uint64(id)<<12, Caps: caps}}
}

func capability(slot uint64, object kernel.ID, rights string) kernel.Capability {
	return kernel.Capability{Slot: slot, Object: object, Rights: rights, More: "0x10", Pointer: 0xffffffff10000000 + uint64(object)}
}

// fixtureObjects are a new set each time: tests change them.
func fixtureObjects() []*kernel.Object {
	return []*kernel.Object{
		thread(0xd, "entrypoint", taskCore, "ready", 0x55e440, 0x401ffd10),
		thread(0x1da, "child ep", taskRtcr, "receive_wait", 0x106ad55, 0x40aff350),
		thread(0x186, "sheep_counter", taskOrig, "receive_wait", 0x1014ce5, 0x400ffc20),
		thread(0x196, "ep", taskOrig, "receive_wait", 0x1014faa, 0x401ff9a0),
		thread(0x221, "sheep_counter", taskRest, "receive_wait", 0x1014ce5, 0x400ffc20),
		thread(0x231, "ep", taskRest, "receive_wait", 0x1014ce5, 0x401ff400),
		gate(0x18e, 0x1da, 0x4618), irq(0x188, 0x1da), gate(0x197, 0x1da, 0x4620), gate(0x19c, 0x1da, 0x4628),
		gate(0x22b, 0x1da, 0x4718), irq(0x223, 0),
		{ID: 0x199, Class: "Factory", Kind: kernel.KindOther},
		task(taskCore), task(taskRtcr),
		task(taskOrig, capability(1, taskOrig, "SW"), capability(8, 0x18e, "SW"), capability(9, 0x188, "S-"), capability(0xb, 0x197, "-W"),
			capability(0xc, 0x199, "--"), capability(0x204, 0, "SW"), capability(0x205, 0x19c, "SW")),
		task(taskRest, capability(1, taskRest, "SW"), capability(8, 0x22b, "SW"), capability(9, 0x223, "S-")),
	}
}

func snapshotOf(number int, reason string, objects []*kernel.Object) *view.Snapshot {
	s := &view.Snapshot{Number: number, Time: 3700*time.Millisecond + time.Duration(number)*17*time.Millisecond, Reason: reason,
		System: kernel.NewSystem(objects, nil), Words: view.Words{Tasks: fixtureTasks, Places: map[kernel.ID]view.Place{}, PC: fixturePlaces[0x55e440], Cost: view.Cost{Duration: 7300 * time.Microsecond, Bytes: 412 << 10, Batches: 9}}}
	for _, o := range s.System.Threads() {
		if p, ok := fixturePlaces[o.Thread.IP]; ok {
			p.Component = fixtureTasks[o.Thread.PD]
			s.Places[o.ID] = p
		}
	}
	return s
}

// fixturePhases is the scenario's tree, walked to its end.
func fixturePhases() []view.Phase {
	tree := []struct {
		name  string
		depth int
	}{{"checkpoint", 0}, {"capability map", 1}, {"region maps", 1}, {"RAM sessions", 1}, {"PD sessions", 1}, {"CPU sessions", 1},
		{"RM sessions", 1}, {"LOG sessions", 1}, {"Timer sessions", 1}, {"memory list", 1}, {"incremental dataspaces", 1},
		{"detach dataspaces", 1}, {"dataspace contents", 1}, {"restore", 0}, {"find RAM sessions", 1}, {"find PD sessions", 1},
		{"find CPU sessions", 1}, {"find RM sessions", 1}, {"find LOG sessions", 1}, {"find Timer sessions", 1}, {"RAM sessions", 1},
		{"PD sessions", 1}, {"CPU sessions", 1}, {"CPU threads", 2}, {"RM sessions", 1}, {"LOG sessions", 1}, {"Timer sessions", 1},
		{"incremental dataspaces", 1}, {"capability map", 1}, {"capability space", 1}, {"dataspace contents", 1}}
	var out []view.Phase
	stop := 0
	for _, n := range tree {
		p := view.Phase{Name: n.name, Depth: n.depth, Function: "Rtcr::" + n.name}
		if strings.HasSuffix(n.name, "RM sessions") {
			p.State = view.PhaseSkipped
		} else {
			stop++
			p.State, p.Hits, p.Stop = view.PhaseDone, 1, stop
		}
		out = append(out, p)
	}
	return out
}

func fixtureStage(ip, sp uint64, source string, stop int) view.Stage {
	return view.Stage{Known: true, IP: ip, SP: sp, Place: fixturePlaces[ip], Source: source, Stop: stop, Time: 3690*time.Millisecond + time.Duration(stop)*17*time.Millisecond}
}

func fixtureVerdict(name string, id, orig kernel.ID, v view.Verdict, wanted, found [2]uint64) view.ThreadVerdict {
	return view.ThreadVerdict{Thread: id, Original: orig, Name: name, Task: taskRest, TaskName: "sheep_counter", Verdict: v,
		Checkpointed: fixtureStage(wanted[0], wanted[1], "rtcr's stored state at 0x17290", 13),
		Requested:    fixtureStage(wanted[0], wanted[1], "argument of Genode::Platform_thread::state(Genode::Thread_state)", 23),
		Kernel:       fixtureStage(found[0], found[1], "entry frame at 0xffffffffffbf3fd8", 23),
		Entered:      fixtureStage(found[0], found[1], "processor, first return to user mode after the request", 30)}
}

// fixtureVerdicts is the end of the real run: ep ignored, two coincident.
func fixtureVerdicts() []view.ThreadVerdict {
	ep := fixtureVerdict("ep", 0x231, 0x196, view.Ignored, [2]uint64{0x1014faa, 0x401ff9a0}, [2]uint64{0x1014ce5, 0x401ff400})
	ep.Rule = "stays-in-copy"
	ep.Cause = "the state stays in core's pager copy (Platform_thread::_pager_obj->state): nothing wrote the thread's kernel state, because it was blocked in IPC (receive_wait) when the request came and the copy is handed over only in the reply to an exception"
	ep.Advice = "let ex_regs with the cancel flag set ip and sp, or bring the thread into an exception first and put the state into the reply"
	ep.Evidence = []string{
		"stop 23: Genode::Platform_thread::state(Genode::Thread_state) asks for ip 0x1014faa, sp 0x401ff9a0",
		"thread object 0xffffffffffbf3000 then: blocked in IPC (receive_wait), frame ip 0x1014ce5, sp 0x401ff400, entry frame's ip at 0xffffffffffbf3fd8",
		"core's pager copy (Platform_thread::_pager_obj->state) at 0x5f1a58: ip 0x0 before, 0x1014faa after",
		"no operation set this thread's state after the request (1 before it)",
		"no write to the entry frame or the continuation after the request",
		"stop 30: entered user mode at sheep_counter: Genode::ipc_call+0x135, ip 0x1014ce5, sp 0x401ff400",
	}
	main := fixtureVerdict("sheep_counter", 0x221, 0x186, view.Coincident, [2]uint64{0x1014ce5, 0x400ffc20}, [2]uint64{0x1014ce5, 0x400ffc20})
	sig := fixtureVerdict("signal handler", 0x23f, 0x1a3, view.Coincident, [2]uint64{0x101b190, 0x402ffef0}, [2]uint64{0x101b190, 0x402ffef0})
	for _, t := range []*view.ThreadVerdict{&main, &sig} {
		t.Rule = "coincident"
		t.Cause = "the thread stood at the requested ip and sp already when the request came: nothing wrote them, they are equal by coincidence"
		t.Entered = view.Stage{Missing: "the thread has not returned to user mode since the request"}
		t.Evidence = ep.Evidence[3:5]
	}
	return []view.ThreadVerdict{main, ep, sig}
}

func fixtureCaps() *view.CapDiff {
	g := func(slot uint64, id kernel.ID, to string) view.SlotCap {
		return view.SlotCap{Slot: slot, Object: id, Type: "Gate", Rights: "SW", Label: 0x4600 + slot, Receiver: to}
	}
	was := view.SlotCap{Slot: 0xb, Object: 0x188, Type: "IRQ", Rights: "SW", Receiver: "rtcr/child ep"}
	is := was
	is.Object, is.Receiver = 0x223, "none"
	return &view.CapDiff{Original: taskOrig, Restored: taskRest, Checkpoint: 13, After: 29, Same: 27,
		Missing: []view.SlotCap{g(0x20e, 0x19c, "rtcr/resources ep"), g(0x214, 0x1a0, "rtcr/resources ep"), g(0x215, 0x1a2, "core/signal_proxy")},
		Extra:   []view.SlotCap{{Slot: 0x230, Object: 0x245, Type: "Factory", Rights: "S-"}},
		Changed: []view.CapChange{{Slot: 0xb, Before: was, After: is, What: []string{"receiver"}}}}
}

func fixtureLog() []string {
	log := []string{"Genode 16.08-rtcr", "1008 MiB RAM assigned to init", "[init -> target_restorer-tester] --- Restorer started ---"}
	for i := 1; i <= 50; i++ {
		log = append(log, fmt.Sprintf("[init -> target_restorer-tester -> sheep_counter] %d sheep. zZz", i))
	}
	return append(log, "[init -> target_restorer-tester] --- restore done ---", "[init -> target_restorer-tester -> sheep_counter] 1 sheep. zZz")
}

var fixtureScenario = &scenario.Scenario{Heading: scenario.Heading{Name: "rtcr-2016", Title: "The restored child starts from the beginning", Source: `Genode users mailing list, 2016-12-03, "Restoring child with checkpointed state"`, Story: "rtcr checkpoints a child that counts sheep and restores it into a second\nchild. ip and sp of its threads are set, no error is reported, and the\nrestored child goes on behind its LOG session request: it counts from one\nagain.\n"}}

// fixtureStory is the real run, as the session's user would report it.
func fixtureStory() *Story {
	phases := fixturePhases()
	var stops []*view.Snapshot
	for n := 1; n <= 30; n++ {
		s := snapshotOf(n, "the restore is complete", fixtureObjects())
		for _, p := range phases {
			if p.Stop == n {
				s.Reason, s.Phase = "phase "+p.Name, p.Name
			}
		}
		stops = append(stops, s)
	}
	view := &view.View{Session: view.Session{State: view.Stopped, Scenario: "rtcr-2016", Target: "localhost:1234"}, History: view.History{Snapshot: stops[29], Stops: 30, Live: true, Notes: []view.Note{{Stop: 22, Text: "the *request* for ep, see mail of\nDecember 3rd"}, {Stop: 30}}, Questions: fixtureQuestions()},
		Result: view.Result{Phases: phases, Verdicts: fixtureVerdicts(), Complete: true, Finished: true, Caps: fixtureCaps(), Memory: &view.MemoryDiff{Original: 0x14f, Restored: 0x1e7, Checkpoint: 12, After: 29, Same: 30, Unmapped: 108, Pages: []view.PageDiff{
			{Virt: 0x1052000, Region: "data", First: 0x128, Bytes: 9, Before: []byte{1, 0, 0, 0}, After: []byte{0, 0, 0, 0}, Like: "the program's initial contents"}}}, Waits: []view.WaitChange{{Name: "signal handler", Original: 0x19e, Restored: 0x238, Before: "receives from an object of kind IRQ", After: "receives from anybody", Stop: 30}}, Breakpoints: []view.BreakpointInfo{
			{Component: "rtcr", Function: "Rtcr::Restorer::restore(Rtcr::Target_state&)", Purpose: "phase", Addrs: []uint64{0x1023f40}, Hits: 1},
			{Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)", Purpose: "request", Addrs: []uint64{0x55e440, 0x55e610}, Hits: 3, Foreign: 12, Lifted: 1}}}, Log: fixtureLog()}
	return NewStory(fixtureScenario, stops, view, "recording sheep.thaw made with thaw")
}

// hostile is what a guest could put into every text that it controls.
const hostile = "<script>alert(1)</script>\x1b[2J\x00|`` ```\u202e\u009b2J\u2066\xff@all [x](http://e.example) ]]> &amp; \"'"

// hostileStory has it everywhere.
func hostileStory() *Story {
	s := fixtureStory()
	v := *s.View
	v.Scenario, v.Target = hostile, hostile
	v.Phases = []view.Phase{{Name: hostile, Function: hostile, State: view.PhaseDone, Hits: 1, Stop: 1}, {Name: hostile, Depth: 99, State: 77, Stop: 2}}
	st := fixtureStage(1, 2, hostile, 2)
	st.Place = view.Place{Addr: 1, Component: hostile, Function: hostile + "(int)", Offset: 1, File: hostile, Line: 3}
	st.Registers = []kernel.Register{{Name: hostile, Value: 1}}
	other := st
	other.Registers = []kernel.Register{{Name: hostile, Value: 2}}
	missing := view.Stage{Missing: hostile}
	v.Verdicts = []view.ThreadVerdict{
		{Thread: 1, Name: hostile, TaskName: hostile, Verdict: view.Partial, Rule: hostile, Cause: hostile, Advice: hostile, Evidence: []string{hostile, hostile},
			Checkpointed: missing, Requested: st, Kernel: missing, Entered: other},
		{Name: hostile, Verdict: view.Verdict(hostile), Cause: hostile, Checkpointed: missing},
	}
	slot := view.SlotCap{Slot: 1, Type: hostile, Rights: hostile, Receiver: hostile}
	v.Caps = &view.CapDiff{Missing: []view.SlotCap{slot}, Changed: []view.CapChange{{Before: slot, What: []string{hostile}}}}
	v.Log = []string{hostile, "```", hostile}
	v.Breakpoints = []view.BreakpointInfo{{Component: hostile, Function: hostile, Purpose: hostile}}
	v.Err = fmt.Errorf("%s", hostile)
	s.View, s.Title, s.Text, s.Source, s.Made = &v, hostile, hostile, hostile, hostile
	s.Notes = []view.Note{{Stop: 1, Text: hostile}}
	s.View.Questions = []view.Question{{Stop: 1, Word: hostile, Why: hostile, Steps: []view.Origin{{Position: 7, Word: hostile, Thread: hostile, Phase: hostile, Stop: 1, Text: hostile, Place: view.Place{Component: hostile, Function: hostile, File: hostile}, Frames: []view.Frame{{Place: view.Place{Function: hostile}}}}}}}
	for i := range s.Stops {
		s.Stops[i].Reason, s.Stops[i].Phase, s.Stops[i].PC = hostile, hostile, st.Place
	}
	return s
}

// fixtureQuestions are memory that was asked about.
func fixtureQuestions() []view.Question {
	return []view.Question{
		{Stop: 30, Word: "the word at 20010000 of task 41", Steps: []view.Origin{
			{Position: 14092068, Stop: 28, Phase: "restore: dataspace contents", Word: "the word at 20010000 of task 41", New: 0x20001010, Thread: "entrypoint (thread a)", Sure: true,
				Place: view.Place{Addr: 0x500575, Component: "core", Function: "memcpy", Offset: 0x15, File: "base/base.cc", Line: 12}, Text: "copied from 0x1666000 (physical 0x1666000)",
				Frames: []view.Frame{{Place: view.Place{Addr: 0x500575, Component: "core", Function: "memcpy", Offset: 0x15}}, {Place: view.Place{Addr: 0x501234, Component: "core", Function: "serve", Offset: 0x20}}}},
			{Word: "8 bytes at physical 0x1666000", New: 0x20001010, Text: "it was there as the recorded run began: loaded with the guest (a ROM, a boot module)", Sure: true, End: view.EndLoaded},
		}},
		{Stop: 29, Word: "slot 20f of task 41", Why: "slot 20f of task 41 has had its value, 0x0, since the recorded run began: nothing was seen to write it"},
	}
}
