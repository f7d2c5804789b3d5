package printable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"thaw/printable"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"plain [red]text", "plain [red]text"},
		{"\x1b[31mred\x07", "?[31mred?"},
		{"a\tb\nc\r", "a b?c?"},
		{"bad \xff utf", "bad ? utf"},
		{"c1 \u009b2J", "c1 ?2J"},
		{"del\x7f", "del?"},
		{"turn\u202eback\u2066 \u200f\u061c", "turn?back? ??"},
		{"no\u200bwidth\u2060\ufeff", "no?width??"},
		{"line\u2028and\u2029paragraph", "line?and?paragraph"},
		{"tag\U000e0041", "tag?"},
		{"no character \ufffe\U0001ffff", "no character ??"},
		{"schäfchen 羊 ✓", "schäfchen 羊 ✓"},
	} {
		if got := printable.Text(tt.in); got != tt.want {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"\x1b[0m[init] \x1b[34mblue\x1b[0m\r\n", "[init] blue"},
		{"\x1b]0;title\x07text", "text"},
		{"\x1b]8;;http://e.example\x1b\\link", "link"},
		{"\x1bcreset", "reset"},
		{"\x1b[2", "2"},
		{"over\rwritten", "overwritten"},
		{"a\tb", "a b"},
		{"bell\x07 \u009b2J \u202eback", "bell? ?2J ?back"},
		{"\x1b\x1b[2J", "[2J"},
	} {
		if got := printable.Line(tt.in); got != tt.want {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// JSON keeps every value, and shows nothing that a terminal obeys.
func TestJSON(t *testing.T) {
	for _, s := range []string{"plain 羊", "\x1b[2J\u009b2J\x7f", "\u202eback\u2028", "\U000e0041\U0001ffff", "\ufffd"} {
		raw, err := json.MarshalIndent(map[string]string{"a\u202e": s}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got := printable.JSON(raw)
		if strings.ContainsFunc(string(got), func(r rune) bool { return r != '\n' && r != '\t' && !printable.Rune(r) }) {
			t.Errorf("%q", got)
		}
		var back map[string]string
		if err := json.Unmarshal(got, &back); err != nil || back["a\u202e"] != s {
			t.Errorf("%q came back as %q: %v", s, back, err)
		}
	}
}

// Whatever comes in, nothing goes out that does more than draw.
func FuzzText(f *testing.F) {
	for _, s := range []string{"text", "\x1b[31mred", "\x1b]0;t\x07", "\u009b2J", "\xff\xfe", "\u202e", "\x1b\x1b]x\x1b", "a\tb\r\n", "\U000e0041\U0001ffff\u2028", "羊\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{"Text": printable.Text(s), "Line": printable.Line(s)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !printable.Rune(r) }) {
				t.Errorf("%s(%q) = %q", name, s, got)
			}
			if again := printable.Text(got); again != got {
				t.Errorf("%s(%q) = %q, and then %q", name, s, got, again)
			}
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		got := printable.JSON(raw)
		if err := json.Unmarshal(got, &back); err != nil || back != s && utf8.ValidString(s) || strings.ContainsFunc(string(got), func(r rune) bool { return !printable.Rune(r) }) {
			t.Errorf("JSON(%q) = %q: %v", s, got, err)
		}
	})
}
