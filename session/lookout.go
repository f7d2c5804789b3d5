package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"thaw/fault"
	"thaw/session/view"
	"thaw/session/watch"
)

// Beside is a target whose memory can be read while it runs, past its stub.
type Beside interface {
	// Beside opens that memory, from any goroutine; nil where there is no such way now.
	Beside() func() (watch.Memory, error)
}

// lookPeriod is how often a running guest is looked at.
const lookPeriod = 100 * time.Millisecond

// whyNoLook is why a guest cannot be looked at while it runs.
const whyNoLook = "its memory can be read through the gdbstub only, which would stop it: run QEMU on this host as this user, or give --ram"

// lookout looks at the guest while it runs, as long as somebody wants to see that. It
// works beside the engine: of the target it knows only how to open its memory.
type lookout struct {
	mu     sync.Mutex
	on     bool
	open   func() (watch.Memory, error) // nil: there is no way
	kernel func() (watch.Kernel, error) // nil: nobody knows how to read its objects
}

// LookBy says how the kernel's objects are read while the guest runs: by a decoder of its
// own, since the session's belongs to the engine's goroutine.
func (l *lookout) LookBy(k func() (watch.Kernel, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kernel = k
}

// Live has the guest looked at while it runs, or not any more: views have it then.
func (l *lookout) Live(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}

// aim takes the way to the target's memory as it is now, and says why there is none.
// It is called by the engine's goroutine.
func (l *lookout) aim(t Target) (why string) {
	var open func() (watch.Memory, error)
	if b, ok := t.(Beside); ok {
		open = b.Beside()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open = open; open == nil {
		return whyNoLook
	}
	return ""
}

// wanted is how to look, false if nobody wants to, or nobody can.
func (l *lookout) wanted() (open func() (watch.Memory, error), k func() (watch.Kernel, error), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.kernel, l.on && l.open != nil && l.kernel != nil
}

// during looks until the returned function is called, and has ended when that returns.
func (l *lookout) during(ctx context.Context, show func(*view.Look)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		var at sight
		defer at.close()
		next := time.NewTicker(lookPeriod)
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
			open, k, ok := l.wanted()
			if !ok {
				continue
			}
			var look *view.Look
			err := fault.Guard(func() (err error) { look, err = at.look(ctx, open, k); return err })
			switch {
			case ctx.Err() != nil:
				return
			case errors.As(err, new(*fault.Fault)): // again and again
				show(&view.Look{Problems: []string{err.Error()}})
				return
			case err != nil:
				at.close()
				show(&view.Look{Problems: []string{err.Error()}})
			default:
				show(look)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// sight is a guest that is looked at, and its memory.
type sight struct {
	memory watch.Memory
	guest  *watch.Guest
}

func (s *sight) look(ctx context.Context, open func() (watch.Memory, error), kernel func() (watch.Kernel, error)) (*view.Look, error) {
	if s.guest == nil {
		k, err := kernel()
		if err != nil {
			return nil, err
		}
		if s.memory, err = open(); err != nil {
			return nil, err
		}
		if s.guest, err = watch.Open(ctx, s.memory, k); err != nil {
			return nil, err
		}
	}
	return s.guest.Look(ctx)
}

func (s *sight) close() {
	if s.memory != nil {
		_ = s.memory.Close() // a mapping of ours: nothing is lost with it
	}
	s.memory, s.guest = nil, nil
}
