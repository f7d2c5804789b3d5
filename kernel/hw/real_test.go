package hw_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/oracle"
	"thaw/recording/stub/stubtest"
)

// Memory of real systems decodes to just what an independent reader saw at the same
// stop. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.thaw"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of real systems: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".thaw")
		t.Run(name, func(t *testing.T) {
			sys := stubtest.First(t, file, "base-hw").Snapshot.System
			if len(sys.Problems) > 0 {
				t.Errorf("problems: %q", sys.Problems)
			}
			want := listing(t, strings.TrimSuffix(file, ".thaw")+".listing.gz")
			if len(want) < 150 {
				t.Errorf("only %d rows were compared", len(want))
			}
			here, there := oracle.Differences(sys, want)
			for _, row := range there {
				t.Errorf("not seen: %s", row)
			}
			for _, row := range here {
				// Of 26.02 capabilities of one protection domain were listed.
				listed := func(other string) bool { return strings.HasPrefix(other, strings.Join(strings.Fields(row)[:2], " ")) }
				if !strings.HasPrefix(row, "cap ") || slices.ContainsFunc(want, listed) {
					t.Errorf("only seen here: %s", row)
				}
			}
		})
	}
}

// listing reads the rows that the independent reader printed.
func listing(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}
