package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"thaw/session/target"
)

// pace is how fast a recorded run was run again so far.
type pace struct {
	instructions uint64
	took         time.Duration
}

// estimate is how long so many instructions take, 0 if that is not known.
func (p *pace) estimate(instructions uint64) time.Duration {
	const enough = 500_000 // instructions, below which starting and stopping is most of it
	if p.instructions < enough {
		return 0
	}
	return time.Duration(float64(p.took) / float64(p.instructions) * float64(instructions))
}

// Progress has f told, from the engine's goroutine, how far a search in a recorded run is.
func (tr *traveller) Progress(f func(text string)) { tr.says = f }

// say tells how far a search is.
func (tr *traveller) say(format string, args ...any) {
	if tr.says != nil {
		tr.says(fmt.Sprintf(format, args...))
	}
}

// instructions are a number of them in words.
func instructions(n uint64) string {
	if n < 1000 {
		return fmt.Sprintf("%d instructions", n)
	}
	return humanize.SIWithDigits(float64(n), 1, "") + " instructions"
}

// cost says how far a search from a position may have to go, and in what parts.
func (s *wordSearch) cost(before uint64) string {
	first, parts := before, 0
	for _, sv := range s.saves {
		if sv.position < before {
			first, parts = min(first, sv.position), parts+1
		}
	}
	near := first
	if sv := s.saveBefore(before - 1); sv != nil {
		near = sv.position
	}
	text := fmt.Sprintf("who wrote it: %s to the VM snapshot before, %s in all", instructions(before-near), instructions(before-first))
	if all := s.pace.estimate(before - first); all > 0 {
		text += fmt.Sprintf(" (about %s to %s)", seconds(s.pace.estimate(before-near)), seconds(all))
	}
	return text
}

// seconds are a time, roughly.
func seconds(d time.Duration) string {
	if d < time.Second {
		return "1 s"
	}
	return d.Round(time.Second).String()
}

// errGivenUp says that the user did not want to wait any longer.
var errGivenUp = errors.New("given up")

// runPart is the most instructions that a search has the guest execute without a look at
// whether the user wants it to end.
const runPart = 10_000_000

// runTowards runs to a position, or to the first watchpoint on the way.
func (s *wordSearch) runTowards(ctx context.Context, to uint64) (stop target.Stop, err error) {
	for {
		part := min(to, s.at+runPart)
		begun, from := time.Now(), s.at
		if stop, err = s.r.RunTowards(ctx, part); err != nil {
			return stop, err
		}
		if s.at, err = s.r.Position(ctx); err != nil {
			return stop, err
		}
		s.pace.instructions += s.at - min(from, s.at)
		s.pace.took += time.Since(begun)
		switch {
		case stop.Ended, stop.Watch, s.at >= to, s.at != part:
			return stop, nil
		case s.drive.Asked.Load():
			return stop, errGivenUp
		}
		s.say("who wrote it: step %d, at instruction %s of %s", s.steps+1, humanize.Comma(int64(s.at)), humanize.Comma(int64(to)))
	}
}
