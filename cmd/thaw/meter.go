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

// meter tells what a command does that takes long: on a terminal in one line that it
// takes away again, elsewhere in a line every now and then. A nil meter says nothing.
type meter struct {
	w       io.Writer
	columns func() int // of the terminal, nil: there is none

	mu    sync.Mutex
	now   doing
	since time.Time // when the line is wanted from
	next  time.Time // when a line is written that stays
	drawn bool
	stop  chan struct{}
	wg    sync.WaitGroup
}

// doing is what is done, and since when.
type doing struct {
	text  string        // "": nothing
	more  func() string // what is seen of it meanwhile, nil: nothing
	since time.Time
}

// A meter is silent for the first half second, and then tells the time. Lines that stay
// come more seldom.
const (
	meterPatience = 500 * time.Millisecond
	meterTick     = 250 * time.Millisecond
)

// meterPeriod is how seldom.
const meterPeriod = 10 * time.Second

// newMeter is a meter on a file.
func newMeter(f *os.File) *meter {
	if name := os.Getenv("TERM"); name == "" || name == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return &meter{w: f}
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
	return busyWith(ctx, nil, format, args...)
}

// busyWith is busy with what can be seen meanwhile; more is called in another
// goroutine.
func busyWith(ctx context.Context, more func() string, format string, args ...any) (done func()) {
	m, _ := ctx.Value(meterKey{}).(*meter)
	if m == nil {
		return func() {}
	}
	before := m.say(doing{fmt.Sprintf(format, args...), more, time.Now()})
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

// say tells something else from now on; no text takes the line away. It returns what
// was told before.
func (m *meter) say(what doing) (before doing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, m.now = m.now, what
	m.next = time.Now().Add(meterPeriod)
	switch {
	case what.text == "":
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
			switch {
			case m.stop != stop:
			case m.columns == nil:
				if !now.Before(m.next) {
					fmt.Fprintln(m.w, "thaw: "+m.line(now, ""))
					m.next = now.Add(meterPeriod)
				}
			case now.Sub(m.since) >= meterPatience:
				m.draw(now)
			}
			m.mu.Unlock()
		}
	}
}

// draw writes the line. m.mu is held.
// draw leaves room for the "^C" that the terminal shows itself: on a line of its own it
// would leave this one behind.
func (m *meter) draw(now time.Time) {
	const echo = 2
	fmt.Fprintf(m.w, "\r%s\x1b[K", words.Clip(m.line(now, "; Ctrl-C stops"), m.columns()-1-echo))
	m.drawn = true
}

// line is what is told now. m.mu is held.
func (m *meter) line(now time.Time, how string) string {
	text := fmt.Sprintf("%s … %d s%s", m.now.text, int(now.Sub(m.now.since).Seconds()), how)
	if m.now.more != nil {
		if more := m.now.more(); more != "" {
			text += "; " + more
		}
	}
	return printable.Text(text)
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
	m.say(doing{})
	m.wg.Wait()
}
