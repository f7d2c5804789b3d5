package ui

import (
	"sync"
	"time"
)

// jobs is what goes on beside the event loop: work that may wait for a file, and
// the wait for an alarm. What comes of it goes to the pump.
type jobs struct {
	wg     sync.WaitGroup
	told   chan string
	wrote  chan output   // by commands of the user's
	alarms chan alarm    // the newest one counts
	done   chan struct{} // the pump has ended
}

// alarm asks the pump to ring after a time.
type alarm struct {
	after  time.Duration
	number int
}

func newJobs(done chan struct{}) *jobs {
	return &jobs{told: make(chan string), wrote: make(chan output), alarms: make(chan alarm, 1), done: done}
}

// ring asks for an alarm, in the place of an earlier one.
func (j *jobs) ring(a alarm) {
	select {
	case <-j.alarms: // the pump has not fetched the last one
	default:
	}
	j.alarms <- a
}

func (j *jobs) start(work func() string) {
	j.wg.Go(func() {
		select {
		case j.told <- work():
		case <-j.done:
		}
	})
}

// startOutput is start for a command of the user's.
func (j *jobs) startOutput(work func() output) {
	j.wg.Go(func() {
		select {
		case j.wrote <- work():
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
