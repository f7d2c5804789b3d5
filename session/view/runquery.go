package view

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"thaw/words"
)

// RunQuestion asks for the value of an expression at every kernel entry in a part of a
// recorded run.
type RunQuestion struct {
	Expr     string // see package query
	From, To int    // stops of the history between which is looked, 0: from the first, to the last in the run
}

// between is the stops that a question to a run begins with, "12-34 " or "12- ".
var between = regexp.MustCompile(`^(\d+)-(\d*)\s+`)

// ParseRunQuestion reads a question, which may begin with the stops between which is looked.
func ParseRunQuestion(text string) RunQuestion {
	ask := RunQuestion{Expr: strings.TrimSpace(text)}
	if m := between.FindStringSubmatch(ask.Expr); m != nil {
		ask.From, _ = strconv.Atoi(m[1])
		ask.To, _ = strconv.Atoi(m[2]) // "" is the last one
		ask.Expr = ask.Expr[len(m[0]):]
	}
	return ask
}

// RunAnswer tells where in a part of a recorded run an expression had which value.
type RunAnswer struct {
	Expr    string       `json:"expr"`
	From    uint64       `json:"from"`            // position of the first look, in instructions
	To      uint64       `json:"to"`              // of the last one
	Entries int          `json:"entries"`         // into the kernel, in between
	Ended   string       `json:"ended,omitempty"` // before it was to: why
	Changes []PeekChange `json:"changes"`         // the first one is what it was at the first look
}

// Summary is the answer in a sentence.
func (a *RunAnswer) Summary() string {
	text := fmt.Sprintf("%s at %s of %s instructions", words.Count(len(a.Changes)-1, "change"), words.Count(a.Entries, "kernel entry"), words.Roughly(a.To-a.From))
	if a.Ended != "" {
		text += "; " + a.Ended
	}
	return text
}

// PeekChange is where in a recorded run an expression was first seen to have another value.
// It became that between two looks: behind After, at which it still had the old one, and not
// behind Position.
type PeekChange struct {
	Position uint64 `json:"position"`         // in instructions
	After    uint64 `json:"after,omitempty"`  // 0: this is the first look
	Entry    string `json:"entry,omitempty"`  // where the kernel was entered, at After
	Thread   string `json:"thread,omitempty"` // that ran there; where another one ran at Position, that too
	Old      string `json:"old,omitempty"`
	New      string `json:"new"`
	Unknown  bool   `json:"unknown,omitempty"` // it has no value, and New says why
}
