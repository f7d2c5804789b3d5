package gdbremote

import (
	"context"
	"fmt"
)

// maxMonitor bounds a monitor command's output.
const maxMonitor = 4 << 20

// Monitor runs a command of the stub's own, such as QEMU's "info registers",
// and returns what it prints. A deadline of ctx replaces Options.Timeout here,
// since commands such as savevm take their time.
func (c *Client) Monitor(ctx context.Context, command string) (string, error) {
	var out []byte
	var last []byte
	var failed error
	err := c.do(ctx, &batch{
		n:     1,
		lists: true, patient: true,
		build: func(_ int, dst []byte) []byte { return appendHex(append(dst, "qRcmd,"...), []byte(command)) },
		reply: func(_ int, p []byte) bool {
			if !isConsole(p) {
				last = p
				return false
			}
			text := make([]byte, (len(p)-1)/2)
			if err := decodeHex(text, p[1:]); err != nil {
				failed = err
			}
			if len(out)+len(text) > maxMonitor {
				failed = fmt.Errorf("more than %d bytes: %w", maxMonitor, ErrProtocol)
			} else {
				out = append(out, text...)
			}
			return true
		},
	})
	op := "monitor command " + shorten([]byte(command), 60)
	switch {
	case err != nil:
		return string(out), fmt.Errorf("%s: %w", op, err)
	case failed != nil:
		return string(out), c.requestError(op, nil, failed)
	case string(last) == "OK":
		return string(out), nil
	}
	// A stub may answer with the output itself.
	if _, refused := parseStubError(last); !refused && len(last) > 0 && len(last)%2 == 0 {
		text := make([]byte, len(last)/2)
		if err := decodeHex(text, last); err == nil {
			return string(text), nil
		}
	}
	return string(out), c.unexpected(op, last)
}
