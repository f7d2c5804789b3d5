package scenario

import (
	"reflect"

	"thaw/session/view"
)

// SchemaNode is a JSON schema (draft 2020-12), as far as scenarios need one.
type SchemaNode struct {
	Schema               string                 `json:"$schema,omitempty"`
	Title                string                 `json:"title,omitempty"`
	Ref                  string                 `json:"$ref,omitempty"`
	Type                 string                 `json:"type,omitempty"`
	Enum                 []string               `json:"enum,omitempty"`
	Pattern              string                 `json:"pattern,omitempty"`
	Properties           map[string]*SchemaNode `json:"properties,omitempty"`
	AdditionalProperties any                    `json:"additionalProperties,omitempty"` // a schema, or false
	Items                *SchemaNode            `json:"items,omitempty"`
	Defs                 map[string]*SchemaNode `json:"$defs,omitempty"`
}

// Schema is the JSON schema of scenario files, made from the types that read them.
func Schema() *SchemaNode {
	m := schemaMaker{map[string]*SchemaNode{}}
	root := m.object(reflect.TypeFor[Scenario]())
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "a scenario of thaw"
	root.Defs = m.defs
	return root
}

// schemaMaker collects the types that have a name of their own: they may hold
// themselves.
type schemaMaker struct{ defs map[string]*SchemaNode }

func (m schemaMaker) of(p property) *SchemaNode {
	t := p.typ
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return &SchemaNode{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case t == verdictType:
		n := &SchemaNode{Type: "string"}
		for _, v := range view.Verdicts {
			n.Enum = append(n.Enum, string(v))
		}
		return n
	}
	switch t.Kind() {
	case reflect.Struct:
		if _, made := m.defs[t.Name()]; !made {
			m.defs[t.Name()] = nil // it may hold itself
			m.defs[t.Name()] = m.object(t)
		}
		return &SchemaNode{Ref: "#/$defs/" + t.Name()}
	case reflect.Map:
		return &SchemaNode{Type: "object", AdditionalProperties: m.of(property{typ: t.Elem()})}
	case reflect.Slice:
		return &SchemaNode{Type: "array", Items: m.of(property{typ: t.Elem()})}
	case reflect.Bool:
		return &SchemaNode{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &SchemaNode{Type: "integer"}
	}
	return &SchemaNode{Type: "string", Enum: p.words}
}

// object is the schema of a struct. Other keys than its own are errors.
func (m schemaMaker) object(t reflect.Type) *SchemaNode {
	n := &SchemaNode{Type: "object", AdditionalProperties: false, Properties: map[string]*SchemaNode{}}
	for _, p := range properties(t) {
		n.Properties[p.name] = m.of(p)
	}
	return n
}
