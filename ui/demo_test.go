package ui

import (
	"flag"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
)

// demo shows what robots do, slowly enough for people:
//
//	go test ./ui -run 'TestSession$' -demo
var demo = flag.Bool("demo", false, "show robot tests on this terminal, slowly")

// demoPause is how long a key of a robot stands.
const demoPause = 900 * time.Millisecond

// stage is the terminal that robots are shown on.
var stage struct {
	mu     sync.Mutex
	screen tcell.Screen // nil: no robot is shown
}

// openStage shows robots on the terminal until the test ends.
func openStage(t *testing.T) {
	t.Helper()
	tty, err := tcell.NewDevTty()
	if err != nil {
		t.Fatalf("-demo needs a terminal: %v", err)
	}
	screen, err := tcell.NewTerminfoScreenFromTty(tty)
	if err != nil {
		t.Fatalf("-demo needs a terminal: %v", err)
	}
	if err := screen.Init(); err != nil {
		t.Fatalf("-demo needs a terminal: %v", err)
	}
	stage.mu.Lock()
	defer stage.mu.Unlock()
	stage.screen = screen
	t.Cleanup(func() {
		stage.mu.Lock()
		defer stage.mu.Unlock()
		stage.screen = nil
		screen.Fini()
	})
}

// showOn copies a simulated screen to the stage.
func showOn(s tcell.SimulationScreen) {
	stage.mu.Lock()
	defer stage.mu.Unlock()
	if stage.screen == nil {
		return
	}
	cells, w, _ := s.GetContents()
	for i, c := range cells {
		if len(c.Runes) > 0 {
			stage.screen.SetContent(i%w, i/w, c.Runes[0], c.Runes[1:], c.Style)
		}
	}
	if x, y, shown := s.GetCursor(); shown {
		stage.screen.ShowCursor(x, y)
	} else {
		stage.screen.HideCursor()
	}
	stage.screen.Show()
}

// caption tells below the simulated screen which key is pressed, and waits.
func caption(t *testing.T, key string, row int) {
	t.Helper()
	stage.mu.Lock()
	text := t.Name() + "   presses  " + key
	for x := range 80 {
		r := ' '
		if x < len(text) {
			r = rune(text[x])
		}
		stage.screen.SetContent(x, row, r, nil, tcell.StyleDefault.Reverse(true))
	}
	stage.screen.Show()
	stage.mu.Unlock()
	time.Sleep(demoPause) // for the eyes of who watches
}
