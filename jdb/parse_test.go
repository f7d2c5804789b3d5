package jdb

import (
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The recordings are what JDB wrote over the serial line, byte for byte, on a
// screen of 99 lines and 200 columns: 2016 and arm on Genode 16.08's kernel,
// 2025 on Genode 25.02's.

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shown(t testing.TB, name string) *screen {
	t.Helper()
	s := newScreen()
	s.Write(recorded(t, name))
	return s
}

func find[T any](t *testing.T, list []T, is func(T) bool) T {
	t.Helper()
	for _, x := range list {
		if is(x) {
			return x
		}
	}
	t.Fatal("a row is missing")
	panic("unreachable")
}

func TestThreads(t *testing.T) {
	for _, c := range []struct {
		file string
		n    int
		want []Thread
	}{
		{"2016-threads", 38, []Thread{
			{ID: 0x238, Name: "signal handler", Prio: 0x80, Task: 0x1e7, Wait: "1e9*", State: "rcv_wait"},
			{ID: 0x21a, Name: "sheep_counter", Prio: 0x80, Task: 0x1e7, Wait: "22a", State: "rcv_wait"},
			{ID: 0xd, Name: "entrypoint", Prio: 0x80, Task: 9, Wait: "-", State: "rcv_wait"},
			{ID: 6, Name: "-----", Task: 1, State: "ready"},
		}},
		{"2025-threads", 74, []Thread{
			{ID: 0x37e, Name: "paused", Prio: 0x20, Task: 0x133, Wait: "1c", State: "rcv_wait,exc_progr"},
			{ID: 0x378, Name: "spin", Prio: 0x20, Task: 0x133, State: "ready"},
			{ID: 0x371, Name: "never", Prio: 0x20, Task: 1, State: "dead"},
			{ID: 8, Name: "sigma0", Prio: 0xff, Task: 7, Wait: "-", State: "rcv_wait"},
		}},
		{"arm-threads", 37, []Thread{
			{ID: 0x21a, Name: "ep", Prio: 0x80, Task: 0x1d9, Wait: "21c*", State: "rcv_wait"},
		}},
	} {
		list, err := parseThreads(shown(t, c.file))
		if err != nil || len(list) != c.n {
			t.Errorf("%s: %d threads, %v; want %d", c.file, len(list), err, c.n)
			continue
		}
		for _, w := range c.want {
			got := find(t, list, func(x Thread) bool { return x.ID == w.ID })
			if got != w {
				t.Errorf("%s: got %+v, want %+v", c.file, got, w)
			}
		}
	}
}

func TestThreadRows(t *testing.T) {
	for _, c := range []struct {
		name, head, row string
		want            Thread
	}{
		{"timeout", "   id cpu name             pr     sp  wait    to  stack state",
			"  11a 0   timeout_schedul  80     7a   11a    1m (1416) rcv_wait,fpu",
			Thread{ID: 0x11a, Name: "timeout_schedul", Prio: 0x80, Task: 0x7a, Wait: "11a", Timeout: "1m", State: "rcv_wait,fpu"}},
		{"no stack depth, cut state", "   id cpu name             pr     sp  wait    to state",
			"  11a 1   a name of 15 ch  80     7a             ready,drq_rdy,send,...",
			Thread{ID: 0x11a, CPU: 1, Name: "a name of 15 ch", Prio: 0x80, Task: 0x7a, State: "ready,drq_rdy,send,..."}},
		{"migrated, no task", "   id  cpu    name             pr     sp  wait    to  stack state",
			"  2ff   1:0   deep             40  -----   301*      ( 664) rcv_wait",
			Thread{ID: 0x2ff, CPU: 1, Name: "deep", Prio: 0x40, Wait: "301*", State: "rcv_wait"}},
		{"semaphore", "   id  cpu    name             pr     sp  wait    to  stack state",
			"  2ff   0     deep             40    296   Sem       ( 664) rcv_wait",
			Thread{ID: 0x2ff, Name: "deep", Prio: 0x40, Task: 0x296, Wait: "Sem", State: "rcv_wait"}},
	} {
		s := newScreen()
		s.Write([]byte(c.head + "\r\n" + c.row + "\r\n"))
		list, err := parseThreads(s)
		if err != nil || len(list) != 1 || list[0] != c.want {
			t.Errorf("%s: got %+v, %v; want %+v", c.name, list, err, c.want)
		}
	}
}

func TestObjects(t *testing.T) {
	for _, c := range []struct {
		file string
		n    int
		want []Object
	}{
		{"2016-objects", 96, []Object{
			{ID: 0, Addr: 0xfffffffff0097520, Kind: "Factory", Name: "root factory"},
			{ID: 1, Addr: 0xfffffffff00993c0, Kind: "Task"},
			{ID: 0xa, Addr: 0xffffffffffd781f0, Kind: "Thread", Name: "core.main", Task: 9, HasTask: true},
			{ID: 0xc, Addr: 0xffffffffffce1e00, Kind: "IRQ", Thread: 0xa, HasLabel: true, HasThread: true},
			{ID: 0x13, Addr: 0xffffffffffd9bda0, Kind: "Gate", Name: "entrypoint", Label: 0x58, Thread: 0xd, HasLabel: true, HasThread: true},
		}},
		{"2025-objects", 95, []Object{
			{ID: 0xc, Addr: 0xffffffff11ca1e00, Kind: "IRQ ipc", Thread: 0xa, HasLabel: true, HasThread: true},
			{ID: 0x15, Addr: 0xffffffff11caa238, Kind: "Thread", Name: "signal_entrypoin", Task: 9, HasTask: true},
		}},
		{"arm-objects", 96, []Object{{ID: 1, Addr: 0xf006e870, Kind: "Task"}}},
		{"2016-tasks", 8, []Object{{ID: 7, Addr: 0xffffffffffdac6e0, Kind: "Task", Name: "sigma0"}}},
		{"2025-tasks", 12, []Object{{ID: 9, Addr: 0xffffffff1013ce40, Kind: "Task"}}},
		{"arm-tasks", 8, nil},
	} {
		list, err := parseObjects(shown(t, c.file))
		if err != nil || len(list) != c.n {
			t.Errorf("%s: %d objects, %v; want %d", c.file, len(list), err, c.n)
			continue
		}
		for _, w := range c.want {
			got := find(t, list, func(x Object) bool { return x.ID == w.ID })
			if got != w {
				t.Errorf("%s: got %+v, want %+v", c.file, got, w)
			}
		}
	}
}

func TestSpace(t *testing.T) {
	for _, c := range []struct {
		file string
		last uint64
		n    int
		want Cap
	}{
		{"2016-space", 391, 17, Cap{Slot: 0x11, Object: 0x68, Rights: "*", Kind: "IRQ"}},
		{"2025-space", 1066, 142, Cap{Slot: 0xe, Object: 0x49, Rights: "-SW", Kind: "IRQ ipc"}},
		{"arm-space", 391, 17, Cap{Slot: 8, Object: 0x4e, Rights: "*", Kind: "Gate"}},
	} {
		p, err := parseSpace(shown(t, c.file))
		if err != nil || p.first != 0 || p.last != c.last || len(p.caps) != c.n {
			t.Errorf("%s: slots %d to %d, %d caps, %v; want 0 to %d, %d", c.file, p.first, p.last, len(p.caps), err, c.last, c.n)
			continue
		}
		if got := find(t, p.caps, func(x Cap) bool { return x.Slot == c.want.Slot }); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.file, got, c.want)
		}
	}
}

func TestDetail(t *testing.T) {
	for _, c := range []struct {
		file string
		want Detail
		top  []uint64
		reg  string
		val  uint64
		regs int
	}{
		{"2016-view", Detail{ID: 0x5b, Addr: 0xffffffffffcfe000, State: 8, Task: 0x38, UTCB: 0x48000400, IP: 0x1027e4a, SP: 0x401ff010, Flags: 0x246},
			[]uint64{0x1027e4a, 0x1b, 0x246, 0x401ff010, 0x23}, "rbp", 0x401ff020, 15},
		{"2025-view", Detail{ID: 0x47, Addr: 0xffffffff11cbe000, State: 8, Task: 0x38, UTCB: 0x48000000, IP: 0x7c27b, SP: 0x400ffae0, Flags: 0x246},
			[]uint64{0x7c27b, 0xab, 0x246, 0x400ffae0, 0x23}, "rbx", 0xffffffffffff0001, 15},
		// The disassembly covers r4 to r7.
		{"arm-view", Detail{ID: 0x54, Addr: 0xf1186000, State: 8, Task: 0x33, UTCB: 0x28000200, IP: 0x1023ea8, SP: 0x201ff670, Flags: 0x20000010},
			[]uint64{0x201ff670, 0x1023ea8, 0xfffffff8, 0x1023ea8, 0x20000010}, "r11", 0x201ff67c, 9},
	} {
		d, err := parseDetail(shown(t, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if top := d.Stack[max(0, len(d.Stack)-5):]; !reflect.DeepEqual(top, c.top) {
			t.Errorf("%s: the stack ends with %x, want %x", c.file, top, c.top)
		}
		if d.Registers[c.reg] != c.val || len(d.Registers) != c.regs {
			t.Errorf("%s: %d registers, %s %x; want %d, %x", c.file, len(d.Registers), c.reg, d.Registers[c.reg], c.regs, c.val)
		}
		c.want.HasIP, c.want.HasSP, c.want.HasFlag = true, true, true
		c.want.Stack, c.want.Word, c.want.Registers = d.Stack, d.Word, d.Registers
		if !reflect.DeepEqual(d, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.file, d, c.want)
		}
	}
}

// Whatever the line delivers, parsing ends and does not panic; what it takes
// for a row is a row of some recording or an error.
func TestHostile(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	rnd := rand.New(rand.NewSource(1))
	parse := func(b []byte) {
		s := newScreen()
		s.Write(b)
		parseThreads(s)
		parseObjects(s)
		parseSpace(s)
		parseDetail(s)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut < len(b); cut += 1 + len(b)/40 {
			parse(b[:cut])
			parse(b[cut:])
		}
		for range 40 {
			m := append([]byte(nil), b...)
			for range 1 + rnd.Intn(200) {
				m[rnd.Intn(len(m))] = byte(rnd.Intn(256))
			}
			parse(m)
		}
	}
	parse([]byte("\x1b[99999999999999999999;99999999999999999999H\x1b[9999999999;0r\n\n\x1b[;;;;;;;;1HA\x1b]0;title\x07\x1b[2J\x1b[K\t\b\b\xb5"))
}

// A listing that is cut off or is another one is an error, not an empty list.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		text  string
		parse func(*screen) error
	}{
		{"empty screen", "", func(s *screen) error { _, err := parseThreads(s); return err }},
		{"broken thread row", "   id cpu name             pr     sp  wait    to  stack state\r\n  zz 0  x\r\n", func(s *screen) error { _, err := parseThreads(s); return err }},
		{"objects for threads", "[Objects]\r\n", func(s *screen) error { _, err := parseThreads(s); return err }},
		{"threads for objects", "   id cpu name\r\n", func(s *screen) error { _, err := parseObjects(s); return err }},
		{"broken object row", "[Objects]\r\n  1 fff [Task\r\n", func(s *screen) error { _, err := parseObjects(s); return err }},
		{"broken slot", "000000 :       --        0007* Task\r\n", func(s *screen) error { _, err := parseSpace(s); return err }},
		{"no space", "[Objects]\r\n", func(s *screen) error { _, err := parseSpace(s); return err }},
		{"no view", "Not a thread\r\n", func(s *screen) error { _, err := parseDetail(s); return err }},
		{"view without state", "thread  :  10 <0xffffffffffce6000>\r\n", func(s *screen) error { _, err := parseDetail(s); return err }},
	} {
		s := newScreen()
		s.Write([]byte(c.text))
		if c.parse(s) == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}
