package live_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"thaw/printable"
	"thaw/session/live"
	"thaw/testwait"
)

// stubOf serves a stub that gives each request (by its beginning) one answer, ""
// to all others, and tells afterwards that it did.
func stubOf(t *testing.T, answers map[string]string, told func(request string)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stub")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); testwait.For(t, done, "the stub to end") })
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for r := bufio.NewReader(conn); ; {
			packet, err := r.ReadString('#')
			if err != nil {
				return
			}
			r.Discard(2) // its checksum
			_, packet, _ = strings.Cut(packet, "$")
			answer := ""
			for begins, a := range answers {
				if strings.HasPrefix(packet, begins) {
					answer = a
				}
			}
			sum := byte(0)
			for i := range len(answer) {
				sum += answer[i]
			}
			fmt.Fprintf(conn, "+$%s#%02x", answer, sum)
			told(packet)
		}
	}()
	return path
}

// willing are answers of a stub that can be attached to, with some changes.
func willing(change map[string]string) map[string]string {
	a := map[string]string{"qSupported": "PacketSize=1000;qXfer:features:read+", "qXfer": fmt.Sprintf(description, "i386:x86-64"),
		"qqemu.PhyMemMode": "0", "?": "S05", "qfThreadInfo": "m1", "qsThreadInfo": "l"}
	maps.Copy(a, change)
	return a
}

const description = `l<target><architecture>%s</architecture><reg name="rip" bitsize="64"/></target>`

// Who no longer wants to attach is told so, at whichever answer it was: between that to the
// last question and what is made of it, too.
func TestCancelledWhileAttaching(t *testing.T) {
	for range 200 {
		ctx, cancel := context.WithCancel(deadline(t))
		questions := 0
		target, err := live.Attach(ctx, stubOf(t, willing(map[string]string{"qRcmd": "OK"}), func(request string) {
			if strings.HasPrefix(request, "qRcmd") {
				questions++
			}
			if questions == 3 {
				cancel()
			}
		}), live.Options{StubOnly: true})
		cancel()
		if err == nil {
			if err := target.Close(t.Context()); err != nil {
				t.Error(err)
			}
			continue // it was attached before
		}
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "%!") {
			t.Fatalf("%q does not say that it was cancelled", err)
		}
	}
}

// A stub that is none of QEMU's, or lies, is refused in one sentence that nothing
// of its answers can steer a terminal with.
func TestHostileStub(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change map[string]string
		says   string
	}{
		{"no description", map[string]string{"qSupported": "PacketSize=1000"}, "does not describe its processor"},
		{"another processor", map[string]string{"qXfer": fmt.Sprintf(description, "m68k\u202e\u009b2J")}, "x86_64 and ARM are supported"},
		{"a file outside", map[string]string{"qXfer": `l<target><include href="../../etc/passwd:"/></target>`}, "include of"},
		{"endless includes", map[string]string{"qXfer": `l<target><include href="target.xml"/></target>`}, "include each other"},
		{"no physical memory", map[string]string{"qqemu.PhyMemMode": ""}, "cannot read physical memory"},
		{"no processors", map[string]string{"qfThreadInfo": "l"}, "lists 0 processors"},
		{"too many processors", map[string]string{"qfThreadInfo": "m" + strings.TrimSuffix(strings.Repeat("1,", 300), ",")}, "lists 300 processors"},
		{"an error with sequences", map[string]string{"qfThreadInfo": "E.\x1b[2J\u009b2J"}, "listing processors"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target, err := live.Attach(deadline(t), stubOf(t, willing(tt.change), func(string) {}), live.Options{})
			if err == nil {
				target.Close(t.Context())
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tt.says) || strings.ContainsFunc(err.Error(), func(r rune) bool { return r != '\n' && !printable.Rune(r) }) {
				t.Errorf("%q, want %q", err, tt.says)
			}
		})
	}
}
