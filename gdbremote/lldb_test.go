package gdbremote

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// refusing is a machine that does not go on.
type refusing struct{ tireless }

func (refusing) Resume(context.Context, Action, ThreadID) (Stop, error) {
	return Stop{}, errors.New("it does not run")
}

// What lldb asks, and must be told in its way: an error in the place of a stop ends it, an
// x among bytes is cc to it, and names of threads and places of programs and libraries it
// looks for where gdb does not.
func TestWhatLLDBAsks(t *testing.T) {
	type exchange struct{ packet, answer string }
	for name, c := range map[string]struct {
		h     Handler
		talks []exchange
	}{
		"names": {tireless{newMachine()}, []exchange{
			{"?", "T05thread:p1.1;hexname:613c62;"},
			{"qThreadStopInfop1.1", "T05thread:p1.1;hexname:613c62;"},
			{"qThreadStopInfop1.2", "T00thread:p1.2;"}, // it has none
			{"vCont;c:p1.1", "T05thread:p1.1;hexname:613c62;"},
		}},
		"registers": {tireless{newMachine()}, []exchange{
			{"Hgp1.2", "OK"},
			{"p0", "xxxxxxxxxxxxxxxx"}, // an error here would say that there are no p packets
			{"p0", "E01"},
			{"p1", "0020000000000000"},
			{"p2", "E22"},
			{"Hgp1.1", "OK"},
			{"p0", "0000000000000000"},
		}},
		"places": {tireless{newMachine()}, []exchange{
			{"qOffsets", "Text=0;Data=0;Bss=0"},
			{"qXfer:libraries-svr4:read::0,fff", "l" + `<library-list-svr4 version="1.0">
<library name="ld.lib.so" lm="0x1000" l_addr="0x0" l_ld="0x0"/>
<library name="&lt;" lm="0x1" l_addr="0x1" l_ld="0x0"/>
</library-list-svr4>
`},
		}},
		"libraries": {tireless{newMachine()}, []exchange{
			{"?", "T05thread:p1.1;hexname:613c62;"}, // to gdb the other would be no stop
			{"QThreadSuffixSupported", ""},
			{"?", "T05thread:p1.1;hexname:613c62;library:;"},
			{"vCont;c:p1.1", "T05thread:p1.1;hexname:613c62;"},
		}},
		"steps": {tireless{newMachine()}, []exchange{
			{"vCont;c:p1.2;s:p1.1", "T05thread:p1.1;hexname:613c62;"},
			{"p0", "0001000000000000"}, // among others
			{"vCont;s:p1.1", "T05thread:p1.1;hexname:613c62;"},
			{"p0", "0101000000000000"},
			{"vCont;c;s:p1.1", "T05thread:p1.1;hexname:613c62;"},
			{"p0", "0101000000000000"},
			{"vCont;c:p1.1;c:p1.2", "T05thread:p1.1;hexname:613c62;"},
		}},
		"bare": {bare{tireless{newMachine()}}, []exchange{{"qOffsets", ""}, {"p0", ""}, {"?", "T05thread:p1.1;"}, {"qXfer:libraries-svr4:read::0,fff", ""}}},
		"refused": {refusing{tireless{newMachine()}}, []exchange{
			{"vCont;s:p1.2", "O697420646f6573206e6f742072756e0a"}, // "it does not run"
			{"", "T02thread:p1.2;"},
			{"c", "O697420646f6573206e6f742072756e0a"},
			{"", "T02thread:p1.1;hexname:613c62;"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			here, end := serveOne(t, &Server{Handler: c.h})
			defer end()
			packets := packetsOf(t, here)
			for _, x := range c.talks {
				if x.packet != "" {
					if _, err := here.Write(appendPacket(nil, []byte(x.packet))); err != nil {
						t.Fatal(err)
					}
				}
				if got := packets(); got != x.answer {
					t.Errorf("%s: %q, want %q", x.packet, got, x.answer)
				}
			}
		})
	}
}

// brief is a machine that stops at once.
type brief struct{ tireless }

func (brief) Resume(context.Context, Action, ThreadID) (Stop, error) {
	return Stop{Signal: SignalTrap}, nil
}

// An interrupt that crosses a stop is not for a run that comes later.
func TestInterruptThatCrossesAStop(t *testing.T) {
	for name, c := range map[string]struct {
		first  string
		later  time.Duration
		answer string
	}{
		"gdb, between two steps":   {"?", 0, "T02thread:p1.1;hexname:613c62;"},
		"gdb, that tells the stop": {"?", 3 * askedFor / 2, "T05"},
		"lldb":                     {"QThreadSuffixSupported", 0, "T05"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, end := serveOne(t, &Server{Handler: brief{tireless{newMachine()}}})
			defer end()
			packets := packetsOf(t, here)
			if _, err := here.Write(appendPacket(nil, []byte(c.first))); err != nil {
				t.Fatal(err)
			}
			packets()
			if _, err := here.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.later)
			for _, want := range []string{c.answer, "T05"} {
				if _, err := here.Write(appendPacket(nil, []byte("c"))); err != nil {
					t.Fatal(err)
				}
				if got := packets(); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

// longStep is a machine whose steps last until they are interrupted.
type longStep struct{ tireless }

func (m longStep) Resume(ctx context.Context, a Action, _ ThreadID) (Stop, error) {
	if a == ActionStep || a == ActionStepAmong {
		<-ctx.Done()
	}
	return Stop{Signal: SignalTrap}, nil
}

// An interrupt that meets a step is for the next run of gdb, which may have stepped over a
// breakpoint before it lets the guest go on; but not for the one after.
func TestInterruptInAStep(t *testing.T) {
	for name, c := range map[string]struct{ first, step, next string }{
		"gdb, alone": {"?", "vCont;s:p1.1", "T02thread:p1.1;hexname:613c62;"},
		"gdb, among": {"?", "vCont;s:p1.1;c", "T02thread:p1.1;hexname:613c62;"},
		"lldb":       {"QThreadSuffixSupported", "vCont;s:p1.1", "T05"},
	} {
		t.Run(name, func(t *testing.T) {
			here, end := serveOne(t, &Server{Handler: longStep{tireless{newMachine()}}})
			defer end()
			packets := packetsOf(t, here)
			ask := func(packet string) {
				if _, err := here.Write(appendPacket(nil, []byte(packet))); err != nil {
					t.Fatal(err)
				}
			}
			ask(c.first)
			packets()
			ask(c.step)
			if _, err := here.Write([]byte{3}); err != nil {
				t.Fatal(err)
			}
			if got := packets(); got != "T05" {
				t.Errorf("the step: %s", got)
			}
			for _, want := range []string{c.next, "T05"} {
				ask("c")
				if got := packets(); got != want {
					t.Errorf("%s, want %s", got, want)
				}
			}
		})
	}
}

// packetsOf reads one packet after the other.
func packetsOf(t *testing.T, conn net.Conn) func() string {
	var d decoder
	b := make([]byte, 1)
	return func() string {
		for {
			if _, err := conn.Read(b); err != nil {
				t.Fatal(err)
			}
			if ev, ok := d.feed(b[0]); ok && ev.kind == evPacket {
				return string(ev.payload)
			}
		}
	}
}
