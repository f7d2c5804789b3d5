package session

import (
	"errors"
	"fmt"
	"time"

	"thaw/words"
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
func (tr *traveller) say(text string) {
	if tr.says != nil {
		tr.says(text)
	}
}

// far says how much of the run before a position is looked through once it is from another
// one on, and how far that may have to go.
func (s *wordSearch) far(from, before uint64) string {
	first := from
	for _, sv := range s.saves {
		first = min(first, sv.position)
	}
	text := fmt.Sprintf("step %d: %s of %s instructions back", s.steps+1, words.Roughly(before-from), words.Roughly(before-first))
	if all := s.pace.estimate(before - first); all > 0 {
		text += fmt.Sprintf(", which take about %s", seconds(all))
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
