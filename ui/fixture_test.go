package ui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"thaw/kernel"
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

type fixtureThread struct {
	id     kernel.ID
	name   string
	task   kernel.ID
	states []string
	ip, sp uint64
}

var fixtureThreads = []fixtureThread{
	{0x6, "", 1, []string{"ready"}, 0, 0},
	{0x8, "sigma0", 7, []string{"receive_wait"}, 0x10184b, 0x108fa0},
	{0xa, "core.main", taskCore, []string{"receive_wait"}, 0x55e015, 0x400ffc20},
	{0xd, "entrypoint", taskCore, []string{"ready", "fpu_owner"}, 0x55e440, 0x401ffd10},
	{0x10, "core.pager", taskCore, []string{"receive_wait"}, 0x533822, 0x5bec40},
	{0x17, "ep", taskCore, []string{"receive_wait"}, 0x55e2da, 0x402ffa80},
	{0x1e, "pager_ep", taskCore, []string{"receive_wait"}, 0x50f47e, 0x403ffdb0},
	{0x4f, "init_main", 0x39, []string{"receive_wait"}, 0x1027ba5, 0x400ffc20},
	{0x5c, "ep", 0x39, []string{"receive_wait"}, 0x1027e6a, 0x401ff010},
	{0x67, "signal handler", 0x39, []string{"receive_wait"}, 0x102dfa0, 0x402ffef0},
	{0x93, "timer", 0x7a, []string{"receive_wait"}, 0x10133ca, 0x400ffb50},
	{0xc8, "target_restorer-", taskRtcr, []string{"receive_wait"}, 0x106ad55, 0x400ffc20},
	{0xe8, "ep", taskRtcr, []string{"receive_wait"}, 0x106b01a, 0x401fbec0},
	{0xfc, "signal handler", taskRtcr, []string{"receive_wait"}, 0x1071270, 0x402ffef0},
	{0x12d, "resources ep", taskRtcr, []string{"receive_wait"}, 0x106af16, 0x403ffcf0},
	{0x138, "signal_proxy", 1, []string{"dead"}, 0, 0},
	{0x17a, "managed dataspac", taskRtcr, []string{"receive_wait"}, 0x106b01a, 0x407ffe80},
	{0x186, "sheep_counter", taskOrig, []string{"receive_wait"}, 0x1014ce5, 0x400ffc20},
	{0x196, "ep", taskOrig, []string{"receive_wait", "in_exception"}, 0x1014faa, 0x401ff9a0},
	{0x1a3, "signal handler", taskOrig, []string{"receive_wait", "in_exception"}, 0x101b190, 0x402ffef0},
	{0x1da, "child ep", taskRtcr, []string{"ready", "receive_wait"}, 0x106ad55, 0x40aff350},
	{0x221, "sheep_counter", taskRest, []string{"receive_wait"}, 0x1014ce5, 0x400ffc20},
	{0x231, "ep", taskRest, []string{"receive_wait"}, 0x1014ce5, 0x401ff400},
	{0x23f, "signal handler", taskRest, []string{"receive_wait"}, 0x101b190, 0x402ffef0},
}

var fixtureTasks = map[kernel.ID]string{
	7: "sigma0", taskCore: "core", 0x39: "init", 0x7a: "timer", taskRtcr: "rtcr",
	taskOrig: "sheep_counter", taskRest: "sheep_counter",
}

// Where user code stands, by address.
var fixturePlaces = map[uint64]view.Place{
	0x1014ce5: {Addr: 0x1014ce5, Component: "sheep_counter", Function: "Genode::ipc_call(Genode::Native_capability, Genode::Msgbuf_base&, Genode::Msgbuf_base&, unsigned long)", Offset: 0x75},
	0x1014faa: {Addr: 0x1014faa, Component: "sheep_counter", Function: "Genode::ipc_reply_wait(Genode::Reply_capability const&, Genode::Rpc_exception_code, Genode::Msgbuf_base&, Genode::Msgbuf_base&)", Offset: 0x5a},
	0x101b190: {Addr: 0x101b190, Component: "sheep_counter", Function: "Genode::Lock::lock()", Offset: 0x90},
	0x106ad55: {Addr: 0x106ad55, Component: "rtcr", Function: "Genode::ipc_call(Genode::Native_capability, Genode::Msgbuf_base&, Genode::Msgbuf_base&, unsigned long)", Offset: 0x75},
	0x55e440:  {Addr: 0x55e440, Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)"},
}

// The places where a thread's user state stands.
var (
	fixtureFrame = &kernel.PlaceKind{Name: "frame", Text: "entry frame"}
	fixtureCont  = &kernel.PlaceKind{Name: "_exc_cont", Text: "_exc_cont", Why: "an exception is triggered", Aside: true, Unused: ^uint64(0)}
)

// fixtureSystem holds the threads, and capability tables of both children.
func fixtureSystem() *kernel.System {
	var objects []*kernel.Object
	for _, f := range fixtureThreads {
		src := kernel.Source("frame")
		if f.ip == 0 {
			src = kernel.SourceNone
		}
		t := &kernel.Thread{PD: f.task, StateNames: f.states, StateWords: fixtureWords(f.states), IP: f.ip, SP: f.sp, Source: src,
			Places: []kernel.Place{{PlaceKind: fixtureFrame, IP: f.ip, SP: f.sp, IPAddr: 0xffffffffffc0e7d8}, {PlaceKind: fixtureCont, IP: ^uint64(0), IPAddr: 0xffffffffffc0e0a8}}}
		for _, s := range f.states {
			switch s {
			case "receive_wait":
				t.Wait = kernel.Wait{Verb: "receives from", What: "anybody"}
			case "send_wait":
				t.Wait = kernel.Wait{Verb: "sends to"}
			}
			t.Dead = t.Dead || s == "dead"
		}
		if f.task == taskOrig && f.name == "ep" {
			t.Source, t.Places[0].IP, t.Places[1].IP = fixtureCont.Name, 0xfffffffff004297d, f.ip
		}
		switch f.id {
		case 0x231:
			t.Wait.For = 0x8
		case 0x221:
			t.Wait.For = 0x1f0
		}
		if f.id == 0xd {
			t.Running = true
			t.Registers = []kernel.Register{{Name: "rax", Value: 1}, {Name: "rbx", Value: 0x401ffd10}, {Name: "eflags", Value: 0x246}}
		}
		class := "Thread_object"
		if f.name == "" {
			class = "Kernel_thread"
		}
		objects = append(objects, &kernel.Object{ID: f.id, Class: class, Kind: "Thread", Name: f.name, Thread: t})
	}
	tasks := map[kernel.ID]*kernel.PD{1: {}}
	for id := range fixtureTasks {
		tasks[id] = &kernel.PD{Root: 0x2f000000 + uint64(id)<<12}
	}
	slot := func(task, id kernel.ID, n uint64, thread kernel.ID) {
		tasks[task].Caps = append(tasks[task].Caps, kernel.Capability{Slot: n, Object: id, Rights: "SW", More: "0x10", Pointer: 0xffffffff10000000 + uint64(id)})
		if id != task && id != 0 {
			o := &kernel.Object{ID: id, Class: "Ipc_gate_obj", Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: thread, None: "no thread bound"}}, Values: []kernel.Value{{Name: "label", Number: 0x40 + n}}}
			if n%3 == 2 {
				o = &kernel.Object{ID: id, Class: "Irq_sender", Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", To: thread, None: "not attached"}}, Values: []kernel.Value{{Name: "label", Number: n}}}
			}
			objects = append(objects, o)
		}
	}
	for _, c := range []struct{ task, first, ep kernel.ID }{{taskOrig, 0x154, 0x1da}, {taskRest, 0x1f0, 0x12d}} {
		slot(c.task, c.task, 1, 0)
		for n := range kernel.ID(9) {
			to := c.ep
			if n == 3 {
				to = 0
			}
			slot(c.task, c.first+n, 8+uint64(n), to)
		}
		slot(c.task, 0, 0x204, 0)
		slot(c.task, c.first+0x10, 0x205, 0x10)
	}
	for id, t := range tasks {
		class := "Task"
		if id == 1 {
			class = "Kernel_task"
		}
		objects = append(objects, &kernel.Object{ID: id, Class: class, Kind: "Task", PD: t})
	}
	return kernel.NewSystem(objects, []string{"object 2a1 at ffffffff10013000: its class has no known layout"})
}

func fixtureSnapshot(n int, reason, phase string) *view.Snapshot {
	sys := fixtureSystem()
	s := &view.Snapshot{Number: n, Time: 3900 * time.Millisecond, Reason: reason, Phase: phase, System: sys,
		Words: view.Words{Tasks: fixtureTasks, Places: map[kernel.ID]view.Place{}, PC: fixturePlaces[0x55e440], Cost: view.Cost{Duration: 7300 * time.Microsecond, Bytes: 412 << 10, Batches: 9}}, Thread: 0xd}
	for _, o := range sys.Threads() {
		if p, ok := fixturePlaces[o.Thread.IP]; ok {
			p.Component = fixtureTasks[o.Thread.PD]
			s.Places[o.ID] = p
		}
	}
	s.CPU = []kernel.Register{{Name: "rax", Value: 0}, {Name: "rip", Value: 0x55e440}, {Name: "rsp", Value: 0x401ffd10}, {Name: "eflags", Value: 0x246}}
	s.Frames = []view.Frame{
		{Place: view.Place{Addr: 0x55e440, Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)", File: "/src/base-foc/platform_thread.cc", Line: 213}},
		{Place: view.Place{Addr: 0x53a1c0, Component: "core", Function: "Genode::Cpu_thread_component::state(Genode::Thread_state const&)", Offset: 0x1c, File: "cpu_thread_component.h", Line: 181}, Inlined: true},
		{Note: "unwinding ends here: no call frame information for 53a010"},
	}
	return s
}

// fixturePhases is the scenario's tree; cur is the index of the current one.
func fixturePhases(cur int) []view.Phase {
	names := []struct {
		name  string
		depth int
	}{{"checkpoint", 0}, {"capability map", 1}, {"region maps", 1}, {"RAM sessions", 1}, {"PD sessions", 1}, {"CPU sessions", 1},
		{"RM sessions", 1}, {"LOG sessions", 1}, {"Timer sessions", 1}, {"memory list", 1}, {"incremental dataspaces", 1},
		{"detach dataspaces", 1}, {"dataspace contents", 1},
		{"restore", 0}, {"find RAM sessions", 1}, {"find PD sessions", 1}, {"find CPU sessions", 1}, {"find RM sessions", 1},
		{"find LOG sessions", 1}, {"find Timer sessions", 1}, {"RAM sessions", 1}, {"PD sessions", 1}, {"CPU sessions", 1}, {"CPU threads", 2},
		{"RM sessions", 1}, {"LOG sessions", 1}, {"Timer sessions", 1}, {"incremental dataspaces", 1}, {"capability map", 1},
		{"capability space", 1}, {"dataspace contents", 1}}
	var out []view.Phase
	for i, n := range names {
		p := view.Phase{Name: n.name, Depth: n.depth, Function: "Rtcr::" + n.name}
		switch {
		case i < cur && n.name == "incremental dataspaces":
			p.State = view.PhaseSkipped
		case i < cur:
			p.State, p.Hits, p.Stop = view.PhaseDone, 1, i+1
		case i == cur:
			p.State, p.Hits, p.Stop = view.PhaseCurrent, 1, i+1
		}
		out = append(out, p)
	}
	return out
}

func known(ip, sp uint64, source string, stop int) view.Stage {
	return view.Stage{Known: true, IP: ip, SP: sp, Place: fixturePlaces[ip], Source: source, Stop: stop}
}

func fixtureVerdict(name string, id, orig kernel.ID, v view.Verdict, cp, kern [2]uint64) view.ThreadVerdict {
	tv := view.ThreadVerdict{Thread: id, Original: orig, Name: name, Task: taskRest, TaskName: "sheep_counter", Verdict: v,
		Checkpointed: known(cp[0], cp[1], "rtcr's Stored_cpu_thread_info::ts", 14),
		Requested:    known(cp[0], cp[1], "argument of core's Platform_thread::state", 24),
		Kernel:       known(kern[0], kern[1], fmt.Sprintf("entry frame at ffffffffff%x7d8", uint64(id)), 32),
		Entered:      known(kern[0], kern[1], "registers at its first user instruction", 33)}
	tv.Checkpointed.Registers = []kernel.Register{{Name: "rax", Value: 0}}
	return tv
}

// fixtureVerdicts is the end of the real run: ep ignored, two coincident.
func fixtureVerdicts() []view.ThreadVerdict {
	ep := fixtureVerdict("ep", 0x231, 0x196, view.Ignored, [2]uint64{0x1014faa, 0x401ff9a0}, [2]uint64{0x1014ce5, 0x401ff400})
	ep.Rule = "request-stays-in-pager"
	ep.Cause = "core only stored the state in its pager object; the thread waited in the IPC call of its LOG request, not in an exception, so the pager never handed it to the kernel."
	ep.Advice = "Set ip and sp with ex_regs and the cancel flag for a thread that is blocked in IPC."
	ep.Evidence = []string{
		"Platform_thread::state asked for ip 1014faa, sp 401ff9a0 (stop 24)",
		"core's _pager_obj->state held 1014faa/401ff9a0 afterwards",
		"no ex_regs on thread 231 between the request and its first user instruction",
		"entry frame unchanged: 1014ce5/401ff400",
	}
	ep.Requested.Registers = []kernel.Register{{Name: "rax", Value: 0}, {Name: "rbx", Value: 0x401ffa50}, {Name: "r12", Value: 7}}
	ep.Entered.Registers = []kernel.Register{{Name: "rax", Value: 0}, {Name: "rbx", Value: 0x401ff4c0}, {Name: "r12", Value: 7}, {Name: "r13", Value: 0x10}}
	main := fixtureVerdict("sheep_counter", 0x221, 0x186, view.Coincident, [2]uint64{0x1014ce5, 0x400ffc20}, [2]uint64{0x1014ce5, 0x400ffc20})
	sig := fixtureVerdict("signal handler", 0x23f, 0x1a3, view.Coincident, [2]uint64{0x101b190, 0x402ffef0}, [2]uint64{0x101b190, 0x402ffef0})
	for _, tv := range []*view.ThreadVerdict{&main, &sig} {
		tv.Cause = "The frame held the requested ip and sp before the request; nothing wrote them."
		tv.Rule = "equal-before-request"
	}
	return []view.ThreadVerdict{main, ep, sig}
}

func fixtureLog() []string {
	log := []string{"Genode 16.08-rtcr", "1008 MiB RAM assigned to init",
		"[init -> target_restorer-tester] --- Restorer started ---",
		"[init -> target_restorer-tester] checkpointing sheep_counter",
		"[init -> target_restorer-tester] Warning: [bold] tags ]and[ \x1b[31mcontrol\x07 characters are not obeyed"}
	for i := 1; i <= 12; i++ {
		log = append(log, fmt.Sprintf("[init -> target_restorer-tester -> sheep_counter] %d sheep. zZz", i))
	}
	return log
}

func fixtureCaps() *view.CapDiff {
	gate := func(slot uint64, id kernel.ID, to string) view.SlotCap {
		return view.SlotCap{Slot: slot, Object: id, Type: "Gate", Rights: "SW", Label: 0x40 + slot, Receiver: to}
	}
	irq := view.SlotCap{Slot: 0xb, Object: 0x188, Type: "IRQ", Rights: "SW", Receiver: "rtcr/child ep"}
	off := irq
	off.Object, off.Receiver = 0x223, "not attached"
	return &view.CapDiff{Original: taskOrig, Restored: taskRest, Checkpoint: 14, After: 32, Same: 27,
		Missing: []view.SlotCap{gate(0x20e, 0x19c, "rtcr/resources ep"), gate(0x214, 0x1a0, "rtcr/resources ep"), gate(0x215, 0x1a2, "rtcr/resources ep")},
		Extra:   []view.SlotCap{gate(0x230, 0x245, "rtcr/child ep")},
		Changed: []view.CapChange{{Slot: 0xb, Before: irq, After: off, What: []string{"receiver"}}}}
}

// Views of the session, in the order in which a user meets them.

func viewStarting() *view.View {
	return &view.View{Session: view.Session{State: view.Starting, Scenario: "rtcr-2016", Target: "localhost:1234", Message: "waiting for the guest at localhost:1234"},
		Result: view.Result{Phases: fixturePhases(-1)}, History: view.History{Live: true}}
}

func viewStopped() *view.View {
	s := fixtureSnapshot(24, "phase CPU threads", "CPU threads")
	return &view.View{Session: view.Session{State: view.Stopped, Scenario: "rtcr-2016", Target: "localhost:1234"}, History: view.History{Snapshot: s, Stops: 24, Live: true},
		Result: view.Result{Phases: fixturePhases(23), Verdicts: pendingVerdicts(), Breakpoints: fixtureBreakpoints()}, Log: fixtureLog()[:9]}
}

func fixtureBreakpoints() []view.BreakpointInfo {
	return []view.BreakpointInfo{
		{Component: "rtcr", Function: "Rtcr::Checkpointer::_prepare_cpu_sessions(Genode::List<Rtcr::Stored_cpu_session_info>&)", Purpose: "phase", Addrs: []uint64{0x1034a10}, Hits: 1},
		{Component: "rtcr", Function: "Rtcr::Restorer::_restore_cpu_threads()", Purpose: "phase", Addrs: []uint64{0x1041c8e, 0x1041d02}, Hits: 1, Foreign: 12},
		{Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)", Purpose: "request", Addrs: []uint64{0x55e440}, Hits: 3, Foreign: 104, Lifted: 2},
		{Component: "core", Function: "Genode::Pager_object::unresolved_page_fault_occurred()", Purpose: "write"},
	}
}

func pendingVerdicts() []view.ThreadVerdict {
	vs := fixtureVerdicts()
	for i := range vs {
		vs[i].Verdict, vs[i].Cause, vs[i].Rule, vs[i].Advice, vs[i].Evidence = view.Pending, "It has not come back to user mode since the restore began.", "", "", nil
		vs[i].Entered = view.Stage{Missing: "it has not entered user mode"}
	}
	return vs
}

func viewRunning() *view.View {
	v := *viewStopped()
	v.State, v.Message = view.Running, "running to the next phase"
	return &v
}

// viewLent is a stop of gdb's, beside the screen.
func viewLent() *view.View {
	v := *viewStopped()
	v.NoRun, v.Message = "gdb has the guest and believes that it stands: go on there, or end it with :serve off", "gdb's breakpoint at 0x1002068 in sheep_counter"
	return &v
}

// viewLooked is a guest that runs and is looked at, with threads as base-hw has them.
func viewLooked() *view.View {
	v := *viewRunning()
	v.Running = &view.Look{Number: 3, Kernel: "base-hw", PDs: []view.LookPD{{ID: 0x2, Component: "core", Capabilities: "384"}, {ID: 0x8a, Component: "init -> probe", Capabilities: "113"}, {ID: 0x60, Component: "init -> test-log", Capabilities: "25"}},
		Threads: []view.LookThread{
			{ID: 0x118, PD: 0x8a, Name: "spinner", Component: "init -> probe", CPU: 0, State: "ACTIVE", Ready: true},
			{ID: 0x3, PD: 0x2, Name: "entrypoint", Component: "core", CPU: -1, State: "AWAITS_IPC", Wait: "receives from anybody"},
			{ID: 0xfe, PD: 0x8a, Name: "caller1", Component: "init -> probe", CPU: -1, State: "AWAITS_IPC", Wait: "calls mute_ep"},
			{ID: 0x10a, PD: 0x8a, Name: "t5-blockade", Component: "init -> probe", CPU: -1, State: "AWAITS_RESTART", Wait: "waits for a wakeup, at a blockade"},
			{ID: 0xc3, PD: 0x60, Name: "ep", Component: "init -> test-log", CPU: -1, State: "AWAITS_SIGNAL", Wait: "waits for signals at Kernel::Signal_receiver 140"},
			{ID: 0xffffffc000160208, PD: 0x2, Name: "idle", Component: "core", CPU: -1, State: "ACTIVE", Ready: true}}}
	return &v
}

func viewComplete() *view.View {
	v := *viewStopped()
	v.Snapshot = fixtureSnapshot(33, "thread ep entered user mode", "")
	v.Stops, v.Verdicts, v.Complete, v.Finished = 33, fixtureVerdicts(), true, true
	v.Phases = fixturePhases(31)
	v.Caps, v.Log = fixtureCaps(), fixtureLog()
	v.Message = "restore complete: 1 of 3 threads lost its state"
	return &v
}

func viewHistory() *view.View {
	v := *viewStopped()
	v.Stops, v.Live, v.Snapshot = 33, false, fixtureSnapshot(24, "phase CPU threads", "CPU threads")
	return &v
}

func viewEnded() *view.View {
	v := *viewComplete()
	v.State = view.Ended
	v.Err = errors.New("stub at localhost:1234: connection: connection to the stub is broken: the stub closed the connection (did QEMU end?)")
	v.Lost = true
	return &v
}

// viewNotes is the end of the run with what the user wrote on the way.
func viewNotes() *view.View {
	v := *viewComplete()
	v.Notes = []view.Note{{Stop: 12}, {Stop: 24, Text: "core only stores the state in its pager object"},
		{Stop: 33}, {Stop: 33, Text: "ask on the list why rtcr relies on this"}}
	return &v
}

// viewBefore is the stop before viewComplete: some registers and two threads
// differ.
func viewBefore() *view.View {
	v := *viewComplete()
	v.Stops, v.Snapshot = 32, fixtureSnapshot(32, "phase dataspace contents", "")
	v.Snapshot.CPU = []kernel.Register{{Name: "rax", Value: 7}, {Name: "rip", Value: 0x55e440}, {Name: "rsp", Value: 0x401ffc00}, {Name: "eflags", Value: 0x246}}
	for _, o := range v.Snapshot.System.Threads() {
		switch o.ID {
		case 0xd:
			o.Thread.Registers = []kernel.Register{{Name: "rax", Value: 1}, {Name: "rbx", Value: 0x401ffd80}, {Name: "eflags", Value: 0x202}}
			o.Thread.IP, o.Thread.SP = 0x55e2da, 0x401ffcc0
		case 0x231:
			o.Thread.StateWords, o.Thread.IP = []string{"ready"}, 0x1014faa
			v.Snapshot.Places[o.ID] = fixturePlaces[0x1014faa]
		}
	}
	return &v
}

// fixtureTour tells the bug in three steps.
func fixtureTour() *Tour {
	return &Tour{Title: "The sheep that counts from the beginning", Pause: 5 * time.Millisecond, Steps: []TourStep{
		{Stop: 12, Focus: "phases", Title: "A checkpoint in thirteen phases",
			Text: "The checkpointer walks through the sessions of the child.\nEvery line at the left is one of its functions.\n\nA tick means that it was entered and left."},
		{Stop: 24, Focus: "detail", Thread: "ep", Title: "The thread ep is asked to go on where it was",
			Text: "Core gets the request: ip 1014faa, sp 401ff9a0. It stores both in its own copy, the pager object, and answers that all is well. Look at the four places in the detail: the state has come from checkpointed to requested.\n\n" +
				"Now ask yourself: who carries it from there to the kernel? Core hands the copy over in one place only, in the reply to an exception. The thread waits in an IPC call for its LOG session. There is no exception, and so there is no reply.\n\n" +
				"Press n a few times and watch the arrow between requested and kernel."},
		{Stop: 33, Focus: "threads", Thread: "ep", Title: "Lost", Text: "The thread entered user mode at 1014ce5."},
	}}
}

// fixtureWords are state flags as the kernel debugger calls them.
func fixtureWords(flags []string) []string {
	return strings.Split(strings.NewReplacer("receive_wait", "rcv_wait", "fpu_owner", "fpu", "in_exception", "exc_progr").Replace(strings.Join(flags, ",")), ",")
}
