package foc_test

import (
	"path/filepath"
	"strings"
	"testing"

	"thaw/jdb"
	"thaw/recording/stub/stubtest"
)

// Memory of real systems, read while their kernel debugger stood, decodes to
// just what that debugger listed. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.thaw"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of real systems: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".thaw")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := stubtest.First(t, file, "Fiasco.OC")
			sys := v.Snapshot.System
			if len(sys.Problems) > 0 {
				t.Errorf("problems: %q", sys.Problems)
			}
			l, err := jdb.Load(strings.TrimSuffix(file, ".thaw") + ".jdb.gz")
			if err != nil {
				t.Fatal(err)
			}
			c := jdb.Compare(l, sys)
			for _, d := range c.Differences {
				t.Error(d)
			}
			n := c.Compared
			if n.Objects < 400 || n.Threads < 25 || n.Tasks < 7 || n.Capabilities < 700 || n.Names < 300 || n.Stack < 50 {
				t.Errorf("compared only %+v", n)
			}
		})
	}
}
