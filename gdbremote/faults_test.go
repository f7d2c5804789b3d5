package gdbremote

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"thaw/testwait"
)

// TestLateAttach has QEMU's unasked stop before the first answer.
func TestLateAttach(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		s.reply("T02thread:01;")
		s.handshake()
		s.wait()
	})
	if c.UnaskedStops() != 1 || c.LastStop().Signal != SignalTrap || c.LastStop().Thread != (ThreadID{1, 1}) {
		t.Errorf("%d unasked, %v", c.UnaskedStops(), c.LastStop())
	}
}

// selectCPU takes the packet that comes before the first memory request.
func (s *script) selectCPU() {
	s.t.Helper()
	s.expect("Hgp1.1")
	s.reply("OK")
}

func TestRepetitions(t *testing.T) {
	for name, f := range map[string]func(s *script){
		"bad checksum": func(s *script) {
			s.raw("$0102#00")
			s.expect("-")
			s.reply("0304")
		},
		"cut off": func(s *script) {
			s.raw("$01$0304#c7")
			s.expect("-")
		},
		"the stub's NAK": func(s *script) {
			s.raw("-")
			s.expect("m10,2")
			s.reply("0304")
		},
		"notification first": func(s *script) { s.raw("%Stop:T05#b3"); s.reply("0304") },
		"console first":      func(s *script) { s.reply("O6869", "0304") },
		"unasked stop first": func(s *script) { s.reply("T02thread:p01.01;", "0304") },
		"run-length":         func(s *script) { s.raw("$0304#c7") },
		"request lost in a stop": func(s *script) {
			s.reply("T02thread:p01.01;")
			s.expect(syncRequest)
			s.reply("PacketSize=1000")
			s.expect("m10,2")
			s.reply("0304")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Options{Window: 1}, func(s *script) {
				s.handshake()
				s.selectCPU()
				s.expect("m10,2")
				f(s)
				s.expect("m20,2")
				s.reply("0506")
				s.wait()
			})
			buf := make([]byte, 2)
			if err := c.ReadMemory(t.Context(), Virtual, 0x10, buf); err != nil || string(buf) != "\x03\x04" {
				t.Errorf("%x, %v", buf, err)
			}
			c.current, c.currentSet = ThreadID{1, 1}, true // some faults make it send Hg again
			if err := c.ReadMemory(t.Context(), Virtual, 0x20, buf); err != nil || string(buf) != "\x05\x06" {
				t.Errorf("after it: %x, %v", buf, err)
			}
		})
	}
}

// TestDamageInPipeline damages an answer with more requests in flight, where a
// NAK could repeat the wrong answer: the client must find its place again.
func TestDamageInPipeline(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		s.handshake()
		s.selectCPU()
		s.expect("m0,1")
		s.expect("m1,1")
		s.expect("m2,1")
		s.reply("a0")
		s.raw("$a1#00")
		s.reply("a2")
		s.expect(syncRequest)
		s.reply("PacketSize=1000")
		s.expect("m1,1")
		s.expect("m2,1")
		s.reply("b1", "b2")
		s.wait()
	})
	buf := make([]byte, 3)
	err := c.ReadMemoryBatch(t.Context(), Virtual, []MemoryRequest{{Addr: 0, Buf: buf[:1]}, {Addr: 1, Buf: buf[1:2]}, {Addr: 2, Buf: buf[2:]}})
	if err != nil || string(buf) != "\xa0\xb1\xb2" {
		t.Errorf("%x, %v", buf, err)
	}
}

// TestBroken wants every kind of lost track to end the connection for good,
// with its cause in every later call.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(s *script)
		kind error
	}{
		{"silence", func(s *script) { s.wait() }, ErrTimeout},
		{"half a packet", func(s *script) { s.raw("$01"); s.wait() }, ErrTimeout},
		{"end", func(s *script) {}, ErrConnection},
		{"always damaged", func(s *script) {
			for {
				s.raw("$0102#00")
				s.packet()
			}
		}, ErrProtocol},
		{"always NAK", func(s *script) {
			for {
				s.raw("-")
				s.packet()
			}
		}, ErrProtocol},
		{"endless console", func(s *script) {
			for {
				s.reply("O6869")
			}
		}, ErrProtocol},
		{"endless stops", func(s *script) {
			for {
				s.reply("T05thread:01;")
			}
		}, ErrProtocol},
		{"endless packet", func(s *script) {
			s.raw("$")
			for {
				s.raw(strings.Repeat("ab", 1000))
			}
		}, ErrProtocol},
		{"endless junk", func(s *script) {
			for {
				s.raw(strings.Repeat("~", 1000))
			}
		}, ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, Options{Timeout: 2 * time.Second}, func(s *script) {
				s.handshake()
				s.expect("qfThreadInfo")
				tt.f(s)
			})
			ctx := t.Context()
			if tt.kind == ErrTimeout {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
			}
			_, err := c.Threads(ctx)
			says(t, err, tt.kind)
			says(t, err, ErrConnection)
			// The stub is not asked again, and the cause is the same.
			for _, f := range []func() error{
				func() error { _, err := c.ReadRegisters(t.Context(), ThreadID{}); return err },
				func() error { return c.Continue(t.Context()) },
				func() error { _, err := c.Wait(t.Context()); return err },
				c.Interrupt,
				c.Err,
			} {
				says(t, f(), tt.kind)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOwnTimeout has a context without any deadline.
func TestOwnTimeout(t *testing.T) {
	c := dial(t, quick, func(s *script) { s.handshake(); s.wait() })
	_, err := c.Threads(context.Background())
	says(t, err, ErrTimeout, "qfThreadInfo")
}

// TestCancel ends a call whose answer is still to come; the next call must not
// take that answer for its own.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := dial(t, Options{}, func(s *script) {
		s.handshake()
		s.expect("qfThreadInfo")
		cancel()
		s.expect("qThreadExtraInfo,p1.1")
		s.reply("mp01.01", "6869")
		s.expect("vCont;c")
		s.reply("T05thread:p01.01;")
		s.wait()
	})
	if _, err := c.Threads(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if s, err := c.ThreadExtra(t.Context(), ThreadID{1, 1}); err != nil || s != "hi" {
		t.Fatalf("%q, %v", s, err)
	}
	if err := c.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Wait(t.Context()); err != nil || s.Signal != SignalTrap {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := c.Threads(ctx); !errors.Is(err, context.Canceled) || c.Err() != nil {
		t.Errorf("cancelled before: %v, broken %v", err, c.Err())
	}
}

// TestInterruptCrossesBreakpoint has a stub that answers both.
func TestInterruptCrossesBreakpoint(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		s.handshake()
		s.expect("vCont;c")
		s.expect("\x03")
		s.reply("T05thread:p01.01;")
		s.expect("qC") // the client makes sure that nothing is left
		s.reply("T02thread:p01.01;", "QCp01.01")
		s.expect("vCont;s:p1.1")
		s.reply("T05thread:p01.01;")
		s.wait()
	})
	ctx := t.Context()
	if err := c.Continue(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Wait(ctx); err != nil || s.Signal != SignalTrap {
		t.Fatalf("%v, %v", s, err)
	}
	if s, err := c.Step(ctx, ThreadID{}); err != nil || s.Signal != SignalTrap {
		t.Fatalf("%v, %v", s, err)
	}
}

// TestDamagedStop wants a stop reply with a bad checksum repeated, and a resume
// that was refused as damaged sent again.
func TestDamagedStop(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		s.handshake()
		s.expect("vCont;c")
		s.raw("-")
		s.expect("vCont;c")
		s.reply("O6869") // the guest's console
		s.raw("$T05thread:p01.01;#00")
		s.expect("-")
		s.reply("T05watch:1000;thread:p01.01;")
		s.wait()
	})
	if err := c.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Wait(t.Context()); err != nil || s.Watch == nil || s.Watch.Addr != 0x1000 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestRefusedResume(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		s.handshake()
		s.expect("vCont;s:p1.1")
		s.reply("E22")
		s.expect("vCont;c")
		s.reply("")
		s.expect("vCont;c")
		s.reply("W07")
		s.wait()
	})
	var se *StubError
	if _, err := c.Step(t.Context(), ThreadID{}); !errors.As(err, &se) || se.Code != "22" || c.Running() {
		t.Errorf("%v", err)
	}
	c.Continue(t.Context())
	if _, err := c.Wait(t.Context()); !IsUnsupported(err) || c.Running() {
		t.Errorf("%v", err)
	}
	c.Continue(t.Context())
	if s, err := c.Wait(t.Context()); err != nil || !s.Exited || s.ExitCode != 7 {
		t.Errorf("%v, %v", s, err)
	}
}

// TestSlowStep wants a step that does not come back to leave the client usable.
func TestSlowStep(t *testing.T) {
	c := dial(t, quick, func(s *script) {
		s.handshake()
		s.expect("vCont;s:p1.1")
		s.expect("\x03")
		s.reply("T02thread:p01.01;")
		s.wait()
	})
	_, err := c.Step(t.Context(), ThreadID{})
	says(t, err, ErrTimeout, "runs on")
	if !c.Running() || c.Err() != nil {
		t.Fatalf("running %v, %v", c.Running(), c.Err())
	}
	if err := c.Interrupt(); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Wait(t.Context()); err != nil || s.Reason != ReasonInterrupt {
		t.Errorf("%v, %v", s, err)
	}
}

// TestEndWhileRunning has QEMU end while the guest runs.
func TestEndWhileRunning(t *testing.T) {
	c := dial(t, Options{}, func(s *script) { s.handshake(); s.expect("vCont;c") })
	if err := c.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Wait(t.Context())
	says(t, err, ErrConnection, "did QEMU end?")
}

func TestCloseEndsWait(t *testing.T) {
	c := dial(t, Options{}, func(s *script) { s.handshake(); s.wait() })
	if err := c.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { _, err := c.Wait(context.Background()); done <- err }()
	c.Close()
	says(t, testwait.For(t, done, "a wait that a closed connection ends"), ErrClosed)
}

// TestOldStub knows none of the extensions.
func TestOldStub(t *testing.T) {
	c := dial(t, Options{}, func(s *script) {
		for _, p := range []string{syncRequest, "qqemu.PhyMemMode"} {
			s.expect(p)
			s.reply("")
		}
		s.expect("?")
		s.reply("S05")
		s.expect("s")
		s.reply("S05")
		s.expect("P0=01")
		s.reply("")
		s.expect("g")
		s.reply("xx02")
		s.expect("D")
		s.reply("OK")
	})
	ctx := t.Context()
	if c.Description() != nil || c.HasPhysical() || c.Features().PacketSize != fallbackPacketSize {
		t.Errorf("%v %v %v", c.Description(), c.HasPhysical(), c.Features())
	}
	if err := c.ReadMemory(ctx, Physical, 0, make([]byte, 1)); !IsUnsupported(err) {
		t.Errorf("%v", err)
	}
	if s, err := c.Step(ctx, ThreadID{}); err != nil || s.Signal != SignalTrap {
		t.Errorf("%v, %v", s, err)
	}
	c.desc, _ = ParseDescription([]byte(`<t><reg name="a" bitsize="8"/><reg name="b" bitsize="8"/></t>`), nil)
	// a cannot be written by P, and by G only if all others are known: it is not.
	if err := c.WriteRegister(ctx, ThreadID{}, "a", 1); !errors.Is(err, ErrNoRegister) {
		t.Errorf("%v", err)
	}
	if err := c.Detach(ctx); err != nil {
		t.Error(err)
	}
}
