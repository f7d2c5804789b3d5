package guestlog

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// What is left out is found in the file, and nothing else; lines that were written before
// the guest went back are no more.
func TestFind(t *testing.T) {
	const all = 2 * mostLines
	for _, recorded := range []bool{false, true} {
		b := Book{Dir: t.TempDir(), Recorded: recorded}
		if hits, err := b.Find("line"); hits != nil || err != nil {
			t.Errorf("nothing is left out: %v, %v", hits, err)
		}
		b.Add(numbered(0, all))
		_, gap := b.All()
		hit := func(n int) Hit { return Hit{n + 1, fmt.Sprintf("line %d", n)} }
		for needle, want := range map[string][]Hit{
			fmt.Sprintf("LINE %d", gap.At):              {hit(gap.At)},
			fmt.Sprintf("line %d", gap.At+gap.Lines-1):  {hit(gap.At + gap.Lines - 1)},
			fmt.Sprintf("line %d", all-1):               nil, // it is shown
			fmt.Sprintf("ne %d", gap.At+gap.Lines+1000): nil,
			"nowhere": nil,
		} {
			hits, err := b.Find(needle)
			if err != nil || !reflect.DeepEqual(hits, want) {
				t.Errorf("%s: %v, %v, want %v", needle, hits, err, want)
			}
			if in := FindIn(numbered(0, all), gap, needle); !reflect.DeepEqual(in, want) {
				t.Errorf("%s in lines: %v, want %v", needle, in, want)
			}
		}
		if hits, err := b.Find("line"); err != nil || len(hits) != mostHits {
			t.Errorf("%d hits, %v", len(hits), err)
		}

		back := gap.At + 10
		b.Cut(back)
		b.Add([]string{"another course"})
		b.Add(numbered(0, all))
		old, err := b.Find(fmt.Sprintf("line %d", back+5))
		if want := (Hit{back + 1 + back + 6, fmt.Sprintf("line %d", back+5)}); err != nil || len(old) == 0 || old[0] != want {
			t.Errorf("after the guest went back to line %d: %v, %v, want %v", back, old, err, want)
		}
		course, err := b.Find("another course")
		if err != nil || len(course) != 1 || course[0].Line != back+1 {
			t.Errorf("the first line after it went back: %v, %v", course, err)
		}
		if recorded != strings.Contains(gap.Where, "recording") {
			t.Errorf("told is %q", gap.Where)
		}
		path := b.path
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("the file is left: %v", err)
		}
		if _, err := b.Find("line"); err == nil {
			t.Error("a closed book was searched")
		}
	}
}
