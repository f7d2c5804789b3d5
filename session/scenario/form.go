package scenario

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Bounds on a scenario's form. The YAML library makes of every level a path with
// all levels above it, and of an alias all that it stands for, before it looks at
// what a scenario may hold: some 100 KB could take gigabytes.
const (
	maxScenarioTokens = 1 << 15
	maxScenarioDepth  = 64  // of brackets, and of list entries in a line
	maxScenarioIndent = 256 // columns
)

// checkForm looks at the tokens of a YAML text, which take some hundred bytes each.
func checkForm(text string) error {
	tokens := lexer.Tokenize(text)
	if len(tokens) > maxScenarioTokens {
		return fmt.Errorf("it has more than %d words and signs", maxScenarioTokens)
	}
	brackets, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if entries++; t.Position.IndentNum > maxScenarioIndent {
				return fmt.Errorf("[%d:%d] it is indented by more than %d columns", line, t.Position.Column, maxScenarioIndent)
			}
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return fmt.Errorf("[%d:%d] a scenario takes no anchors and aliases: write it out", line, t.Position.Column)
		}
		if brackets > maxScenarioDepth || entries > 4*maxScenarioDepth {
			return fmt.Errorf("[%d:%d] it is nested too deep, %d levels are the most", line, t.Position.Column, maxScenarioDepth)
		}
	}
	return nil
}
