package ui

import (
	"context"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/session/view"
)

// runningTick is how often the time is told for which the guest has been running,
// where nothing else has the screen drawn.
const runningTick = time.Second

// keyWake is the key of the events that the pump sends; no keyboard has it.
const keyWake = tcell.Key(0x7e57)

// news is what the pump has for the event loop.
type news struct {
	view *view.View
	told string // what a job in the background says
	out  output // what a command of the user's wrote, no title: none
	ring int    // number of the alarm that came
	end  bool
}

// mailbox holds the news until the event loop takes them.
type mailbox struct {
	mu     sync.Mutex
	news   news
	posted bool // a wake event is on its way
}

// put stores news and says whether a wake event has to be posted for them.
func (m *mailbox) put(n news) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.view != nil {
		m.news.view = n.view
	}
	if n.told != "" {
		m.news.told = n.told
	}
	if n.out.title != "" {
		m.news.out = n.out
	}
	if n.ring != 0 {
		m.news.ring = n.ring
	}
	m.news.end = m.news.end || n.end
	post := !m.posted
	m.posted = true
	return post
}

func (m *mailbox) take() news {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.news
	m.news, m.posted = news{end: n.end}, false
	return n
}

// pump carries updates, alarms and what jobs tell to the event loop.
type pump struct {
	mail    *mailbox
	ctrl    Controller
	jobs    *jobs
	running bool // the guest, as the pump begins
}

// run goes on until done is closed. It never waits for the loop: a full event
// queue is tried again.
func (p *pump) run(ctx context.Context, screen tcell.Screen, done <-chan struct{}) {
	updates, ended := p.ctrl.Updates(), ctx.Done()
	const pause = 2 * time.Millisecond
	var again, ring <-chan time.Time
	var number int
	clock := time.NewTicker(runningTick)
	defer clock.Stop()
	var tick <-chan time.Time // only while the guest runs: an idle screen stands still
	if p.running {
		tick = clock.C
	}
	for {
		post := again != nil
		var n news
		select {
		case <-done:
			return
		case <-ended:
			ended, n.end = nil, true
		case v, ok := <-updates:
			if !ok {
				updates = nil
				continue
			}
			n.view = v
			if tick = nil; v.State == view.Running {
				clock.Reset(runningTick)
				tick = clock.C
			}
		case n.told = <-p.jobs.told:
		case n.out = <-p.jobs.wrote:
		case a := <-p.jobs.alarms:
			ring, number = time.After(a.after), a.number
			continue
		case <-ring:
			ring, n.ring = nil, number
		case <-again:
		case <-tick:
			post = p.mail.put(n) || post
		}
		if n != (news{}) {
			post = p.mail.put(n) || post
		}
		if again = nil; post && screen.PostEvent(tcell.NewEventKey(keyWake, 0, tcell.ModNone)) != nil {
			again = time.After(pause)
		}
	}
}
