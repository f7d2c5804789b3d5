package jdb

import (
	"strings"
	"testing"

	"thaw/kernel"
)

// system and listing are the same small system, as thaw and as JDB see it.
func system() *kernel.System {
	return kernel.NewSystem([]*kernel.Object{
		{ID: 9, Addr: 0x9000, Size: 0xb0, Class: "Task", Kind: "Task", PD: &kernel.PD{Caps: []kernel.Capability{
			{Slot: 1, Object: 9, Pointer: 0x9000, Rights: "SW", More: "0x8"},
			{Slot: 0x200, Object: 0xb, Pointer: 0xb000, Rights: "-W"},
		}}},
		{ID: 0xa, Addr: 0xa000, Size: 0x1000, Class: "Thread_object", Kind: "Thread", Name: "timeout_schedule", Thread: &kernel.Thread{
			PD: 9, State: 8, StateNames: []string{"receive_wait", "fpu_owner"}, StateWords: []string{"rcv_wait", "fpu"}, Wait: kernel.Wait{Verb: "receives from", For: 0xc, What: "anybody"}, Source: "frame", UTCB: 0x800,
			Flags: 0x246, Places: []kernel.Place{{PlaceKind: &kernel.PlaceKind{Name: "frame"}, IP: 0x1234, SP: 0x5678, IPAddr: 0xafd8, SPAddr: 0xaff0}},
			Registers: []kernel.Register{{Name: "rax", Value: 0xaa}, {Name: "rbx", Value: 0xbb}},
		}},
		{ID: 0xb, Addr: 0xb000, Size: 0x90, Class: "Ipc_gate_obj", Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: 0xa, None: "no thread bound"}}, Values: []kernel.Value{{Name: "label", Number: 0x40}}},
		{ID: 0xc, Addr: 0xc000, Size: 0x110, Class: "Irq_sender", Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", To: 0xa, None: "not attached"}}, Values: []kernel.Value{{Name: "label", Number: 7}}},
	}, nil)
}

func listingOf() *Listing {
	return &Listing{
		Objects: []Object{
			{ID: 9, Addr: 0x9010, Kind: "Task"},
			{ID: 0xa, Addr: 0xa1f0, Kind: "Thread", Name: "timeout_schedule", Task: 9, HasTask: true},
			{ID: 0xb, Addr: 0xb000, Kind: "Gate", Label: 0x43, Thread: 0xa, HasLabel: true, HasThread: true},
			{ID: 0xc, Addr: 0xc000, Kind: "IRQ ipc", Label: 7, Thread: 0xa, HasLabel: true, HasThread: true},
		},
		Tasks:   []Object{{ID: 9, Addr: 0x9010, Kind: "Task"}},
		Threads: []Thread{{ID: 0xa, Name: "timeout_schedul", Prio: 0x80, Task: 9, Wait: "c*", State: "rcv_wait,..."}},
		Details: []Detail{{ID: 0xa, Addr: 0xa000, State: 8, Task: 9, UTCB: 0x800, IP: 0x1234, SP: 0x5678, Flags: 0x246, HasIP: true, HasSP: true, HasFlag: true,
			Registers: map[string]uint64{"rax": 0xaa, "rbx": 0xbb}, Stack: []uint64{0xdead, 0xbb, 0xaa, 0x1234, 0x1b, 0x246, 0x5678, 0x23}, Word: 8}},
		Spaces: map[kernel.ID][]Cap{9: {{Slot: 1, Object: 9, Rights: "DSW", Kind: "Task"}, {Slot: 0x200, Object: 0xb, Rights: "--W", Kind: "Gate"}}},
	}
}

func TestCompareSame(t *testing.T) {
	c := Compare(listingOf(), system())
	if len(c.Differences) > 0 || len(c.Known) > 0 || len(c.Skipped) > 0 {
		t.Errorf("differences %q, known %v, skipped %q; want none", c.Differences, c.Known, c.Skipped)
	}
	if want := (Counts{Objects: 4, Names: 1, Threads: 1, Views: 1, Registers: 5, Stack: 2, Tasks: 1, Capabilities: 2}); c.Compared != want {
		t.Errorf("compared %+v, want %+v", c.Compared, want)
	}
}

// Every fact that is compared makes a difference, and just one.
func TestCompareDifferences(t *testing.T) {
	for _, c := range []struct {
		want string // part of the difference
		edit func(*Listing)
	}{
		{"object b is in thaw only", func(l *Listing) { l.Objects = append(l.Objects[:2], l.Objects[3]) }},
		{"object d is in JDB only", func(l *Listing) { l.Objects = append(l.Objects, Object{ID: 0xd}) }},
		{"JDB has it at 0x9f00", func(l *Listing) { l.Objects[0].Addr = 0x9f00 }},
		{"kind is Task in JDB", func(l *Listing) { l.Objects[2].Kind = "Task" }},
		{"name is timeout", func(l *Listing) { l.Objects[1].Name = "timeout" }},
		{"label is 44 in JDB and 40", func(l *Listing) { l.Objects[2].Label = 0x44 }},
		{"receiver is c", func(l *Listing) { l.Objects[2].Thread = 0xc }},
		{"thread is c", func(l *Listing) { l.Objects[3].Thread = 0xc }},
		{"task is 1 in JDB and 9", func(l *Listing) { l.Objects[1].Task = 1 }},
		{"task 9 is in thaw only", func(l *Listing) { l.Tasks = nil }},
		{"task 9: name is sigma0", func(l *Listing) { l.Tasks[0].Name = "sigma0" }},
		{"thread a is in thaw only", func(l *Listing) { l.Threads = nil }},
		{"name is ----- in JDB", func(l *Listing) { l.Threads[0].Name = "-----" }},
		{"task is 1 in JDB", func(l *Listing) { l.Threads[0].Task = 1 }},
		{"wait partner is c in JDB and c*", func(l *Listing) { l.Threads[0].Wait = "c" }},
		{"wait partner is - in JDB", func(l *Listing) { l.Threads[0].Wait = "-" }},
		{"wait partner is Sem in JDB", func(l *Listing) { l.Threads[0].Wait = "Sem" }},
		{"state is rcv_wait in JDB", func(l *Listing) { l.Threads[0].State = "rcv_wait" }},
		{"state is ready,fpu in JDB", func(l *Listing) { l.Threads[0].State = "ready,fpu" }},
		{"state is rcv_wait,fpu,alien in JDB", func(l *Listing) { l.Threads[0].State = "rcv_wait,fpu,alien" }},
		{"view of thread a timeout_schedule: address is b000", func(l *Listing) { l.Details[0].Addr = 0xb000 }},
		{"state is 9 in JDB", func(l *Listing) { l.Details[0].State = 9 }},
		{"task is 7 in JDB", func(l *Listing) { l.Details[0].Task = 7 }},
		{"UTCB is a00 in JDB", func(l *Listing) { l.Details[0].UTCB = 0xa00 }},
		{"ip is 1235 in JDB", func(l *Listing) { l.Details[0].IP++ }},
		{"sp is 5679 in JDB", func(l *Listing) { l.Details[0].SP++ }},
		{"flags is 247 in JDB", func(l *Listing) { l.Details[0].Flags++ }},
		{"saved ip on the stack is 1235", func(l *Listing) { l.Details[0].Stack[3]++ }},
		{"saved sp on the stack is 5679", func(l *Listing) { l.Details[0].Stack[6]++ }},
		{"rax is ab in JDB and aa in thaw", func(l *Listing) { l.Details[0].Registers["rax"] = 0xab }},
		{"slot 200 is used in thaw only, by object b", func(l *Listing) { l.Spaces[9] = l.Spaces[9][:1] }},
		{"slot 201 is used in JDB only, by object b", func(l *Listing) { l.Spaces[9] = append(l.Spaces[9], Cap{Slot: 0x201, Object: 0xb}) }},
		{"object is a in JDB and b", func(l *Listing) { l.Spaces[9][1].Object = 0xa }},
		{"rights is -SW in JDB and DSW", func(l *Listing) { l.Spaces[9][0].Rights = "-SW" }},
		{"rights is * in JDB and x", func(l *Listing) { l.Spaces[9][1].Rights = "*" }},
		{"kind is IRQ in JDB and Gate", func(l *Listing) { l.Spaces[9][1].Kind = "IRQ" }},
	} {
		l := listingOf()
		c.edit(l)
		got := Compare(l, system()).Differences
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("differences %q, want one with %q", got, c.want)
		}
	}
}

// JDB's wrong register labels are known where its own stack explains them, and
// only there.
func TestKnownErrors(t *testing.T) {
	l := listingOf()
	l.Details[0].Registers["rax"] = 0xdead // on the stack
	c := Compare(l, system())
	if len(c.Differences) != 0 || len(c.Known) != 1 || c.Known[0].Count != 1 || c.Known[0].What != wrongLabels {
		t.Errorf("differences %q, known %v; want one known", c.Differences, c.Known)
	}
	l.Details[0].Stack[2] = 0 // thaw's value is not in the frame
	if c := Compare(l, system()); len(c.Differences) != 1 {
		t.Errorf("differences %q, want one", c.Differences)
	}
	l = listingOf()
	l.Details[0].HasIP = false
	if c := Compare(l, system()); len(c.Differences) != 0 || len(c.Known) != 1 || c.Known[0].What != covered {
		t.Errorf("differences %q, known %v; want one known", c.Differences, c.Known)
	}
	l = listingOf()
	l.Details[0].Current, l.Details[0].IP = true, 0xfff
	if c := Compare(l, system()); len(c.Differences) != 0 || len(c.Skipped) != 1 || c.Compared.Stack != 2 {
		t.Errorf("the interrupted thread: differences %q, skipped %q", c.Differences, c.Skipped)
	}
}

func TestUnnamedFlags(t *testing.T) {
	th := &kernel.Thread{StateWords: []string{"rcv_wait", "canceled"}}
	for state, want := range map[string]bool{"rcv_wait,<0x40>": true, "rcv_wait,<unk>": true, "rcv_wait": false, "": false, "rcv_wait,cancel": false, "...": true} {
		if got := sameState(state, th); got != want {
			t.Errorf("state %q: %v, want %v", state, got, want)
		}
	}
	if !sameState("", &kernel.Thread{}) {
		t.Error("no flags at all differ")
	}
}
