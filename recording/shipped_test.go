package recording

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// machineRoots begin the paths that only the machine has where something was built or
// recorded, as they stand in a record's JSON.
var machineRoots = regexp.MustCompile(`["= (:](/work/|/root/|/home/|/tmp/|/mnt/|/Users/)`)

// The recordings that come with thaw, and those of real systems that decoders are tested
// with, name no path of the machine that made them.
func TestShippedPaths(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "scenarios", "recordings", "*.thaw"))
	decoded, derr := filepath.Glob(filepath.Join("..", "kernel", "*", "testdata", "*.thaw"))
	if err = errors.Join(err, derr); err != nil || len(files) < 20 || len(decoded) < 5 {
		t.Fatalf("%d and %d recordings: %v", len(files), len(decoded), err)
	}
	files = append(files, decoded...)
	for _, file := range files {
		records(t, file, func(typ string, raw []byte) {
			if typ == "PAGE" || typ == "MASK" {
				return
			}
			if m := machineRoots.FindIndex(raw); m != nil {
				t.Errorf("%s: a record %s names %.60q", filepath.Base(file), typ, raw[m[0]:])
			}
		})
	}
}

// records hands out all records of a file.
func records(t *testing.T, file string, take func(typ string, raw []byte)) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{rec: &Recording{name: file}, in: bufio.NewReader(bytes.NewReader(data[headerSize:]))}
	if r.dec, err = zstd.NewReader(nil); err != nil {
		t.Fatal(err)
	}
	defer r.dec.Close()
	n := 0
	for {
		typ, raw, err := r.record()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		take(typ, raw)
		n++
	}
	if n < 5 {
		t.Errorf("%s: only %d records", file, n)
	}
}
