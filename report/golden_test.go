package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// golden holds what write prints against a file in testdata.
func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the golden file: %v; write it with go test ./report -update", err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s differs (-golden +now); if it is meant, run go test ./report -update\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	story, odd := fixtureStory(), hostileStory()
	for name, write := range map[string]func(io.Writer) error{
		"story.md":     func(w io.Writer) error { return Markdown(w, story) },
		"story.html":   func(w io.Writer) error { return HTML(w, story) },
		"empty.md":     func(w io.Writer) error { return Markdown(w, NewStory(nil, nil, nil, "")) },
		"empty.html":   func(w io.Writer) error { return HTML(w, NewStory(nil, nil, nil, "")) },
		"hostile.md":   func(w io.Writer) error { return Markdown(w, odd) },
		"hostile.html": func(w io.Writer) error { return HTML(w, odd) },
		"check.txt":    func(w io.Writer) error { return Check(w, story.View) },
		"snapshot.txt": func(w io.Writer) error {
			return Snapshot(w, snapshotOf(1, "snapshot", fixtureObjects()), true)
		},
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, write) })
	}
}
