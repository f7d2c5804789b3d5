package words

import (
	"slices"
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	tests := []struct {
		n          int
		what, want string
	}{
		{1, "thread", "1 thread"}, {0, "thread", "0 threads"}, {2, "batch", "2 batches"},
		{3, "capability", "3 capabilities"}, {5, "more line", "5 more lines"},
	}
	for _, tt := range tests {
		if got := Count(tt.n, tt.what); got != tt.want {
			t.Errorf("Count(%d, %q) = %q, want %q", tt.n, tt.what, got, tt.want)
		}
	}
}

func TestRoughly(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 539: "539", 406_412: "406.4 k", 13_619_495: "13.6 M"} {
		if got := Roughly(n); got != want {
			t.Errorf("Roughly(%d) = %q, want %q", n, got, want)
		}
	}
}

// Nothing is wider than asked for, and wrapping loses nothing but spaces.
func TestWrapAndClip(t *testing.T) {
	for _, text := range []string{"", "word", "some words that are to be wrapped", "Stored_cpu_thread_info::ts and_a_very_long_word",
		"羊羊羊羊 羊羊羊羊羊羊羊羊", strings.Repeat("x", 200)} {
		for w := 1; w < 30; w++ {
			rows := Wrap(text, w)
			for _, row := range rows {
				if Width(row) > w && !(w == 1 && strings.Contains(row, "羊")) {
					t.Errorf("Wrap(%q, %d) has the row %q", text, w, row)
				}
			}
			if strip(strings.Join(rows, "")) != strip(text) {
				t.Errorf("Wrap(%q, %d) = %q loses text", text, w, rows)
			}
			if got := Clip(text, w); Width(got) > w {
				t.Errorf("Clip(%q, %d) = %q", text, w, got)
			}
		}
	}
	if rows, want := Wrap("Genode::Platform_thread::state(Genode::Thread_state)", 38), []string{"Genode::Platform_thread::", "state(Genode::Thread_state)"}; !slices.Equal(rows, want) {
		t.Errorf("Wrap breaks between two signs: %q", rows)
	}
	if rows := Wrap("text", 0); rows != nil {
		t.Errorf("Wrap to no columns: %q", rows)
	}
}

func strip(s string) string { return strings.ReplaceAll(s, " ", "") }
