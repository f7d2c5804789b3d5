package query

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentedNames holds what expressions may name against the tables of docs/query.md.
func TestDocumentedNames(t *testing.T) {
	doc, err := os.ReadFile("../../docs/query.md")
	if err != nil {
		t.Fatal(err)
	}
	_, tables, ok := strings.Cut(string(doc), "## What there is\n")
	if !ok {
		t.Fatal("docs/query.md does not tell what there is")
	}
	names, members, ok := strings.Cut(tables, "| of | members |")
	if !ok {
		t.Fatal("docs/query.md does not tell what members there are")
	}
	var rows []string
	for row := range strings.Lines(names) {
		if cell := strings.Split(row, "|"); len(cell) > 1 {
			rows = append(rows, cell[1])
		}
	}
	documented := map[string]string{"": strings.Join(rows, " ")}
	for row := range strings.Lines(members) {
		if cell := strings.Split(row, "|"); len(cell) == 4 {
			documented[strings.TrimSpace(cell[1])] = cell[2]
		}
	}
	for of, v := range map[string]any{"": env{}, "an object": object{}, "a thread": thread{}, "a task": pd{}, "a slot": slot{},
		"a happening": happening{}, "a verdict": verdict{}, "a phase": phase{}} {
		got := named(v)
		if of != "an object" && strings.HasPrefix(strings.TrimSpace(documented[of]), "those of an object") {
			for name := range named(object{}) {
				delete(got, name)
			}
		}
		want := map[string]bool{}
		for _, m := range regexp.MustCompile("`([a-z_]+)").FindAllStringSubmatch(documented[of], -1) {
			want[m[1]] = true
		}
		if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
			t.Errorf("%q: there are %q, docs/query.md has %q", of, g, w)
		}
	}
}

// named are the names that expressions have for the members of v.
func named(v any) map[string]bool {
	out := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
		if name := f.Tag.Get("expr"); name != "" {
			if out[name] {
				panic(name + " twice")
			}
			out[name] = true
		}
	}
	return out
}
