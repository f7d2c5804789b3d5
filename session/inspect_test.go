package session

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/session/view"
)

// Source files are found in directories that the user names, and nowhere above
// them.
func TestOpenSource(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "src")
	if err := os.MkdirAll(filepath.Join(in, "base"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(in, "base", "a.cc"), filepath.Join(dir, "secret.cc")} {
		if err := os.WriteFile(name, []byte("one\ntwo\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"/build/repos/base/a.cc": true, "base/a.cc": true, "a.cc": false, "../secret.cc": false, "/x/../secret.cc": false} {
		f, err := openSource(name, []string{in})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			f.Close()
		}
	}
	lines := sourceLines(view.Place{File: "/build/base/a.cc", Line: 2}, []string{in})
	if got := strings.Join(lines, "\n"); !strings.Contains(got, "▸     2  two") {
		t.Errorf("lines: %q", got)
	}
}

func TestBracketed(t *testing.T) {
	tests := []struct{ in, want string }{
		{"this", "this"},
		{"a.b[3].c", "a.b[3].c"},
		{"*p", "(*p)"},
		{"(*p).b", "(*p).b"},
		{"(*(T*)0x10).b[1]", "(*(T*)0x10).b[1]"},
		{"(T*)x", "((T*)x)"},
		{"a + b", "(a + b)"},
	}
	for _, tt := range tests {
		if got := bracketed(tt.in); got != tt.want {
			t.Errorf("bracketed(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}
