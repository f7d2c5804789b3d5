// Package workshop holds the exercises of the hand-out as data: what is asked, which
// keys lead to the answer, and what the screen shows then. A robot presses the keys
// at two sizes, on the recording and on a running lab guest, and docs/workshop.md is
// written from the same data.
//
// It knows keys and words. It knows no screen and no target.
package workshop

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed exercises.yaml
var exercises []byte

// Exercise is a restore bug to be found with thaw.
type Exercise struct {
	Recording string `yaml:"recording"` // that comes with thaw
	Title     string `yaml:"title"`
	Symptom   string `yaml:"symptom"` // what the user saw who reported it, "" nothing more
	Lab       bool   `yaml:"lab"`     // the lab guest has the bug under the same name
	Cast      bool   `yaml:"cast"`    // it is filmed: docs/casts
	Top       string `yaml:"top"`     // what the top line says at the last stop, at any size
	Questions []Question
}

// Question is asked of the participant.
type Question struct {
	Ask string `yaml:"ask"`
	// Keys lead to the answer from the last stop as it is first shown. ":words" and
	// "/words" are typed and end with Enter.
	Keys []string `yaml:"keys"`
	// Shows is what the screen says then, with each run of blanks, and each end of a
	// row, as one blank.
	Shows []string `yaml:"shows"`
}

// Exercises are all exercises, in order.
var Exercises = sync.OnceValue(func() []Exercise {
	var out []Exercise
	if err := yaml.UnmarshalWithOptions(exercises, &out, yaml.Strict()); err != nil {
		panic(err) // it is embedded, and a test reads it
	}
	return out
})

// Symptom is what the user saw of a recorded bug, "" if there is no exercise about it.
func Symptom(recording string) string {
	for _, e := range Exercises() {
		if e.Recording == recording {
			return e.Symptom
		}
	}
	return ""
}

// Quoted are the rows that the solution of an exercise, by its number, quotes from the
// screen or from thaw check, in the text of the hand-out.
func Quoted(handout string, exercise int) []string {
	_, solutions, _ := strings.Cut(handout, "\n# Solutions\n")
	_, text, _ := strings.Cut(solutions, fmt.Sprintf("\n### %d. ", exercise))
	text, _, _ = strings.Cut(text, "\n### ")
	var out []string
	for i, block := range strings.Split(text, "\n```") {
		if i%2 == 1 {
			out = append(out, strings.Split(strings.TrimSpace(block), "\n")...)
		}
	}
	return out
}

// Markdown is the exercises as the hand-out has them.
func Markdown() string {
	var b strings.Builder
	for i, e := range Exercises() {
		fmt.Fprintf(&b, "### %d. %s\n\n", i+1, e.Title)
		if e.Symptom != "" {
			fmt.Fprintf(&b, "Symptom: %q\n\n", strings.Join(strings.Fields(e.Symptom), " "))
		}
		fmt.Fprintf(&b, "    thaw replay %s\n\n", e.Recording)
		for _, q := range e.Questions {
			fmt.Fprintf(&b, "- %s%s\n", strings.Join(strings.Fields(q.Ask), " "), keysOf(q.Keys))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// keysOf are keys as they stand behind a question.
func keysOf(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = "`" + k + "`"
	}
	return " (" + strings.Join(out, ", ") + ")"
}
