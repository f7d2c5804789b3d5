package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dustin/go-humanize"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// The table of fuzz targets is made of docs/fuzzing.tsv, in which every target of the tree
// has a line, and every file of its parser is there.
func TestFuzzingDoc(t *testing.T) {
	root, missing := "../..", map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range fuzzTarget.FindAllStringSubmatch(string(text), -1) {
			missing[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := os.ReadFile(filepath.Join(root, "docs/fuzzing.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- the table is written by `go test ./cmd/thaw -run FuzzingDoc -update` -->\n", "<!-- end -->\n"
	table := strings.Builder{}
	table.WriteString(begin + "| target | what it feeds | seeds reach | executions | processor time | counted since |\n| --- | --- | ---: | ---: | ---: | --- |\n")
	for row := range strings.Lines(string(rows)) {
		col := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		if len(col) != 9 || !missing[col[1]] {
			t.Fatalf("not a line for a fuzz target: %q", row)
		}
		delete(missing, col[1])
		for file := range strings.FieldsSeq(col[3]) {
			file, _, _ = strings.Cut(file, ":")
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: %v", col[1], err)
			}
		}
		runs, err := strconv.ParseInt(col[7], 10, 64)
		seconds, err2 := strconv.Atoi(col[8])
		if err != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", col[1], err, err2)
		}
		fmt.Fprintf(&table, "| `%s` `%s` | %s | %s %% | %s | %d min %d s | %s |\n", col[0], col[1], col[2], col[4], humanize.Comma(runs), seconds/60, seconds%60, col[5])
	}
	for name := range missing {
		t.Errorf("docs/fuzzing.tsv has no line for %s", name)
	}
	table.WriteString(end)
	file := filepath.Join(root, "docs/fuzzing.md")
	doc, err := os.ReadFile(file)
	before, rest, ok := strings.Cut(string(doc), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if err != nil || !ok || !ok2 {
		t.Fatalf("%s has no place for the table: %v", file, err)
	}
	if want := before + table.String() + after; want != string(doc) {
		if !*update {
			t.Errorf("docs/fuzzing.md is not what docs/fuzzing.tsv says: go test ./cmd/thaw -run FuzzingDoc -update")
		} else if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
