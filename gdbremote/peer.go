package gdbremote

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errNoPeer says that no process of this host that we may look at holds the other
// end.
var errNoPeer = errors.New("the process at the other end is not to be found on this host")

// errNoListener is errNoPeer of an address that nobody is connected to.
var errNoListener = errors.New("no process of this host that may be looked at listens there")

// PeerPID is the process at the other end of the connection, if it is one of this
// host: by the credentials of a unix socket (those of the process that listens), or
// by who has the other end of a TCP connection open (/proc/net/tcp). It may be a
// proxy: what it is said to hold has to be proved.
func (c *link) PeerPID() (int, error) {
	switch conn := c.conn.(type) {
	case *net.UnixConn:
		return unixPeer(conn)
	case *net.TCPConn:
		return tcpPeer(conn)
	}
	return 0, errNoPeer
}

func unixPeer(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if e := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); e != nil {
		return 0, e
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("asking for the process behind a socket: %w", err)
	case cred.Pid <= 0: // of another container
		return 0, errNoPeer
	}
	return int(cred.Pid), nil
}

func tcpPeer(conn *net.TCPConn) (int, error) {
	ours, ok1 := conn.LocalAddr().(*net.TCPAddr)
	theirs, ok2 := conn.RemoteAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return 0, errNoPeer
	}
	return tcpOwner(func(w []string) bool {
		return sameEnd(w[tcpHere], theirs.AddrPort()) && sameEnd(w[tcpThere], ours.AddrPort())
	})
}

// ListenerPID is the process of this host that listens at a stub's address. It is found
// without a connection: QEMU stops its guest for whoever connects.
func ListenerPID(addr string) (int, error) {
	network, target, remote, err := parseAddress(addr, true)
	switch {
	case err != nil:
		return 0, err
	case remote:
		return 0, errNoListener
	case network == "unix":
		return unixListener(target)
	}
	_, port, err := net.SplitHostPort(target)
	if err != nil {
		return 0, err
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return 0, err
	}
	pid, err := tcpOwner(func(w []string) bool {
		_, at, _ := strings.Cut(w[tcpHere], ":")
		n, err := strconv.ParseUint(at, 16, 16)
		return err == nil && int(n) == number && w[tcpState] == tcpListens
	})
	if errors.Is(err, errNoPeer) {
		err = errNoListener
	}
	return pid, err
}

// unixListener is the process that listens at a socket's path, or where a link at that
// path leads.
func unixListener(path string) (int, error) {
	whole, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errNoListener
	}
	if err == nil {
		whole, err = filepath.Abs(whole)
	}
	if err != nil {
		return 0, err
	}
	file, err := os.Stat(whole)
	if err != nil {
		return 0, err
	}
	const flags, inode, at, listens = 3, 6, 7, "00010000"
	n, err := socketInode("/proc/net/unix", func(w []string) bool {
		if len(w) <= at || w[flags] != listens {
			return false
		}
		bound := strings.Join(w[at:], " ")
		if bound == path || bound == whole {
			return true
		}
		// It may have been bound by another name of its folder.
		if !filepath.IsAbs(bound) || filepath.Base(bound) != filepath.Base(whole) {
			return false
		}
		same, err := os.Stat(bound)
		return err == nil && os.SameFile(file, same)
	}, inode)
	if err != nil || n == "" {
		return 0, cmp.Or(err, errNoListener)
	}
	return socketOwner(n)
}

// Columns of Linux's tables of TCP sockets (proc_net_tcp.txt in its documentation).
const (
	tcpHere, tcpThere, tcpState, tcpInode = 1, 2, 3, 9
	tcpListens                            = "0A"
)

// tcpOwner is the process with the first TCP socket that is the wanted one.
func tcpOwner(wanted func(columns []string) bool) (int, error) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		inode, err := socketInode(table, func(w []string) bool { return len(w) > tcpInode && wanted(w) }, tcpInode)
		if err != nil {
			return 0, err
		}
		if inode != "" {
			return socketOwner(inode)
		}
	}
	return 0, errNoPeer
}

// socketInode is what stands in a column of the first line of a table of Linux's that is
// the wanted one; "" if none is.
func socketInode(table string, wanted func(columns []string) bool, inode int) (string, error) {
	f, err := os.Open(table)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if w := strings.Fields(lines.Text()); wanted(w) {
			return w[inode], nil
		}
	}
	return "", lines.Err()
}

// sameEnd compares an end as the table spells it ("0100007F:04D2": words of the
// address in the host's byte order, then the port) with one of ours.
func sameEnd(text string, end netip.AddrPort) bool {
	addr, port, ok := strings.Cut(text, ":")
	raw, err := hex.DecodeString(addr)
	n, errPort := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || errPort != nil || uint16(n) != end.Port() || len(raw)%4 != 0 {
		return false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word) // all hosts that thaw is built for are little-endian
	}
	a, ok := netip.AddrFromSlice(raw)
	return ok && a.Unmap() == end.Addr().Unmap().WithZone("")
}

// socketOwner is the process that has a socket open, among those that we may look at.
func socketOwner(inode string) (int, error) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	want := "socket:[" + inode + "]"
	for _, p := range procs {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // another user's, or it has ended
		}
		for _, f := range files {
			if to, err := os.Readlink(filepath.Join(dir, f.Name())); err == nil && to == want {
				return pid, nil
			}
		}
	}
	return 0, errNoPeer
}
