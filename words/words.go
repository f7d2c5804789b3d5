// Package words puts things into sentences and lines for people: counts, and
// text that is broken to a width in columns of a terminal.
//
// It knows nothing about thaw.
package words

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"
)

// Count is "1 thread", "2 threads": n of what, whose plural is regular.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	switch {
	case strings.HasSuffix(what, "ch"):
		what += "es"
	case strings.HasSuffix(what, "y"):
		what = strings.TrimSuffix(what, "y") + "ies"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Roughly is a large number in short: "539", "406.4 k".
func Roughly(n uint64) string {
	return strings.TrimSpace(humanize.SIWithDigits(float64(n), 1, "")) // without a prefix it ends with a space
}

// Differ is "1 byte differs", "2 bytes differ".
func Differ(n int, what string) string {
	if n == 1 {
		return Count(n, what) + " differs"
	}
	return Count(n, what) + " differ"
}

// A is a name with its article: "a Gate", "an IRQ".
func A(name string) string {
	if name != "" && strings.ContainsRune("AEIOUaeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// Width is the number of columns that s takes.
func Width(s string) int {
	for i := range len(s) {
		if s[i] > 126 {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// Wrap breaks s at spaces into rows of at most w columns; a longer word is
// broken behind a sign in its second half, or where the row ends. Without any
// columns there are no rows.
func Wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	if Width(s) <= w {
		return []string{s}
	}
	var rows []string
	row := ""
	for word := range strings.SplitSeq(s, " ") {
		if row != "" && Width(row)+1+Width(word) <= w {
			row += " " + word
			continue
		}
		if row != "" {
			rows = append(rows, row)
		}
		for row = word; Width(row) > w; {
			head, rest := cut(row, w)
			if n := signEnd(row, len(head)); n > len(head)/2 {
				head, rest = row[:n], row[n:]
			}
			rows = append(rows, head)
			row = rest
		}
	}
	return append(rows, row)
}

// signEnd is the end of the last sign in s[:n] at which s can be broken, 0 if there is
// none: of the same sign twice (Genode::Thread), both stay in one row.
func signEnd(s string, n int) int {
	for {
		n = strings.LastIndexAny(s[:n], "_:/.,-") + 1
		if n == 0 || n == len(s) || s[n] != s[n-1] {
			return n
		}
		n--
	}
}

// cut splits s after at most w columns, but never before the first character.
func cut(s string, w int) (head, rest string) {
	used, end := 0, 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used += g.Width(); used > w && end > 0 {
			break
		}
		_, end = g.Positions()
	}
	return s[:end], s[end:]
}

// Clip cuts s to w columns; the last one then holds "…".
func Clip(s string, w int) string {
	if Width(s) <= w {
		return s
	}
	if w <= 0 {
		return ""
	}
	used, end := 0, 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used += g.Width(); used > w-1 {
			break
		}
		_, end = g.Positions()
	}
	return s[:end] + "…"
}
