package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"thaw/schema"
	"thaw/session/view"
	"thaw/words"
)

// Of the file's form Go's types are the only description: its check, the JSON schema and
// the reader follow their `yaml` tags. `oneof` lists the words that a text may be.

var (
	durationType = reflect.TypeFor[Duration]()
	verdictType  = reflect.TypeFor[view.Verdict]()
)

// former holds a text against the types. What does not fit is noted, and taken out of the
// text, so that the rest can be read.
type former struct{ rep *Report }

// parseForm notes the places of all values, and what does not fit the types. What fits
// is what it returns, nil for an empty text.
func parseForm(data []byte, rep *Report) (ast.Node, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	rep.at = map[string]Problem{"": {Line: 1, Column: 1}}
	f := former{rep}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			if !f.value(doc.Body, reflect.TypeFor[Scenario](), "", nil) {
				return nil, nil
			}
			return doc.Body, nil
		}
	}
	return nil, nil
}

// place is where a token stands.
func place(t *token.Token) Problem {
	if t == nil || t.Position == nil {
		return Problem{}
	}
	return Problem{Line: t.Position.Line, Column: t.Position.Column}
}

// begin is where a value begins: a mapping in lines of its own with its first key.
func begin(n ast.Node) Problem {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return place(m.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return place(m.Key.GetToken())
	}
	return place(n.GetToken())
}

// value holds a value against a type, and says whether it fits.
func (f former) value(n ast.Node, t reflect.Type, path string, only []string) bool {
	if path != "" {
		f.rep.at[path] = begin(n)
	}
	if n.Type() == ast.NullType {
		return true
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return f.duration(n, path)
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return f.mapping(n, t, path)
	case t.Kind() == reflect.Slice:
		return f.list(n, t, path)
	}
	return f.scalar(n, t, path, only)
}

func within(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keyOf(m *ast.MappingValueNode) string {
	if t := m.Key.GetToken(); t != nil {
		return t.Value
	}
	return m.Key.String()
}

// mapping holds a mapping against a struct, or against the values of a map.
func (f former) mapping(n ast.Node, t reflect.Type, path string) bool {
	var entries *[]*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		entries = &n.Values
	case *ast.MappingValueNode:
		entries = &[]*ast.MappingValueNode{n}
	default:
		return f.wrong(path, n, "names with values are")
	}
	*entries = slices.DeleteFunc(*entries, func(m *ast.MappingValueNode) bool { return !f.entry(m, t, path) })
	return true
}

// entry holds one of a mapping's entries against the type of the mapping.
func (f former) entry(m *ast.MappingValueNode, t reflect.Type, path string) bool {
	key := keyOf(m)
	at := within(path, key)
	p := schema.Property{Name: key}
	if t.Kind() == reflect.Map {
		p.Type = t.Elem()
	} else {
		all := schema.Properties(t)
		i := slices.IndexFunc(all, func(p schema.Property) bool { return p.Name == key })
		if i < 0 {
			f.rep.at[at] = place(m.Key.GetToken())
			f.rep.Add(at, "there is no key %q here%s", key, instead(key, all))
			return false
		}
		p = all[i]
	}
	if m.Value == nil || m.Value.Type() == ast.NullType {
		f.rep.at[at] = place(m.Key.GetToken())
		return true
	}
	fits := f.value(m.Value, p.Type, at, p.Words)
	switch m.Value.Type() {
	case ast.IntegerType, ast.FloatType, ast.BoolType:
		if p.Type.Kind() == reflect.String { // as it is written: 0x1000 is an address, and y a name
			m.Value = ast.String(m.Value.GetToken())
		}
	}
	if _, single := m.Value.(ast.ScalarNode); !single {
		f.rep.at[at] = place(m.Key.GetToken())
	}
	return fits
}

// instead tells which key may have been meant.
func instead(key string, all []schema.Property) string {
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if near := words.Near(key, names); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return "; known are: " + strings.Join(names, ", ")
}

func (f former) list(n ast.Node, t reflect.Type, path string) bool {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		return f.wrong(path, n, "a list is")
	}
	for i, v := range s.Values {
		if !f.value(v, t.Elem(), fmt.Sprintf("%s[%d]", path, i), nil) {
			s.Values[i] = ast.Null(v.GetToken())
		}
	}
	return true
}

// wrong notes a value of the wrong kind.
func (f former) wrong(path string, n ast.Node, want string) bool {
	f.rep.Add(path, "%s: %s expected here, not %s", title(path), want, kindOf(n))
	return false
}

// scalar holds a single value against a type.
func (f former) scalar(n ast.Node, t reflect.Type, path string, only []string) bool {
	if _, ok := n.(ast.ScalarNode); !ok {
		return f.wrong(path, n, "a single value is")
	}
	text := textOf(n)
	note := func(format string, args ...any) bool {
		f.rep.Add(path, title(path)+" is "+fmt.Sprintf("%q", text)+format, args...)
		return false
	}
	switch {
	case t == verdictType && !slices.Contains(view.Verdicts, view.Verdict(text)):
		return note(", which is no verdict; known are: %s", joined(view.Verdicts))
	case t.Kind() == reflect.Bool && n.Type() != ast.BoolType:
		return note(": true or false is expected here")
	case (t.Kind() == reflect.Int || t.Kind() == reflect.Int64) && n.Type() != ast.IntegerType:
		return note(": a number is expected here")
	case only != nil && !slices.Contains(only, text):
		return note(", which is neither %s", strings.Join(only, " nor "))
	}
	return true
}

// textOf is a single value as it is written, a block of text without its sign.
func textOf(n ast.Node) string {
	if l, ok := n.(*ast.LiteralNode); ok && l.Value != nil {
		return l.Value.Value
	}
	return n.GetToken().Value
}

func (f former) duration(n ast.Node, path string) bool {
	if _, ok := n.(ast.ScalarNode); !ok {
		return f.wrong(path, n, "a duration like 5s is")
	}
	var d Duration
	if err := d.UnmarshalYAML([]byte(textOf(n))); err != nil {
		f.rep.Add(path, "%s: %v", title(path), err)
		return false
	}
	return true
}

// title names a value as its path does, the whole file "the scenario".
func title(path string) string {
	if path == "" {
		return "the scenario"
	}
	return path
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "names with values"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}
