package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-delve/delve/pkg/proc/debuginfod"

	"thaw/debuginfo"
)

// debuginfodWithin is how long debuginfod may take, if $DEBUGINFOD_TIMEOUT does not bound
// it before.
const debuginfodWithin = 90 * time.Second

// withDebugInfo is a program that has debug info: its own, or else what debuginfod has of
// its build id, where the user names servers of it. advice is what else can be done.
func (o *programFiles) withDebugInfo(f *debuginfo.File, advice string) (*debuginfo.File, error) {
	if f.HasDWARF() {
		return f, nil
	}
	none := fmt.Errorf("%s has no debug info: %s", f.Path(), advice)
	if os.Getenv("DEBUGINFOD_URLS") == "" || f.BuildID() == "" {
		return nil, none
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, debuginfodWithin, fmt.Errorf("no answer in %v", debuginfodWithin))
	defer cancel()
	path, err := debuginfod.GetDebuginfo(ctx, nil, f.BuildID())
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%w; to ask $DEBUGINFOD_URLS for it takes debuginfod-find: install debuginfod", none)
	case err != nil:
		return nil, fmt.Errorf("%w; nor has $DEBUGINFOD_URLS any of build id %s (debuginfod-find: %w)", none, f.BuildID(), cmp.Or(context.Cause(ctx), err))
	}
	return debuginfo.Load(f.Path(), path, o.cache())
}
