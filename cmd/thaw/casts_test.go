package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thaw/cast"
	"thaw/session"
	"thaw/ui"
	"thaw/words"
	"thaw/workshop"
)

// How long frames of a filmed exercise stand.
const (
	castCard   = 5 * time.Second // what is asked
	castKey    = 1200 * time.Millisecond
	castAnswer = 6 * time.Second
)

// The films of exercises are made from the same keys as the hand-out, at both sizes,
// and are as the screen is today: make casts makes them anew.
func TestCasts(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "casts", "*"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for i, e := range workshop.Exercises() {
		if !e.Cast {
			continue
		}
		r, _, err := openReplay(t.Context(), e.Recording)
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range workshopSizes {
			file := filepath.Join("..", "..", "docs", "casts", fmt.Sprintf("%s-%dx%d.cast", e.Recording, size[0], size[1]))
			known[file] = true
			t.Run(filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				film := filmExercise(t, fmt.Sprintf("Exercise %d: %s", i+1, e.Title), e, size, r)
				if *update {
					if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, film, 0o644)); err != nil {
						t.Fatal(err)
					}
				}
				if old, err := os.ReadFile(file); err != nil || !bytes.Equal(old, film) {
					t.Errorf("%s is not what the screen shows (%v): make casts", file, err)
				}
			})
		}
	}
	for _, f := range files {
		if !known[f] {
			t.Errorf("%s is a film of no exercise", f)
		}
	}
}

// filmExercise films each question with its keys.
func filmExercise(t *testing.T, title string, e workshop.Exercise, size [2]int, r *session.Replay) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	card := func(paragraphs ...string) (out []string) {
		for _, p := range paragraphs {
			out = append(append(out, words.Wrap(strings.Join(strings.Fields(p), " "), size[0]*3/4)...), "")
		}
		return out
	}
	open := func(context.Context) ui.Controller {
		p, err := session.NewPlayer(r)
		must(err)
		return p
	}
	var out bytes.Buffer
	var film *cast.Film
	for _, q := range e.Questions {
		if len(q.Keys) == 0 {
			continue
		}
		screen, leave := atLastStop(t, size, ui.Options{Room: true}, open)
		if film == nil {
			var err error
			film, err = cast.NewFilm(&out, screen, "thaw: "+e.Recording, 2)
			must(err)
			must(film.Card(card(title, e.Symptom, "thaw replay "+e.Recording), castCard))
		}
		film.Turn(screen)
		must(film.Card(card(q.Ask), castCard))
		must(film.Frame(castKey))
		pressed := []string{":stop last", "Enter"}
		for i, k := range q.Keys {
			pressAll(screen, k)
			if pressed = append(pressed, k); strings.HasPrefix(k, "/") || strings.HasPrefix(k, ":") {
				pressed = append(pressed, "Enter")
			}
			pressed = pressed[max(len(pressed)-6, 0):]
			corner := words.Clip(" "+strings.Join(pressed, "  ")+" ", size[0]/2)
			if err := screen.Settle(workshopWait, func() bool { return strings.Contains(rowsOf(screen), corner) }); err != nil {
				t.Fatalf("%q is not shown: %v\n%s", pressed, err, rowsOf(screen))
			}
			stands := castKey
			if i == len(q.Keys)-1 {
				stands = castAnswer
			}
			must(film.Frame(stands))
		}
		leave()
	}
	must(film.End())
	return out.Bytes()
}
