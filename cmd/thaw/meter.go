package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"thaw/printable"
	"thaw/words"
)

// meter tells what a command does that takes long, in one line that it takes away
// again. It is for a terminal only: a nil meter says nothing.
type meter struct {
	w       io.Writer
	columns func() int

	mu    sync.Mutex
	text  string    // what is done, "": nothing
	since time.Time // it began
	drawn bool
	stop  chan struct{}
	wg    sync.WaitGroup
}

// A meter is silent for the first half second, and then tells the time.
const (
	meterPatience = 500 * time.Millisecond
	meterTick     = 250 * time.Millisecond
)

// newMeter is a meter on a file, nil where that is no terminal.
func newMeter(f *os.File) *meter {
	if name := os.Getenv("TERM"); name == "" || name == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &meter{w: f, columns: func() int {
		w, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return w
	}}
}

type meterKey struct{}

// withMeter has busy tell a meter.
func withMeter(ctx context.Context, m *meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// busy tells what is done now, until the returned function is called. What was
// told before counts again then.
func busy(ctx context.Context, format string, args ...any) (done func()) {
	m, _ := ctx.Value(meterKey{}).(*meter)
	if m == nil {
		return func() {}
	}
	before := m.say(fmt.Sprintf(format, args...))
	return func() { m.say(before) }
}

// await does work that cannot be cut short, and comes back without it as soon as
// ctx ends.
func await[T any](ctx context.Context, what string, work func() (T, error)) (T, error) {
	defer busy(ctx, "%s", what)()
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := work()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%s: %w", what, ctx.Err())
	}
}

// say tells something else from now on; "" takes the line away. It returns what
// was told before.
func (m *meter) say(text string) (before string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, m.text = m.text, printable.Text(text)
	switch {
	case text == "":
		m.erase()
		if m.stop != nil {
			close(m.stop)
			m.stop = nil
		}
	case m.stop == nil:
		m.since, m.stop = time.Now(), make(chan struct{})
		stop := m.stop
		m.wg.Go(func() { m.tick(stop) })
	case m.drawn:
		m.draw(time.Now())
	}
	return before
}

func (m *meter) tick(stop chan struct{}) {
	t := time.NewTicker(meterTick)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-t.C:
			m.mu.Lock()
			if m.stop == stop && now.Sub(m.since) >= meterPatience {
				m.draw(now)
			}
			m.mu.Unlock()
		}
	}
}

// draw writes the line. m.mu is held.
func (m *meter) draw(now time.Time) {
	text := fmt.Sprintf("%s … %d s; Ctrl-C stops", m.text, int(now.Sub(m.since).Seconds()))
	fmt.Fprintf(m.w, "\r%s\x1b[K", words.Clip(text, m.columns()-1))
	m.drawn = true
}

func (m *meter) erase() {
	if m.drawn {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.drawn = false
	}
}

// end takes the line away for good.
func (m *meter) end() {
	if m == nil {
		return
	}
	m.say("")
	m.wg.Wait()
}
