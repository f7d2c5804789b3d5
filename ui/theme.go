package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/session/view"
)

// The terminal's own colours, not tview's white on black.
func init() {
	d := tcell.ColorDefault
	tview.Styles = tview.Theme{
		PrimitiveBackgroundColor: d, ContrastBackgroundColor: d, MoreContrastBackgroundColor: d,
		BorderColor: d, TitleColor: d, GraphicsColor: d, PrimaryTextColor: d, SecondaryTextColor: d,
		TertiaryTextColor: d, InverseTextColor: d, ContrastSecondaryTextColor: d,
	}
}

// theme holds styles; glyphs are written as Unicode everywhere and translated
// when drawn (see toASCII).
type theme struct {
	name         string
	ascii, color bool
	roomy        bool // for a room: air between the rows of a table, the selected one in a frame

	plain, bold, dim, reverse, head tcell.Style
	good, warn, bad                 tcell.Style
}

// colours are what a theme says about hue. Attributes are the same in every
// theme, and the terminal's own fore- and background stay.
type colours struct {
	name, help      string
	good, warn, bad tcell.Color
}

// themeTable lists the themes; the first one is the default.
var themeTable = []colours{
	// Of the terminal's first eight: its owner chose them to be readable.
	{"dark", "the terminal's own colours", tcell.ColorGreen, tcell.ColorOlive, tcell.ColorMaroon},
	{"light", "darker tones for a white background", tcell.NewHexColor(0x00651f), tcell.NewHexColor(0x7a5c00), tcell.NewHexColor(0xb00020)},
	// Of Okabe and Ito: sky blue, orange, vermillion.
	{"colour-blind", "told apart with any colour vision", tcell.NewHexColor(0x56b4e9), tcell.NewHexColor(0xe69f00), tcell.NewHexColor(0xd55e00)},
	{"mono", "no colours", tcell.ColorDefault, tcell.ColorDefault, tcell.ColorDefault},
}

// Themes are the names of the themes, the default first.
func Themes() []string {
	out := make([]string, len(themeTable))
	for i, c := range themeTable {
		out[i] = c.name
	}
	return out
}

func themeList() string { return strings.Join(Themes(), ", ") }

// themeNamed finds a theme, "" being the default; nil: there is none.
func themeNamed(name string) *colours {
	if name == "" {
		return &themeTable[0]
	}
	for i := range themeTable {
		if themeTable[i].name == name {
			return &themeTable[i]
		}
	}
	return nil
}

func unknownTheme(name string) error {
	return fmt.Errorf("no theme is called %q; there are %s", clean(name), themeList())
}

func newTheme(ascii, color bool, c *colours) *theme {
	p := tcell.StyleDefault
	t := &theme{name: c.name, ascii: ascii, color: color, plain: p, bold: p.Bold(true), dim: p.Dim(true),
		reverse: p.Reverse(true), head: p.Underline(true)}
	t.good, t.warn, t.bad = p, p.Bold(true), p.Bold(true).Reverse(true)
	if color {
		t.good = t.good.Foreground(c.good)
		t.warn = t.warn.Foreground(c.warn)
		t.bad = t.bad.Foreground(c.bad)
	}
	return t
}

// verdictInfo is how a verdict is told.
type verdictInfo struct {
	glyph string
	word  string
	style func(*theme) tcell.Style
}

var (
	badStyle  = func(t *theme) tcell.Style { return t.bad }
	warnStyle = func(t *theme) tcell.Style { return t.warn }
	goodStyle = func(t *theme) tcell.Style { return t.good }
	dimStyle  = func(t *theme) tcell.Style { return t.dim }
	underline = func(t *theme) tcell.Style { return t.warn.Underline(true) }
)

// verdictStyles are how verdicts look.
var verdictStyles = map[view.Verdict]func(*theme) tcell.Style{
	view.Ignored: badStyle, view.Killed: badStyle, view.Overwritten: badStyle,
	view.Partial: underline, view.NotRequested: underline,
	view.Unknown: warnStyle, view.Pending: dimStyle, view.Coincident: warnStyle, view.Applied: goodStyle,
}

// loud are the verdicts that are told in capitals.
var loud = []view.Verdict{view.Ignored, view.Killed, view.Overwritten}

// Ranks of threads without a verdict, after all that have one.
const (
	rankRestored = 10 + iota // another thread of the restored child
	rankOriginal             // counterpart in the checkpointed child
	rankOther
	rankDead
)

// verdictOf tells any verdict, also one that this package does not know.
func verdictOf(v view.Verdict) verdictInfo {
	style, known := verdictStyles[v]
	if !known {
		style = warnStyle
	}
	word := clean(string(v))
	if slices.Contains(loud, v) {
		word = strings.ToUpper(word)
	}
	return verdictInfo{v.Glyph(), word, style}
}

// text is "≠ IGNORED".
func (v verdictInfo) text() string { return v.glyph + " " + v.word }

// asciiGlyphs translates what the screen draws itself. Each entry keeps its
// meaning; lines and arrows keep their width.
var asciiGlyphs = strings.NewReplacer(
	"≠ IGNORED", "!= IGNORED", "! OVERWRITTEN", "!! OVERWRITTEN", "≈ coincident", "~= coincident",
	"≠", "!=", "≈", "~=", "…", "..", "✗", "X", "✓", "+", "▶", ">", "▸", ">", "●", "o", "○", ".",
	"━", "=", "─", "-", "┄", ".", "│", "|", "·", "-", "–", "-", "—", "-", "→", "->", "↑", "^", "↓", "v",
	"▼", "v", "▲", "^", "◆", "*", "←", "<-", "×", "x", "┌", "+", "┐", "+", "└", "+", "┘", "+", "’", "'", "“", `"`, "”", `"`, "▏", "_",
)

// draw prepares a string for the screen, or a file that is like it: what is not
// harmless, and glyphs that the terminal lacks, are replaced. All text passes it.
func (t *theme) draw(s string) string {
	s = clean(s)
	if !t.ascii || isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r > 126 {
			return '?'
		}
		return r
	}, asciiGlyphs.Replace(s))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 126 {
			return false
		}
	}
	return true
}
