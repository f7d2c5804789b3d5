package debuginfo

import (
	"os"
	"path/filepath"
	"testing"

	"thaw/debuginfo/fixture"
)

// A unit may declare a variable as something else than it is: its definition tells the type.
func TestVariableDeclaredOtherwise(t *testing.T) {
	definition := filepath.Join(t.TempDir(), "definition.cc")
	if err := os.WriteFile(definition, []byte("int elsewhere[2][3] = { { 1 } };\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, flag := range dwarfVersions {
		v, err := load(t, fixture.Build(t, "shapes", flag, definition)).Variable("elsewhere")
		if err != nil || v.Addr == 0 || v.Type.Name != "int[2][3]" {
			t.Errorf("%s: elsewhere at %#x: %+v, %v", flag, v.Addr, v.Type, err)
		}
	}
}
