package gdbremote

import (
	"fmt"
	"net"
	"os"
	"strings"

	"thaw/readfile"
)

// parseAddress splits a stub's address into what net.Dial takes. Accepted are
// ":1234", "1234", "host:1234", "[::1]:1234", with or without "tcp:" in front,
// "unix:/path", and a socket that is there or anything with a slash in it as a
// socket's path. The host is this one if none is given.
func parseAddress(addr string, allowRemote bool) (network, target string, remote bool, err error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if path == "" {
			return "", "", false, fmt.Errorf("stub address %q has no path behind \"unix:\"", addr)
		}
		return "unix", readfile.Socket(path), false, nil
	}
	if st, err := os.Stat(addr); strings.Contains(addr, "/") || err == nil && st.Mode()&os.ModeSocket != 0 {
		return "unix", readfile.Socket(addr), false, nil
	}
	rest := strings.TrimPrefix(addr, "tcp:")
	if !strings.Contains(rest, ":") {
		rest = ":" + rest
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil || port == "" {
		return "", "", false, fmt.Errorf("stub address %q: want HOST:PORT, :PORT or the path of a unix socket", addr)
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		if port == addr { // it may be meant as a path
			return "", "", false, fmt.Errorf("stub address %q: it is neither HOST:PORT nor a port number, nor a socket that is there (a path has a slash in it: ./%s)", addr, addr)
		}
		return "", "", false, fmt.Errorf("stub address %q: %q is not a port number", addr, port)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if !isLoopback(host) {
		if !allowRemote {
			return "", "", true, fmt.Errorf("stub address %q is another machine, and a stub has no authentication: "+
				"use an ssh tunnel, or allow remote stubs explicitly", addr)
		}
		remote = true
	}
	return "tcp", net.JoinHostPort(host, port), remote, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
