package report

import (
	"fmt"
	"strings"
	"time"

	"thaw/printable"
	"thaw/session/view"
	"thaw/words"
)

// clean makes text of the guest harmless for every form.
var clean = printable.Text

// Short names for what every report needs.
var (
	count = words.Count
	clip  = words.Clip
)

// oneLine joins text of several lines.
func oneLine(s string) string { return clean(strings.Join(strings.Fields(s), " ")) }

// place is a code address as function+offset, without parameters: with them a
// C++ name fits no table.
func place(p view.Place) string {
	switch {
	case p.Function == "" && p.Component == "":
		return hex(p.Addr)
	case p.Function == "":
		return clean(p.String())
	case p.Offset == 0:
		return clean(p.FunctionName())
	}
	return clean(p.FunctionName()) + "+0x" + hex(p.Offset)
}

// seconds prints a time since the session's start.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }

// took prints what something cost, in three digits or so.
func took(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

// tail is the last n lines, and how many are before them.
func tail(lines []string, n int) (last []string, before int) {
	before = max(len(lines)-n, 0)
	return lines[before:], before
}

// breaks splits a C++ name or a path where a line may break: a browser would
// break it anywhere.
func breaks(s string) []string {
	var out []string
	start := 0
	for i := 1; i < len(s); i++ {
		behind := s[i-1] == '_' || s[i-1] == '/' || s[i-1] == ':' && s[i] != ':'
		if (behind || s[i] == '(' || s[i] == '+') && i > start {
			out = append(out, s[start:i])
			start = i
		}
	}
	return append(out, s[start:])
}
