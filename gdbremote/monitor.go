package gdbremote

import (
	"cmp"
	"context"
	"fmt"
)

// maxMonitor bounds a monitor command's output.
const maxMonitor = 4 << 20

// Monitor runs a command of the stub's own, such as QEMU's "info registers",
// and returns what it prints. A deadline of ctx replaces Options.Timeout here,
// since commands such as savevm take their time.
func (c *Client) Monitor(ctx context.Context, command string) (string, error) {
	texts, err := c.Monitors(ctx, command)
	return texts[0], err
}

// Monitors runs commands one after the other, in one exchange, and returns what each
// prints. The error is that of the first that was refused.
func (c *Client) Monitors(ctx context.Context, commands ...string) ([]string, error) {
	said := make([]printed, len(commands))
	err := c.do(ctx, &batch{
		n:     len(commands),
		lists: true, patient: true,
		build: func(i int, dst []byte) []byte { return appendHex(append(dst, "qRcmd,"...), []byte(commands[i])) },
		reply: func(i int, p []byte) bool { return said[i].take(p) },
	})
	texts := make([]string, len(commands))
	for i := range said {
		texts[i] = string(said[i].out)
	}
	op := func(command string) string { return "monitor command " + shorten([]byte(command), 60) }
	if err != nil {
		return texts, fmt.Errorf("%s: %w", op(commands[0]), err)
	}
	var refused error
	for i, command := range commands {
		text, why := said[i].text(c, op(command))
		texts[i], refused = text, cmp.Or(refused, why)
	}
	return texts, refused
}

// printed is the answer to a monitor command.
type printed struct {
	out, last []byte
	failed    error
}

// take takes a packet of the answer, and says whether more belong to it.
func (a *printed) take(p []byte) bool {
	if !isConsole(p) {
		a.last = p
		return false
	}
	text := make([]byte, (len(p)-1)/2)
	if err := decodeHex(text, p[1:]); err != nil {
		a.failed = err
	}
	if len(a.out)+len(text) > maxMonitor {
		a.failed = fmt.Errorf("more than %d bytes: %w", maxMonitor, ErrProtocol)
	} else {
		a.out = append(a.out, text...)
	}
	return true
}

// text is what was printed.
func (a *printed) text(c *Client, op string) (string, error) {
	switch {
	case a.failed != nil:
		return string(a.out), c.requestError(op, nil, a.failed)
	case string(a.last) == "OK":
		return string(a.out), nil
	}
	// A stub may answer with the output itself.
	if _, refused := parseStubError(a.last); !refused && len(a.last) > 0 && len(a.last)%2 == 0 {
		text := make([]byte, len(a.last)/2)
		if err := decodeHex(text, a.last); err == nil {
			return string(text), nil
		}
	}
	return string(a.out), c.unexpected(op, a.last)
}
