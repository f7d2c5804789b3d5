package words

import (
	"slices"
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"fixed", "fixde", 1}, {"bug", "big", 1}, {"größe", "große", 1}, {"kitten", "sitting", 3}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, not %d", c.a, c.b, got, c.want)
		}
	}
	if got := Distance(strings.Repeat("a", 1<<20), strings.Repeat("b", 1<<20)); got != maxCompared {
		t.Errorf("%d", got)
	}
}

func TestNear(t *testing.T) {
	names := []string{"overwritten", "fixed", "missing-caps", "fixer", "fixed"}
	for name, want := range map[string][]string{"fixde": {"fixed", "fixer"}, "overwriten": {"overwritten"}, "xyz": nil, "": nil} {
		if got := Near(name, names); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", name, got, want)
		}
	}
}
