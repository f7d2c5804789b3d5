// Package printable makes text of a guest, of a stub or of somebody's recording
// harmless for what it is shown on: terminals, HTML, Markdown, XML, casts.
//
// It knows what characters do. It must not know where text comes from; what has
// an escaping of its own (HTML, Markdown, tview's tags) does that besides.
package printable

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is s with '?' for every character that Rune refuses and every byte that
// is no UTF-8, and a space for a tab. Line ends are refused, too.
func Text(s string) string {
	if strings.IndexFunc(s, refused) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !Rune(r):
			return '?'
		}
		return r
	}, s)
}

func refused(r rune) bool { return !Rune(r) }

// Rune says whether a character only draws something. Refused are control
// characters (of C1, too, with which a terminal's sequences can begin), those
// that format (among them all that turn the writing direction, and those of no
// width), separators of lines and paragraphs, what is no character, and
// utf8.RuneError, which stands for bytes that are no UTF-8.
func Rune(r rune) bool {
	if r < 0x7f {
		return r >= ' ' // most text, and it is drawn often
	}
	const noCharacter = 0xfffe // and ffff, in every plane; XML allows none of them
	return r != utf8.RuneError && r&noCharacter != noCharacter && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) &&
		!unicode.Is(unicode.Zl, r) && !unicode.Is(unicode.Zp, r)
}

// sequences are those of terminals: CSI, OSC, and the ones of two characters.
var sequences = regexp.MustCompile("\x1b(\\[[0-9;:?<=>]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)?|.)")

// Line is Text of a line that was written for a terminal: sequences that colour
// it, and the end of the line, leave no trace.
func Line(s string) string {
	if strings.ContainsRune(s, 0x1b) {
		s = sequences.ReplaceAllString(s, "")
	}
	return Text(strings.ReplaceAll(strings.TrimRight(s, "\r\n"), "\r", ""))
}

// JSON escapes in encoded JSON the characters that Rune refuses, which its
// encoder leaves as they are above U+007E: the values stay the same. Line ends
// and tabs between the values stay.
func JSON(encoded []byte) []byte {
	if bytes.IndexFunc(encoded, refusedInJSON) < 0 {
		return encoded
	}
	out := make([]byte, 0, len(encoded)+64)
	for len(encoded) > 0 {
		r, n := utf8.DecodeRune(encoded)
		switch {
		case !refusedInJSON(r) || r == utf8.RuneError && n == 1:
			out = append(out, encoded[:n]...)
		case r > 0xffff:
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		encoded = encoded[n:]
	}
	return out
}

func refusedInJSON(r rune) bool { return r > '~' && !Rune(r) }
