package present

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"

	"thaw/readfile"
)

// maxFrame bounds a frame, in bytes.
const maxFrame = 4 << 20

// Dial connects to a presenter's socket.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", readfile.Socket(path))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("nobody presents at %s: start thaw demo --present first, as the same user", path)
	case err != nil:
		return nil, fmt.Errorf("following a presentation: %w", err)
	}
	return conn, nil
}

// Follow reads frames from a presenter's socket, and closes it, until ctx or the
// presentation ends; the latter is no error.
func Follow(ctx context.Context, conn net.Conn, show func(*Frame)) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewScanner(conn)
	in.Buffer(nil, maxFrame)
	for in.Scan() {
		var f Frame
		if err := json.Unmarshal(in.Bytes(), &f); err != nil {
			return fmt.Errorf("what comes from %s is no presentation: %w", conn.RemoteAddr(), err)
		}
		f.clean()
		show(&f)
	}
	if err := in.Err(); err != nil && ctx.Err() == nil && !errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("following the presentation at %s: %w", conn.RemoteAddr(), err)
	}
	return nil
}
