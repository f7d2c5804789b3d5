package guest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The ways to spoil a pointer are those of the programs, and all of them are described.
func TestWays(t *testing.T) {
	source, err := os.ReadFile("plant/plant.h")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, w := range Ways {
		names = append(names, `"`+w[0]+`"`)
		if !strings.Contains(string(readme), "\n| `"+w[0]+"` | ") {
			t.Errorf("README.md does not tell of plant=%s", w[0])
		}
	}
	list := regexp.MustCompile(`ways\[\] = \{ (.*) \};`).FindSubmatch(source)
	if want := strings.Join(names, ", "); list == nil || string(list[1]) != want {
		t.Errorf("the programs know %s, want %s", list, want)
	}
}
