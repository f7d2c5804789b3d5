package debuginfo

import (
	"testing"

	"thaw/debuginfo/fixture"
)

// Clang numbers and refers otherwise; strings by index are debug/dwarf's.
func TestClang(t *testing.T) {
	for _, version := range []string{"-gdwarf-4", "-gdwarf-5"} {
		f := load(t, fixture.BuildBy(t, "clang++", "calls", version))
		if _, err := f.Functions("app::leaf"); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}
