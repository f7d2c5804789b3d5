package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Markdown text. Whatever comes from the guest stands in code spans, or is plain
// words: code spans need no backslashes, which would be in the way of a reader
// on a mailing list, and GitHub makes no mention, link or image of what stands
// in them.

// code puts s into a code span, whatever backticks it holds.
func code(s string) string {
	s = clean(s)
	if strings.TrimSpace(s) == "" {
		return "—"
	}
	fence := strings.Repeat("`", longestRun(s)+1)
	if s[0] == '`' || s[len(s)-1] == '`' {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// longestRun is the length of the longest run of backticks.
func longestRun(s string) int {
	most, n := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			n = 0
			continue
		}
		n++
		most = max(most, n)
	}
	return most
}

// prose sets the words of a sentence that Markdown could take for markup in
// code spans: functions, addresses, paths.
func prose(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = proseWord(clean(w))
	}
	return strings.Join(words, " ")
}

// proseWord keeps punctuation around a word out of its code span. A closing
// parenthesis stays inside if the word opens it.
func proseWord(w string) string {
	if harmless(w) {
		return w
	}
	head, tail := "", ""
	for strings.HasPrefix(w, "(") {
		head, w = head+"(", w[1:]
	}
	for w != "" {
		last := w[len(w)-1]
		if !strings.ContainsRune(",.;:)", rune(last)) || last == ')' && strings.Count(w, "(") >= strings.Count(w, ")") {
			break
		}
		w, tail = w[:len(w)-1], string(last)+tail
	}
	if harmless(w) {
		return head + w + tail
	}
	return head + code(w) + tail
}

// plainSigns may stand in a sentence; Markdown gives them no meaning there.
const plainSigns = `,.;:()/'"?!=+%-→·…≠≈×–—▸`

func harmless(w string) bool {
	if strings.Contains(w, "://") || strings.HasPrefix(strings.ToLower(w), "www.") {
		return false // would become a link
	}
	for i, r := range w {
		switch {
		case r < utf8.RuneSelf && unicode.IsDigit(r) && i == 0 && strings.HasPrefix(w, "0x"):
			return false // an address
		case unicode.IsLetter(r), unicode.IsDigit(r), strings.ContainsRune(plainSigns, r):
		default:
			return false
		}
	}
	return !strings.Contains(w, "::")
}

// fenced puts lines into a code block that none of them can close.
func fenced(lines []string, width int) []string {
	n := 2
	for _, l := range lines {
		n = max(n, longestRun(l))
	}
	fence := strings.Repeat("`", n+1)
	out := []string{fence + "text"}
	for _, l := range lines {
		out = append(out, clip(clean(l), width))
	}
	return append(out, fence)
}

// mdTable is a table whose columns are aligned in the source too: a mailing
// list shows the source.
type mdTable struct {
	rows [][]string
}

func (t *mdTable) add(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = strings.ReplaceAll(c, "|", `\|`) // in code spans, too, by GitHub's rules
	}
	t.rows = append(t.rows, row)
}

// widest is the column width up to which cells are padded.
const widest = 48

// lines prints the table; the first row is its head.
func (t *mdTable) lines() []string {
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = min(max(widths[i], utf8.RuneCountInString(c), 3), widest)
		}
	}
	line := func(row []string, fill string) string {
		var b strings.Builder
		for i, c := range row {
			b.WriteString("| " + c)
			if i < len(row)-1 || fill == "-" { // nothing stands behind the last column
				b.WriteString(strings.Repeat(fill, max(widths[i]-utf8.RuneCountInString(c), 0)))
			}
			b.WriteByte(' ')
		}
		return b.String() + "|"
	}
	rule := make([]string, len(widths))
	widths[len(widths)-1] = 3
	out := []string{line(t.rows[0], " "), line(rule, "-")}
	for _, row := range t.rows[1:] {
		out = append(out, line(row, " "))
	}
	return out
}
