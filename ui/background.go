package ui

import (
	"sync"
	"time"
)

// background does file work away from the event loop: what it tells comes back
// as an answer to the last key.
func (u *ui) background(work func() string) {
	if u.jobs == nil { // no event loop
		if told := work(); told != "" {
			u.note = told
		}
		return
	}
	u.jobs.start(work)
}

// jobs runs work that may wait for a file.
type jobs struct {
	wg   sync.WaitGroup
	told chan string   // to the pump
	done chan struct{} // the pump has ended
}

func newJobs(done chan struct{}) *jobs { return &jobs{told: make(chan string), done: done} }

func (j *jobs) start(work func() string) {
	j.wg.Go(func() {
		select {
		case j.told <- work():
		case <-j.done:
		}
	})
}

// finish waits for work that was begun, but not for a file system that does not
// answer.
func (j *jobs) finish(patience time.Duration) {
	all := make(chan struct{})
	go func() {
		j.wg.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-time.After(patience):
	}
}
