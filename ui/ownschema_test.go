package ui

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"thaw/schema"
)

const schemaFile = "../docs/ui.schema.json"

// The schema of ui.yaml in the documents is that of the types that read it.
func TestConfigSchema(t *testing.T) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	if err := e.Encode(schema.Of(reflect.TypeFor[settings](), "settings, keys and commands of thaw's screen", nil)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(schemaFile)
	if err != nil || !bytes.Equal(old, out.Bytes()) {
		t.Errorf("%s is not what the types say (%v): go test ./ui -update", schemaFile, err)
	}
}
