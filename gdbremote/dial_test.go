package gdbremote

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct {
		in, network, target string
		remote, ok          bool
	}{
		{":1234", "tcp", "127.0.0.1:1234", false, true},
		{"1234", "tcp", "127.0.0.1:1234", false, true},
		{"tcp::1234", "tcp", "127.0.0.1:1234", false, true},
		{"localhost:1234", "tcp", "localhost:1234", false, true},
		{"127.0.0.9:1", "tcp", "127.0.0.9:1", false, true},
		{"[::1]:1234", "tcp", "[::1]:1234", false, true},
		{"unix:/a/b", "unix", "/a/b", false, true},
		{"unix:rel", "unix", "rel", false, true},
		{"./rel", "unix", "./rel", false, true},
		{"@/b", "unix", "./@/b", false, true},
		{"unix:@b", "unix", "./@b", false, true},
		{"192.0.2.1:1234", "tcp", "192.0.2.1:1234", true, true},
		{"stub.example:1234", "tcp", "stub.example:1234", true, true},
		{"", "", "", false, false},
		{"unix:", "", "", false, false},
		{"localhost:", "", "", false, false},
		{":99999", "", "", false, false},
		{"::1:5:x", "", "", false, false},
	} {
		network, target, remote, err := parseAddress(tt.in, true)
		if (err == nil) != tt.ok || tt.ok && (network != tt.network || target != tt.target || remote != tt.remote) {
			t.Errorf("%q: %q %q %v %v", tt.in, network, target, remote, err)
		}
		if _, _, _, err := parseAddress(tt.in, false); (err == nil) != (tt.ok && !tt.remote) {
			t.Errorf("%q without remote: %v", tt.in, err)
		}
	}
}

// says checks that an error is of a kind and tells the user certain things.
func says(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%v is not %v", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}

func TestDialFailures(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := ln.Addr().String()
	ln.Close()
	ctx := t.Context()

	_, err = Dial(ctx, closed, quick)
	says(t, err, ErrConnection, closed, "start QEMU with -s")
	dir, err := os.MkdirTemp("/tmp", "rsp") // short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	_, err = Dial(ctx, path, quick)
	says(t, err, ErrConnection, "no such socket")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	_, err = Dial(ctx, "unix:"+path, quick)
	says(t, err, ErrConnection, "nobody serves")

	_, err = Dial(ctx, fakeStub(t, func(s *script) { s.wait() }), quick)
	says(t, err, ErrTimeout, "another debugger may be attached")
	_, err = Dial(ctx, fakeStub(t, func(s *script) { s.raw("SSH-2.0-OpenSSH_9.2\r\n"); s.wait() }), Options{})
	says(t, err, ErrConnection, "SSH-2.0-", "not the GDB remote protocol")
	_, err = Dial(ctx, fakeStub(t, func(s *script) { s.raw("hi"); s.wait() }), quick)
	says(t, err, ErrTimeout, `"hi"`, "not the GDB remote protocol")
	_, err = Dial(ctx, fakeStub(t, func(s *script) { s.packet() }), quick)
	says(t, err, ErrConnection, "closed the connection")
	_, err = Dial(ctx, fakeStub(t, func(s *script) { s.raw("$" + strings.Repeat("a", maxPacket+10)); s.wait() }), Options{})
	says(t, err, ErrProtocol, "more than")
	_, err = Dial(ctx, "192.0.2.1:1234", quick)
	if err == nil || !strings.Contains(err.Error(), "no authentication") {
		t.Errorf("remote: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err = Dial(cancelled, closed, quick); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRemoteWarns(t *testing.T) {
	var warned []string
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nothing leaves this machine
	Dial(ctx, "192.0.2.1:1234", Options{AllowRemote: true, Warn: func(s string) { warned = append(warned, s) }})
	if len(warned) != 1 || !strings.Contains(warned[0], "no authentication") {
		t.Errorf("%q", warned)
	}
}
