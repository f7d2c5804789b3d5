package ui

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gdamore/tcell/v2"
	_ "github.com/gdamore/tcell/v2/encoding" // terminals' character sets other than UTF-8
)

// openScreen opens the screen that the options name, else the terminal.
func openScreen(o Options) (tcell.Screen, error) {
	const plain = "use `thaw check` or `thaw snapshot` for a plain report"
	screen := o.Screen
	if screen == nil {
		// In the terminal's own character set; of one that is not known, ASCII will do.
		tcell.SetEncodingFallback(tcell.EncodingFallbackASCII)
		term := os.Getenv("TERM")
		if term == "" || term == "dumb" {
			return nil, fmt.Errorf("the terminal (TERM=%q) cannot show a screen: %s", term, plain)
		}
		var err error
		if screen, err = tcell.NewScreen(); err != nil {
			return nil, fmt.Errorf("no terminal is known by TERM=%q: set it to what yours is, such as xterm-256color, or %s (%w)", term, plain, err)
		}
	}
	if err := screen.Init(); err != nil {
		return nil, fmt.Errorf("setting up the terminal: %w; %s", err, plain)
	}
	return screen, nil
}

// opened is a screen that was initialised before: tview initialises again and
// drops the error.
type opened struct{ tcell.Screen }

func (opened) Init() error { return nil }

// UTF8Locale says whether the environment asks for UTF-8, as the screen sees it.
func UTF8Locale() bool {
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"))
	locale, _, _ = strings.Cut(locale, "@")
	_, charset, given := strings.Cut(locale, ".")
	return given && isUTF8(charset) || !given && locale != "C" && locale != "POSIX"
}

// isUTF8 says whether a character set is UTF-8, in any of the ways that it is
// written: glibc's own list has C.utf8.
func isUTF8(charset string) bool {
	return strings.ReplaceAll(strings.ToLower(charset), "-", "") == "utf8"
}

// stopOurselves stops the processes of our job, as Ctrl-Z does where no program
// takes the keys, and returns when they go on. Where nobody could let them go on
// they are not stopped.
func stopOurselves() {
	const untilStopped = time.Second
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return
	}
	select {
	case <-goesOn:
	case <-time.After(untilStopped):
	}
}
