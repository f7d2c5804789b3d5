package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Bounds of a command of the user's own settings.
const (
	shellWithin = 30 * time.Second
	shellBytes  = 64 << 10
)

// shell runs a line of the user's own settings, and returns what it wrote and how it
// ended if that was no success. It reads nothing, and ends with ctx, with all that it
// started; with thaw, too.
func shell(ctx context.Context, line string, env []string) string {
	runtime.LockOSThread() // the kernel ends the command with the thread that began it
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(ctx, shellWithin)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Env = append(os.Environ(), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	var out bounded
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	text := string(out.text)
	if out.more {
		text += fmt.Sprintf("\n(only the first %d bytes are shown)", shellBytes)
	}
	switch {
	case ctx.Err() != nil:
		text += fmt.Sprintf("\n(it was ended: it took longer than %v)", shellWithin)
	case err != nil:
		text += fmt.Sprintf("\n(%v)", err)
	}
	return text
}

// bounded keeps the beginning of what is written.
type bounded struct {
	text []byte
	more bool
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), shellBytes-len(b.text))
	b.text = append(b.text, p[:n]...)
	b.more = b.more || n < len(p)
	return len(p), nil
}
