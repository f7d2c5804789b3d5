package guestlog

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func numbered(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("line %d", i))
	}
	return out
}

// The first and the newest lines stay, what is between is counted, and the file has all.
func TestLongLog(t *testing.T) {
	b := Book{Dir: t.TempDir()}
	const all = 3*mostLines + 123
	for i := 0; i < all; i += 1000 {
		b.Add(numbered(i, min(i+1000, all)))
		if lines, _ := b.All(); len(lines) > mostLines {
			t.Fatalf("%d lines are kept", len(lines))
		}
	}
	lines, gap := b.All()
	if b.Count() != all || len(lines)+gap.Lines != all || gap.At != firstKept {
		t.Fatalf("%d lines, of %d kept, %+v", b.Count(), len(lines), gap)
	}
	if lines[0] != "line 0" || lines[gap.At-1] != fmt.Sprintf("line %d", gap.At-1) || lines[gap.At] != fmt.Sprintf("line %d", gap.At+gap.Lines) || lines[len(lines)-1] != fmt.Sprintf("line %d", all-1) {
		t.Errorf("around the gap: %q, %q", lines[gap.At-1], lines[gap.At])
	}
	for _, n := range []int{0, 5, gap.At, gap.At + 1, gap.At + gap.Lines, gap.At + gap.Lines + 7, all - 1, all, all + 9} {
		got, want := b.Since(n), ""
		switch {
		case n >= all:
		case n < gap.At || n >= gap.At+gap.Lines:
			want = fmt.Sprintf("line %d", n)
		default:
			want = fmt.Sprintf("line %d", gap.At+gap.Lines)
		}
		if (len(got) == 0) != (want == "") || want != "" && got[0] != want {
			t.Errorf("since %d: %d lines, want %q", n, len(got), want)
		}
	}
	file := b.file.Name()
	whole, err := os.ReadFile(file)
	if err != nil || !strings.Contains(gap.Where, file) || string(whole) != strings.Join(numbered(0, all), "\n")+"\n" {
		t.Errorf("%s: %d bytes, %v; told is %q", file, len(whole), err, gap.Where)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
}

// A guest that goes back has written less.
func TestCutLog(t *testing.T) {
	const all = mostLines + atOnce
	for _, n := range []int{0, 10, firstKept, firstKept + 5, all - 10, all, all + 10} {
		b := Book{Recorded: true, bare: true}
		b.Add(numbered(0, all))
		before, _ := b.All()
		last := before[len(before)-1]
		b.Cut(n)
		if got := b.Count(); got != min(n, all) {
			t.Errorf("cut at %d: %d lines", n, got)
		}
		b.Add([]string{"new"})
		if got := b.Since(min(n, all)); !slices.Equal(got, []string{"new"}) || b.Last() != "new" || before[len(before)-1] != last {
			t.Errorf("cut at %d: %d lines behind it", n, len(got))
		}
		if b.file != nil {
			t.Error("a file beside the recording")
		}
	}
}

// Long lines count, too; and a file that cannot be made is told.
func TestLogBounds(t *testing.T) {
	b := Book{Dir: t.TempDir() + "/none"}
	for range 100 {
		b.Add(slices.Repeat([]string{strings.Repeat("x", 1000)}, 1000))
	}
	lines, gap := b.All()
	if b.bytes > mostBytes || len(lines)+gap.Lines != 100_000 || !strings.Contains(gap.Where, "they are lost") {
		t.Errorf("%d bytes in %d lines, %+v", b.bytes, len(lines), gap)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}
