package gdbremote

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"thaw/testwait"
)

func TestHostileAnswers(t *testing.T) {
	endless := func(first string) func(s *script) {
		return func(s *script) {
			for {
				s.packet()
				s.reply(first)
			}
		}
	}
	for _, tt := range []struct {
		name string
		f    func(s *script)
		call func(c *Client) error
	}{
		{"endless threads", endless("m" + strings.Repeat("1,", 100) + "1"), func(c *Client) error { _, err := c.Threads(t.Context()); return err }},
		{"bad thread", endless("mzz"), func(c *Client) error { _, err := c.Threads(t.Context()); return err }},
		{"odd registers", endless("012"), func(c *Client) error { _, err := c.ReadRegisters(t.Context(), ThreadID{}); return err }},
		{"no hex in memory", endless("zz"), func(c *Client) error { return c.ReadMemory(t.Context(), Virtual, 0, make([]byte, 1)) }},
		{"too much memory", endless("0011"), func(c *Client) error { return c.ReadMemory(t.Context(), Virtual, 0, make([]byte, 1)) }},
		{"too little memory", endless("00"), func(c *Client) error { return c.ReadMemory(t.Context(), Virtual, 0, make([]byte, 2)) }},
		{"odd extra", endless("012"), func(c *Client) error { _, err := c.ThreadExtra(t.Context(), ThreadID{1, 1}); return err }},
		{"endless file", endless("m" + strings.Repeat("x", 30000)), func(c *Client) error { return c.fetchDescription(t.Context(), &document{name: "target.xml"}) }},
		{"empty pieces", endless("m"), func(c *Client) error { return c.fetchDescription(t.Context(), &document{name: "target.xml"}) }},
		{"endless output", func(s *script) {
			s.packet()
			for {
				s.reply("O" + strings.Repeat("61", 50000))
			}
		}, func(c *Client) error {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			out, err := c.Monitor(ctx, "x")
			if len(out) > maxMonitor {
				t.Errorf("%d bytes of output", len(out))
			}
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, Options{}, func(s *script) {
				s.handshake()
				tt.f(s)
			})
			// Not through the CPU selection, which the scripts do not answer.
			c.current, c.currentSet = ThreadID{1, 1}, true
			if err := tt.call(c); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestServerFaults sends a server what a broken client may send.
func TestServerFaults(t *testing.T) {
	for _, tt := range []struct{ send, want string }{
		{"$?#00", "-"},
		{"$?#3f", "+$T05thread:p1.1;#"},
		{"$nonsense#59", "+$#00"},
		{"$m0,10000#58", "+$E22#"},
		{"$mzz#61", "+$E22#"},
		{"$M0,2:01#03", "+$E22#"},
		{"$Hgp1.9#43", "+$E22#"},
		{"$qXfer:features:read:target.xml:ffff,10#cd", "+$E00#"},
		{"$qXfer:features:read:nope:0,10#e4", "+$E00#"},
		{"$Zx#d2", "+$E22#"},
		{"$vCont;s:p1.9#be", "+$E22#"},
		{"$bs#d5", "+$#00"},
	} {
		t.Run(tt.send, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			done := make(chan error, 1)
			go func() { done <- (&Server{Handler: newMachine()}).Serve(t.Context(), server) }()
			client.SetDeadline(time.Now().Add(10 * time.Second))
			payload, _, _ := strings.Cut(tt.send[1:], "#")
			send := appendPacket(nil, []byte(payload))
			if tt.want == "-" {
				send = []byte(tt.send)
			}
			if _, err := client.Write(send); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, []byte(tt.want)) {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
			client.Close()
			testwait.For(t, done, "the server to end")
		})
	}
}

// An interrupt that comes while the guest stands is for the next run: gdb steps instruction
// by instruction through a line, and sends it once.
func TestInterruptWhileStopped(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	done := make(chan error, 1)
	go func() { done <- (&Server{Handler: newMachine()}).Serve(t.Context(), server) }()
	client.SetDeadline(time.Now().Add(10 * time.Second))
	for _, tt := range []struct{ before, send, want string }{
		{"", "vCont;s:p1.1", "+$T05thread:p1.1;#"},
		{"\x03", "vCont;c", "+$T02thread:p1.1;#"},
		{"", "vCont;s:p1.1", "+$T05thread:p1.1;#"},
	} {
		if _, err := client.Write(append([]byte(tt.before), appendPacket(nil, []byte(tt.send))...)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(tt.want)+2)
		if _, err := io.ReadFull(client, got); err != nil || !strings.HasPrefix(string(got), tt.want) {
			t.Errorf("%q%s: %q, %v, want %q", tt.before, tt.send, got, err, tt.want)
		}
	}
	client.Close()
	testwait.For(t, done, "the server to end")
}
