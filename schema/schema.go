// Package schema makes JSON schemas of the YAML files that users write, from the types
// that read them. It knows Go types with `yaml` tags, and no file in particular.
package schema

import (
	"cmp"
	"reflect"
	"strings"
)

// Node is a JSON schema (draft 2020-12), as far as thaw's files need one.
type Node struct {
	Schema               string           `json:"$schema,omitempty"`
	Title                string           `json:"title,omitempty"`
	Ref                  string           `json:"$ref,omitempty"`
	Type                 string           `json:"type,omitempty"`
	Enum                 []string         `json:"enum,omitempty"`
	Pattern              string           `json:"pattern,omitempty"`
	Properties           map[string]*Node `json:"properties,omitempty"`
	AdditionalProperties any              `json:"additionalProperties,omitempty"` // a schema, or false
	Items                *Node            `json:"items,omitempty"`
	Defs                 map[string]*Node `json:"$defs,omitempty"`
}

// Property is a key of a mapping with what its value must be.
type Property struct {
	Name  string
	Type  reflect.Type
	Words []string // that its value may be, nil for any: the tag `oneof`
}

// Properties lists the keys that a struct takes, in order, with those of structs that are
// inline in it.
func Properties(t reflect.Type) []Property {
	var out []Property
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			out = append(out, Properties(f.Type)...)
		case name != "" && name != "-":
			p := Property{Name: name, Type: f.Type}
			if w := f.Tag.Get("oneof"); w != "" {
				p.Words = strings.Fields(w)
			}
			out = append(out, p)
		}
	}
	return out
}

// Of is the schema of a file that is read into a type. special gives what a type of its
// own form takes, nil for all others; it may be nil.
func Of(t reflect.Type, title string, special func(reflect.Type) *Node) *Node {
	m := maker{defs: map[string]*Node{}, special: special}
	root := m.object(t)
	root.Schema, root.Title, root.Defs = "https://json-schema.org/draft/2020-12/schema", title, m.defs
	return root
}

// maker collects the types that have a name of their own: they may hold themselves.
type maker struct {
	defs    map[string]*Node
	special func(reflect.Type) *Node
}

func (m maker) of(p Property) *Node {
	t := p.Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if m.special != nil {
		if n := m.special(t); n != nil {
			return n
		}
	}
	switch t.Kind() {
	case reflect.Struct:
		name := cmp.Or(t.Name(), p.Name)
		if _, made := m.defs[name]; !made {
			m.defs[name] = nil // it may hold itself
			m.defs[name] = m.object(t)
		}
		return &Node{Ref: "#/$defs/" + name}
	case reflect.Map:
		return &Node{Type: "object", AdditionalProperties: m.of(Property{Type: t.Elem()})}
	case reflect.Slice:
		return &Node{Type: "array", Items: m.of(Property{Type: t.Elem()})}
	case reflect.Bool:
		return &Node{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &Node{Type: "integer"}
	}
	return &Node{Type: "string", Enum: p.Words}
}

// object is the schema of a struct. Other keys than its own are errors.
func (m maker) object(t reflect.Type) *Node {
	n := &Node{Type: "object", AdditionalProperties: false, Properties: map[string]*Node{}}
	for _, p := range Properties(t) {
		n.Properties[p.Name] = m.of(p)
	}
	return n
}
