package workshop

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thaw/scenarios"
)

var update = flag.Bool("update", false, "write the exercises into the hand-out")

const (
	handout = "../docs/workshop.md"
	from    = "<!-- From here on written by go test ./workshop -update. -->\n"
	to      = "<!-- To here. -->\n"
)

// The hand-out has the exercises as the robot presses them.
func TestHandout(t *testing.T) {
	text, err := os.ReadFile(handout)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), from)
	_, after, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("%s has no place for the exercises", handout)
	}
	want := before + from + "\n" + Markdown() + to + after
	if *update {
		if err := os.WriteFile(handout, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s has other exercises than the data: write them with go test ./workshop -update", handout)
	}
}

// An exercise is about a recording that comes with thaw, and each has a solution. Its
// number is the one that thaw list prints.
func TestExercises(t *testing.T) {
	text, err := os.ReadFile(handout)
	if err != nil {
		t.Fatal(err)
	}
	_, solutions, _ := strings.Cut(string(text), "\n# Solutions\n")
	for i, e := range Exercises() {
		r, err := scenarios.Entry(e.Recording)
		if err != nil {
			t.Error(err)
		}
		if r.Bug != i+1 {
			t.Errorf("%s is exercise %d and number %d of the list", e.Recording, i+1, r.Bug)
		}
		if !strings.Contains(solutions, "`"+e.Recording+"`") {
			t.Errorf("%s has no solution in the hand-out", e.Recording)
		}
		if live := strings.Contains(string(text), fmt.Sprintf("Exercises 2 to %d can be done on a guest that runs", len(Exercises()))) && i > 0; e.Lab != live {
			t.Errorf("%s runs live: %t, the hand-out says %t", e.Recording, e.Lab, live)
		}
		if e.Top == "" {
			t.Errorf("%s does not tell the top line", e.Recording)
		}
		if !slices.ContainsFunc(e.Questions, func(q Question) bool { return len(q.Keys) > 0 }) {
			t.Errorf("%s asks nothing that the screen answers", e.Recording)
		}
		for _, q := range e.Questions {
			if (len(q.Keys) > 0) != (len(q.Shows) > 0) || q.Ask == "" {
				t.Errorf("%s: %q has keys %q and shows %q", e.Recording, q.Ask, q.Keys, q.Shows)
			}
		}
	}
}

// What the hand-out has people and presenters type names recordings that there are.
func TestHandoutNames(t *testing.T) {
	text, err := os.ReadFile(handout)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?:thaw|\./run) (?:demo|replay|check|record|export|diff) (?:lab:)?([a-z][a-z0-9-]+)\b( ?[a-z-]+\b)?`).FindAllStringSubmatch(string(text), -1)
	if len(found) < 20 {
		t.Errorf("only %d commands", len(found))
	}
	for _, m := range found {
		if m[1] == "lab" || m[1] == "mine" { // the reader's own
			continue
		}
		if _, err := scenarios.Entry(m[1]); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
}
