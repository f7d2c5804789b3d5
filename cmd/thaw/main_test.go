package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"thaw/guest"
)

// The tests run the program as users do: built, with the lab guest beside it.
var program, guestDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "thaw-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "thaw")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building thaw: %v\n%s", err, out)
			return 1
		}
		// The user's own are left alone; Go's cache, which is there too, was used.
		for name, folder := range map[string]string{"XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config"} {
			if err := os.Setenv(name, filepath.Join(dir, folder)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		if guestDir, err = guest.Build(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// result is how a run of the program ended.
type result struct {
	code           int
	stdout, stderr string
}

// limit is how long a run may take before something hangs.
const limit = 60 * time.Second

// thaw runs the program to its end.
func thaw(t *testing.T, args ...string) result {
	t.Helper()
	return thawEnv(t, nil, args...)
}

func thawEnv(t *testing.T, env []string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("thaw %q did not end within %v\n%s", args, limit, stderr.String())
	case err != nil && !errors.As(err, &exit):
		t.Fatalf("thaw %q: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// onLab adds where the lab guest is.
func onLab(args ...string) []string { return append(args, "--guest", guestDir) }

// A stub that hangs up breaks its socket like a reader that goes away breaks our
// output; only the latter may stay untold.
func TestReaderGone(t *testing.T) {
	for _, c := range []struct {
		err  error
		gone bool
	}{
		{fmt.Errorf("printing: %w", &fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}), true},
		{fmt.Errorf("setting a breakpoint: %w", &net.OpError{Op: "write", Net: "unix", Err: os.NewSyscallError("write", syscall.EPIPE)}), false},
		{&fs.PathError{Op: "write", Path: "report.fifo", Err: syscall.EPIPE}, false},
		{&fs.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}, false},
		{nil, false},
	} {
		if readerGone(c.err) != c.gone {
			t.Errorf("%v: %v", c.err, !c.gone)
		}
	}
}
