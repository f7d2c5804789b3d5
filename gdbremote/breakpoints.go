package gdbremote

import (
	"context"
	"errors"
	"fmt"

	"thaw/words"
)

// BreakKind is what makes the stub stop; its value is the Z packet's type.
type BreakKind int

// The kinds of breakpoints and watchpoints.
const (
	SoftwareBreak BreakKind = iota
	HardwareBreak
	WatchWrite
	WatchRead
	WatchAccess
)

// String names the kind.
func (k BreakKind) String() string {
	names := [...]string{"software breakpoint", "hardware breakpoint", "write watchpoint", "read watchpoint", "access watchpoint"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("breakpoint kind %d", int(k))
	}
	return names[k]
}

// Breakpoint is a breakpoint or watchpoint. QEMU's addresses are virtual ones
// that count in every address space; a watchpoint sees only accesses through
// the address it was set on.
type Breakpoint struct {
	Kind   BreakKind
	Addr   uint64
	Length int   // bytes watched; for breakpoints 1 on x86, the instruction size elsewhere
	Err    error // set by InsertAll and RemoveAll
}

// Insert sets a breakpoint. A stub without this kind gives ErrUnsupported.
func (c *Client) Insert(ctx context.Context, kind BreakKind, addr uint64, length int) error {
	list := []Breakpoint{{Kind: kind, Addr: addr, Length: length}}
	if err := c.InsertAll(ctx, list); err != nil {
		return err
	}
	return list[0].Err
}

// Remove removes a breakpoint. If it is not set the error is ErrNotInserted.
func (c *Client) Remove(ctx context.Context, kind BreakKind, addr uint64, length int) error {
	list := []Breakpoint{{Kind: kind, Addr: addr, Length: length}}
	if err := c.RemoveAll(ctx, list); err != nil {
		return err
	}
	return list[0].Err
}

// InsertAll sets many breakpoints at once; each has its own Err. The error
// returned means that not all requests were answered.
func (c *Client) InsertAll(ctx context.Context, list []Breakpoint) error {
	return c.breakpoints(ctx, 'Z', list)
}

// RemoveAll removes many breakpoints at once, as InsertAll sets them.
func (c *Client) RemoveAll(ctx context.Context, list []Breakpoint) error {
	return c.breakpoints(ctx, 'z', list)
}

func (c *Client) breakpoints(ctx context.Context, letter byte, list []Breakpoint) error {
	if len(list) == 0 {
		return nil
	}
	verb := map[byte]string{'Z': "setting", 'z': "removing"}[letter]
	for i, b := range list {
		list[i].Err = nil
		if b.Kind < SoftwareBreak || b.Kind > WatchAccess || b.Length < 1 {
			return fmt.Errorf("%s %v at %#x, length %d: no such kind, or a length below 1", verb, b.Kind, b.Addr, b.Length)
		}
	}
	if len(list) == 0 {
		return nil
	}
	err := c.do(ctx, &batch{
		n: len(list),
		build: func(i int, dst []byte) []byte {
			return fmt.Appendf(dst, "%c%d,%x,%x", letter, list[i].Kind, list[i].Addr, list[i].Length)
		},
		reply: func(i int, p []byte) bool {
			b := &list[i]
			b.Err = c.checkOK(fmt.Sprintf("%s %v at %#x", verb, b.Kind, b.Addr), p)
			var se *StubError
			if letter == 'z' && errors.As(b.Err, &se) && se.Code == "22" {
				b.Err = c.requestError(fmt.Sprintf("%s %v at %#x", verb, b.Kind, b.Addr), p,
					fmt.Errorf("%w: %w", ErrNotInserted, se))
			}
			return false
		},
	})
	if err != nil {
		err = fmt.Errorf("%s %s: %w", verb, words.Count(len(list), "breakpoint"), err)
		for i := range list {
			list[i].Err = err
		}
	}
	return err
}
