package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/cast"
	"thaw/scenarios"
	"thaw/session"
	"thaw/testwait"
	"thaw/ui"
	"thaw/workshop"
)

// The sizes at which every question has its answer on the screen.
var workshopSizes = [][2]int{{120, 40}, {80, 24}}

// workshopWait bounds the wait for what a screen has to show.
const workshopWait = 10 * time.Second

// A robot does the whole hand-out on the recordings.
func TestWorkshopRecorded(t *testing.T) {
	handout, err := os.ReadFile(filepath.Join("..", "..", "docs", "workshop.md"))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range workshop.Exercises() {
		t.Run(e.Recording, func(t *testing.T) {
			r, _, err := openReplay(t.Context(), e.Recording)
			if err != nil {
				t.Fatal(err)
			}
			said := doExercise(t, e, func(context.Context) ui.Controller {
				p, err := session.NewPlayer(r)
				if err != nil {
					t.Fatal(err)
				}
				return p
			})
			said = append(said, strings.Join(strings.Fields(thaw(t, "check", e.Recording).stdout), " "))
			for _, row := range workshop.Quoted(string(handout), i+1) {
				want := strings.TrimLeft(strings.TrimSuffix(strings.Join(strings.Fields(row), " "), "…"), "· ")
				if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
					t.Errorf("the solution quotes %q, which is nowhere shown", want)
				}
			}
		})
	}
}

// The closing exercise quotes all that the comparison says.
func TestWorkshopDiff(t *testing.T) {
	handout, err := os.ReadFile(filepath.Join("..", "..", "docs", "workshop.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, closing, _ := strings.Cut(string(handout), "\n# Solutions\n")
	_, closing, _ = strings.Cut(closing, "### Closing exercise")
	_, quoted, _ := strings.Cut(closing, "\n```\n")
	quoted, _, ok := strings.Cut(quoted, "```")
	r := thaw(t, "diff", "fixed", "overwritten")
	if _, said, _ := strings.Cut(r.stdout, "\n\n"); !ok || said != quoted || r.code != exitUnexpected {
		t.Errorf("exit code %d, said is\n%s\nquoted is\n%s", r.code, said, quoted)
	}
}

// doExercise asks all questions of an exercise, each of a new screen, and returns what
// the screens showed.
func doExercise(t *testing.T, e workshop.Exercise, open func(ctx context.Context) ui.Controller) (said []string) {
	for _, size := range workshopSizes {
		for _, q := range e.Questions {
			if len(q.Keys) == 0 {
				continue
			}
			screen, leave := atLastStop(t, size, ui.Options{}, open)
			if top, _, _ := strings.Cut(rowsOf(screen), "\n"); !strings.Contains(top, e.Top) {
				t.Errorf("%dx%d: the top line does not say %q: %q", size[0], size[1], e.Top, top)
			}
			for _, k := range q.Keys {
				pressAll(screen, k)
			}
			for _, want := range q.Shows {
				if err := screen.Settle(workshopWait, func() bool { return strings.Contains(screenText(screen), want) }); err != nil {
					t.Errorf("%dx%d %q: %s does not show %q:\n%s", size[0], size[1], q.Ask, q.Keys, want, rowsOf(screen))
				}
			}
			said = append(said, screenText(screen))
			leave()
		}
	}
	return said
}

// atLastStop opens a screen that shows the last stop.
func atLastStop(t *testing.T, size [2]int, o ui.Options, open func(ctx context.Context) ui.Controller) (screen *cast.Screen, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	screen, err := cast.NewScreen(size[0], size[1])
	if err != nil {
		t.Fatal(err)
	}
	o.Screen, o.NoGreeting = screen, true
	ended := make(chan error, 1)
	go func() { ended <- ui.Run(ctx, open(ctx), o) }()
	pressAll(screen, ":stop last")
	if err := screen.Settle(workshopWait, func() bool { return atLast(screenText(screen)) }); err != nil {
		t.Fatalf("the last stop is not shown: %v\n%s", err, rowsOf(screen))
	}
	return screen, func() {
		cancel()
		testwait.For(t, ended, "the screen to end")
	}
}

// stopOf is how the status line tells which stop is shown.
var stopOf = regexp.MustCompile(`stop (\d+) of (\d+)`)

// atLast says whether the last stop is shown.
func atLast(text string) bool {
	m := stopOf.FindStringSubmatch(text)
	return m != nil && m[1] == m[2]
}

// pressAll presses a key of the hand-out, or types what begins with : or /.
func pressAll(s *cast.Screen, key string) {
	if len(key) > 1 && strings.ContainsAny(key[:1], ":/") {
		for _, c := range key {
			s.InjectKey(tcell.KeyRune, c, tcell.ModNone)
		}
		key = "Enter"
	}
	for k, name := range tcell.KeyNames {
		if name == key {
			s.InjectKey(k, 0, tcell.ModNone)
			return
		}
	}
	s.InjectKey(tcell.KeyRune, []rune(key)[0], tcell.ModNone)
}

// rowsOf is what stands on the screen.
func rowsOf(s *cast.Screen) string {
	cells, w, h := s.GetContents()
	var b strings.Builder
	for y := range h {
		for _, c := range cells[y*w : (y+1)*w] {
			if len(c.Runes) > 0 {
				b.WriteString(string(c.Runes))
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// screenText is the screen's text as one line, without frames.
func screenText(s *cast.Screen) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(rowsOf(s), "│", " ")), " ")
}

// The same on running lab guests: what the hand-out says holds there, too.
func TestWorkshopLive(t *testing.T) {
	for _, e := range workshop.Exercises() {
		if !e.Lab {
			continue
		}
		t.Run(e.Recording, func(t *testing.T) {
			o := options{scenario: scenarios.Default, guest: filepath.Join("..", "..", "guest", "build")}
			s, err := o.loadScenario(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			op, _, err := o.openWhat(t.Context(), s, subject{kind: subjectLab, bug: e.Recording})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := op.close(context.WithoutCancel(t.Context())); err != nil {
					t.Error(err)
				}
			}()
			if err := begin(t.Context(), op.engine); err != nil {
				t.Fatal(err)
			}
			known, err := scenarios.Entry(e.Recording)
			if err != nil {
				t.Fatal(err)
			}
			if err := runOn(t.Context(), op.engine, untilSaid(op.engine, known.Log), nil); err != nil {
				t.Fatal(err)
			}
			doExercise(t, e, func(ctx context.Context) ui.Controller { return session.NewController(ctx, op.engine) })
		})
	}
}
