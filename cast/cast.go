// Package cast films a terminal program that draws on a tcell screen, as an
// asciicast (versions 2 and 3, https://docs.asciinema.org/manual/asciicast/).
//
// It knows screens, cells and the file format. It must not know what is shown.
package cast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/printable"
	"thaw/words"
)

// Screen is a screen in memory that can be filmed.
type Screen struct {
	tcell.SimulationScreen

	mu    sync.Mutex
	shows int
}

// NewScreen makes a screen of a size in columns and rows.
func NewScreen(columns, rows int) (*Screen, error) {
	s := &Screen{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	if err := s.SimulationScreen.Init(); err != nil {
		return nil, fmt.Errorf("making a screen in memory: %w", err)
	}
	s.SimulationScreen.SetSize(columns, rows)
	return s, nil
}

// Init is done already.
func (s *Screen) Init() error { return nil }

// Show counts what is drawn.
func (s *Screen) Show() {
	s.SimulationScreen.Show()
	s.mu.Lock()
	s.shows++
	s.mu.Unlock()
}

// Shows counts the drawn frames.
func (s *Screen) Shows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shows
}

// Film is an asciicast under way.
type Film struct {
	w      io.Writer
	screen *Screen
	last   []string // rows as they were filmed last
	at     time.Duration
	told   time.Duration // at of the last event, where events tell the time since the one before
	since  bool
	err    error
}

// header is an asciicast's first line. Version 2 has width and height, version 3 term.
type header struct {
	Version   int               `json:"version"`
	Width     int               `json:"width,omitempty"`
	Height    int               `json:"height,omitempty"`
	Term      *term             `json:"term,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	IdleLimit float64           `json:"idle_time_limit,omitempty"`
}

// term is the terminal's size in version 3.
type term struct {
	Columns int    `json:"cols"`
	Rows    int    `json:"rows"`
	Type    string `json:"type"`
}

// NewFilm writes the beginning of a film in version 2 or 3 of the format.
func NewFilm(w io.Writer, s *Screen, title string, version int) (*Film, error) {
	columns, rows := s.Size()
	const terminal = "xterm-256color"
	head := header{Version: version, Title: title}
	if version == 2 {
		head.Width, head.Height, head.Env = columns, rows, map[string]string{"TERM": terminal}
	} else {
		head.Term = &term{columns, rows, terminal}
	}
	h, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("beginning the film: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s\n", h); err != nil {
		return nil, fmt.Errorf("beginning the film: %w", err)
	}
	return &Film{w: w, screen: s, last: make([]string, rows), since: version > 2}, nil
}

// Turn goes on with another screen of the same size.
func (f *Film) Turn(s *Screen) { f.screen = s }

// Frame films the screen as it stands, and lets it stand for a while.
func (f *Film) Frame(stands time.Duration) error { return f.film(f.screen.rows(), stands) }

// Card films lines in the middle of an empty screen: what comes next. Players show it
// as a mark in the film, too.
func (f *Film) Card(lines []string, stands time.Duration) error {
	columns, rows := f.screen.Size()
	out := make([]string, rows)
	for i, l := range lines {
		if y := (rows-len(lines))/2 + i; y >= 0 && y < rows {
			out[y] = strings.Repeat(" ", max(columns-words.Width(l), 0)/2) + printable.Text(l)
		}
	}
	f.event("m", strings.Join(lines, " "))
	return f.film(out, stands)
}

func (f *Film) film(rows []string, stands time.Duration) error {
	var b strings.Builder
	for y, row := range rows {
		if y < len(f.last) && f.last[y] == row {
			continue
		}
		fmt.Fprintf(&b, "\x1b[%d;1H%s\x1b[0m\x1b[K", y+1, row)
	}
	if f.at == 0 {
		f.event("o", "\x1b[?25l\x1b[2J"+b.String())
	} else if b.Len() > 0 {
		f.event("o", b.String())
	}
	f.last = rows
	f.at += stands
	return f.err
}

// End films the last frame's end.
func (f *Film) End() error {
	f.event("o", "\x1b[0m")
	return f.err
}

// event writes output, or a mark, at the film's time.
func (f *Film) event(kind, out string) {
	if f.err != nil {
		return
	}
	at := f.at
	if f.since {
		at, f.told = f.at-f.told, f.at
	}
	line, err := json.Marshal([]any{at.Seconds(), kind, out})
	if err == nil {
		_, err = fmt.Fprintf(f.w, "%s\n", line)
	}
	f.err = err
}

// rows are the screen's rows with their colours and attributes as SGR
// sequences.
func (s *Screen) rows() []string {
	cells, columns, height := s.GetContents()
	out := make([]string, 0, height)
	for y := range height {
		var b strings.Builder
		style := ""
		for x := range columns {
			c := cells[y*columns+x]
			if sgr := sgrOf(c.Style); sgr != style {
				style = sgr
				b.WriteString("\x1b[" + sgr + "m")
			}
			text := string(c.Runes)
			if text == "" || text == "\x00" {
				text = " "
			}
			b.WriteString(text)
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}

// sgrAttributes are the parameters of "select graphic rendition".
var sgrAttributes = []struct {
	attr tcell.AttrMask
	sgr  string
}{{tcell.AttrBold, ";1"}, {tcell.AttrDim, ";2"}, {tcell.AttrItalic, ";3"}, {tcell.AttrUnderline, ";4"}, {tcell.AttrBlink, ";5"}, {tcell.AttrReverse, ";7"}}

// sgrOf is a style as parameters of SGR, from a reset on.
func sgrOf(style tcell.Style) string {
	fg, bg, attrs := style.Decompose()
	var b strings.Builder
	b.WriteString("0")
	for _, a := range sgrAttributes {
		if attrs&a.attr != 0 {
			b.WriteString(a.sgr)
		}
	}
	for _, c := range []struct {
		color tcell.Color
		sgr   string
	}{{fg, "38"}, {bg, "48"}} {
		if c.color == tcell.ColorDefault || !c.color.Valid() {
			continue
		}
		r, g, bl := c.color.RGB()
		fmt.Fprintf(&b, ";%s;2;%d;%d;%d", c.sgr, r, g, bl)
	}
	return b.String()
}

// ErrStill is for a screen that does not come to show what it was asked for.
var ErrStill = errors.New("the screen does not change")

// Settle waits until ok holds and the screen has stood still since, or for
// within.
func (s *Screen) Settle(within time.Duration, ok func() bool) error {
	const still = 30 * time.Millisecond
	end := time.Now().Add(within)
	shows, since := s.Shows(), time.Now()
	for time.Now().Before(end) {
		time.Sleep(still / 6)
		if n := s.Shows(); n != shows {
			shows, since = n, time.Now()
		}
		if ok() && time.Since(since) >= still {
			return nil
		}
	}
	return ErrStill
}
