package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"thaw/report"
	"thaw/scenarios"
	"thaw/session/evidence"
)

// jsonForms are what commands print with --json: one of it, or an array.
var jsonForms = []struct {
	command string
	what    string
	typ     reflect.Type
}{
	{"check", "A result; of several, an array of them.", reflect.TypeFor[report.CheckJSON]()},
	{"snapshot", "A stop.", reflect.TypeFor[report.SnapshotJSON]()},
	{"top", "A look, on a line of its own.", reflect.TypeFor[report.LookJSON]()},
	{"diff", "How two stops differ.", reflect.TypeFor[report.DifferenceJSON]()},
	{"query", "At which stops an expression has which value.", reflect.TypeFor[report.QueryJSON]()},
	{"query-run", "Where in a recorded run an expression changed.", reflect.TypeFor[report.RunQueryJSON]()},
	{"list", "An array of recordings.", reflect.TypeFor[scenarios.Recorded]()},
	{"list --causes", "An array of rules.", reflect.TypeFor[evidence.Cause]()},
	{"doctor", "What was looked at.", reflect.TypeFor[doctorJSON]()},
	{"compare-gdb", "An array of stops.", reflect.TypeFor[gdbStop]()},
	{"compare-jdb", "A comparison.", reflect.TypeFor[jdbResult]()},
}

// jsonDoc is docs/json.md, from the types and what their source says of them.
func jsonDoc(t *testing.T) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# JSON

Commands that print a table print it as JSON with `+"`--json`"+`: standard output is JSON and
nothing else, whatever else is asked for. Addresses are hex strings, since JSON numbers
lose bits; object ids are the hex numbers that the kernel's developers see. What is not
known is left out, `+"`null`"+`, or has a sentence beside it that says why. Objects at the
top have a `+"`format`"+`, now %d: it grows when a member changes its meaning or goes; new members
may come any time. This file is written by `+"`go test ./cmd/thaw -run JSONDoc -update`"+`.
`, report.Format)
	comments := fieldComments(t, "../..")
	for _, f := range jsonForms {
		fmt.Fprintf(&b, "\n## thaw %s --json\n\n%s\n", f.command, f.what)
		written := map[reflect.Type]bool{}
		for queue := []reflect.Type{f.typ}; len(queue) > 0; queue = queue[1:] {
			typ := queue[0]
			if written[typ] {
				continue
			}
			written[typ] = true
			if typ != f.typ {
				fmt.Fprintf(&b, "\n### %s\n", jsonName(typ))
			}
			b.WriteString("\n| member | type | |\n| --- | --- | --- |\n")
			queue = append(queue, members(&b, typ, comments)...)
		}
	}
	return b.String()
}

// members writes a struct's members, and returns the structs in them.
func members(b *strings.Builder, typ reflect.Type, comments map[string]string) (more []reflect.Type) {
	for f := range typ.Fields() {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
			continue
		case f.Anonymous && name == "":
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			more = append(more, members(b, inner, comments)...)
			continue
		case name == "":
			name = f.Name
		}
		text, of := jsonType(f.Type)
		if of != nil {
			more = append(more, of)
		}
		what := comments[typ.PkgPath()+"."+typ.Name()+"."+f.Name]
		if strings.Contains(rest, "omitempty") && what == "" {
			what = "left out where there is none"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, text, strings.ReplaceAll(what, "|", `\|`))
	}
	return more
}

// jsonType is a type in JSON's words, and the struct in it.
func jsonType(t reflect.Type) (string, reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "number (ns)", nil
	case t.Kind() == reflect.Pointer:
		text, of := jsonType(t.Elem())
		return text + " or null", of
	case t.Implements(reflect.TypeFor[fmt.Stringer]()) && t.Kind() == reflect.Uint64:
		return "number", nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return jsonName(t), t
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "string (base64)", nil
		}
		text, of := jsonType(t.Elem())
		return "array of " + text, of
	case reflect.Map:
		text, of := jsonType(t.Elem())
		return "object: " + text + " by name", of
	case reflect.Bool:
		return "true or false", nil
	case reflect.String:
		return "string", nil
	}
	return "number", nil
}

// jsonName is a struct's name in the document.
func jsonName(t reflect.Type) string {
	name := strings.TrimSuffix(t.Name(), "JSON")
	return strings.ToLower(name[:1]) + name[1:]
}

// fieldComments are the comments beside the fields of all structs, by package, type
// and field.
func fieldComments(t *testing.T, root string) map[string]string {
	out := map[string]string{}
	for _, dir := range []string{"cmd/thaw", "report", "scenarios", "session/evidence", "session/view", "jdb", "kernel"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		pkg := "thaw/" + dir
		if dir == "cmd/thaw" {
			pkg = reflect.TypeFor[gdbStop]().PkgPath()
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				if st, ok := s.Type.(*ast.StructType); ok {
					for _, field := range st.Fields.List {
						for _, name := range field.Names {
							out[pkg+"."+s.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Comment.Text()), " ")
						}
					}
				}
				return true
			})
		}
	}
	return out
}

// The document of the JSON forms is what the types say, and no command with --json is
// left out.
func TestJSONDoc(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "json.md")
	want := jsonDoc(t)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(file); err != nil || string(old) != want {
		t.Errorf("docs/json.md is not what the types say (%v): go test ./cmd/thaw -run JSONDoc -update", err)
	}
	for _, c := range newRoot().Commands() {
		if c.Flags().Lookup("json") != nil && !strings.Contains(want, "## thaw "+c.Name()+" ") {
			t.Errorf("%s --json is not in the document", c.Name())
		}
	}
}
