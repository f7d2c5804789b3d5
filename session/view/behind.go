package view

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Behind is what stands behind a gate, as far as its server tells.
type Behind struct {
	Class string // of the object
	Name  string `json:",omitempty"` // what it alone is called: `"init -> sheep_counter"`, `of Ram_session_component "init"`
	Trait string `json:",omitempty"` // tells it from others of that name: "size 8000"
}

// UnmarshalJSON also reads what an earlier thaw has recorded: the class alone.
func (b *Behind) UnmarshalJSON(text []byte) error {
	var class string
	if json.Unmarshal(text, &class) == nil {
		*b = Behind{Class: class}
		return nil
	}
	type plain Behind
	if err := json.Unmarshal(text, (*plain)(b)); err != nil {
		return fmt.Errorf("what stands behind a gate: %w", err)
	}
	return nil
}

// Called is what tells the object from others of its class, "" if nothing does.
func (b Behind) Called() string { return strings.TrimSpace(b.Trait + " " + b.Name) }
