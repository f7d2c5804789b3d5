package scenario

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"thaw/scenarios"
	"thaw/schema"
)

var update = flag.Bool("update", false, "write docs/scenario.schema.json anew")

const schemaFile = "../../docs/scenario.schema.json"

// The schema in the documents is that of the types.
func TestSchema(t *testing.T) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(Schema()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(old, out.Bytes()) {
		t.Errorf("%s is not what the types say (%v): go test ./session/scenario -update", schemaFile, err)
	}
}

// What the schema says of the scenarios that come with thaw is what the reader says: each
// of their keys is in it.
func TestSchemaTakesScenarios(t *testing.T) {
	root := Schema()
	keys := 0
	for _, name := range scenarios.Names() {
		data, err := scenarios.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		takes(t, root, root, v, name, &keys)
	}
	if keys < 100 {
		t.Errorf("only %d keys were held against the schema", keys)
	}
}

func takes(t *testing.T, root, n *schema.Node, v any, path string, keys *int) {
	t.Helper()
	if n.Ref != "" {
		n = root.Defs[strings.TrimPrefix(n.Ref, "#/$defs/")]
	}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			*keys++
			next, ok := n.Properties[k]
			if add, is := n.AdditionalProperties.(*schema.Node); !ok && is {
				next, ok = add, true
			}
			if !ok {
				t.Errorf("%s: the schema has no key %q", path, k)
				continue
			}
			takes(t, root, next, x, path+"."+k, keys)
		}
	case []any:
		for _, x := range v {
			takes(t, root, n.Items, x, path, keys)
		}
	default:
		if n.Type == "object" || n.Type == "array" {
			t.Errorf("%s is %v, the schema wants %s", path, v, n.Type)
		}
	}
}
