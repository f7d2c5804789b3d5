package gdbremote

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// ThreadID names a thread of the stub, which is a virtual CPU in QEMU's case.
// The zero value means "the one that stopped last".
type ThreadID struct {
	PID int64 // 0 if the stub does not name processes
	TID int64 // from 1; -1 for all
}

// IsZero reports whether t names no thread.
func (t ThreadID) IsZero() bool { return t == ThreadID{} }

// String gives the protocol's form: "p1.2", or "2" without a process.
func (t ThreadID) String() string {
	tid := "-1"
	if t.TID >= 0 {
		tid = strconv.FormatInt(t.TID, 16)
	}
	switch {
	case t.PID == 0:
		return tid
	case t.PID < 0:
		return "p-1." + tid
	}
	return "p" + strconv.FormatInt(t.PID, 16) + "." + tid
}

// ParseThreadID reads the protocol's form: hexadecimal, "p1.2" or "2".
func ParseThreadID(s string) (ThreadID, error) {
	var t ThreadID
	var err error
	pid, rest, multi := strings.Cut(s, ".")
	if multi {
		p, ok := strings.CutPrefix(pid, "p")
		if !ok {
			return t, fmt.Errorf("thread id %q: %w", s, ErrProtocol)
		}
		if t.PID, err = strconv.ParseInt(p, 16, 64); err != nil {
			return ThreadID{}, fmt.Errorf("thread id %q: %w", s, ErrProtocol)
		}
	} else {
		rest = s
	}
	if t.TID, err = strconv.ParseInt(rest, 16, 64); err != nil || t.TID < -1 || t.PID < -1 {
		return ThreadID{}, fmt.Errorf("thread id %q: %w", s, ErrProtocol)
	}
	return t, nil
}

const maxThreads = 4096

// Threads lists the stub's threads: the virtual CPUs, never guest threads.
func (c *Client) Threads(ctx context.Context) ([]ThreadID, error) {
	var ids []ThreadID
	for packet := "qfThreadInfo"; ; packet = "qsThreadInfo" {
		p, err := c.request(ctx, packet)
		if err != nil {
			return nil, err
		}
		if len(p) > 0 && p[0] == 'l' {
			return ids, nil
		}
		if len(p) < 2 || p[0] != 'm' {
			return nil, c.unexpected(packet, p)
		}
		for s := range strings.SplitSeq(string(p[1:]), ",") {
			id, err := ParseThreadID(s)
			if err != nil {
				return nil, c.requestError(packet, p, err)
			}
			if ids = append(ids, id); len(ids) > maxThreads {
				return nil, c.requestError(packet, nil, fmt.Errorf("more than %d threads: %w", maxThreads, ErrProtocol))
			}
		}
	}
}

// ThreadExtra is the stub's text about a thread, such as "CPU#0 [running]".
func (c *Client) ThreadExtra(ctx context.Context, id ThreadID) (string, error) {
	packet := "qThreadExtraInfo," + id.String()
	p, err := c.request(ctx, packet)
	if err != nil {
		return "", err
	}
	if _, bad := parseStubError(p); bad || len(p) == 0 {
		return "", c.unexpected(packet, p)
	}
	text := make([]byte, len(p)/2)
	if err := decodeHex(text, p); err != nil {
		return "", c.requestError(packet, p, err)
	}
	return shorten(text, 200), nil
}

// SelectThread says through which virtual CPU's page tables virtual addresses
// are read and written from now on. The zero ThreadID, which also is what holds
// at the start, follows the thread that stopped last.
func (c *exchange) SelectThread(id ThreadID) {
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	c.selected = id
}

// wanted resolves a ThreadID to one that can be sent; zero if nothing is known.
func (c *exchange) wanted(id ThreadID) ThreadID {
	if id.IsZero() {
		return c.LastStop().Thread
	}
	return id
}

// memoryThread is the thread whose address space memory requests use.
func (c *exchange) memoryThread() ThreadID {
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	if c.selected.IsZero() {
		return c.lastStop.Thread
	}
	return c.selected
}

// selecting is what makes the stub use a thread for registers and memory; nothing if it
// does so already, or for none.
func (c *exchange) selecting(id ThreadID) []ask {
	if id.IsZero() || c.currentSet && c.current == id {
		return nil
	}
	return []ask{c.selectAnew(id)}
}

// selectAnew makes the stub use a thread, whichever it uses.
func (c *exchange) selectAnew(id ThreadID) ask {
	to, unasked := c.ok("Hg"+id.String()), c.UnaskedStops()
	check := to.check
	to.check = func(p []byte) error {
		if err := check(p); err != nil {
			c.currentSet = false
			return fmt.Errorf("selecting vCPU %v: %w", id, err)
		}
		c.current, c.currentSet = id, c.UnaskedStops() == unasked
		return nil
	}
	return to
}
