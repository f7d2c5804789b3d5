package scenario

import (
	"reflect"

	"thaw/schema"
	"thaw/session/view"
)

// Schema is the JSON schema of scenario files, made from the types that read them.
func Schema() *schema.Node {
	return schema.Of(reflect.TypeFor[Scenario](), "a scenario of thaw", func(t reflect.Type) *schema.Node {
		switch t {
		case durationType:
			return &schema.Node{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
		case verdictType:
			n := &schema.Node{Type: "string"}
			for _, v := range view.Verdicts {
				n.Enum = append(n.Enum, string(v))
			}
			return n
		}
		return nil
	})
}
