package query

import (
	"regexp"
	"strings"
)

// hexMembers are members that hold ids, slots and addresses.
var hexMembers = map[string]bool{"id": true, "object": true, "slot": true, "thread": true, "pd": true, "addr": true, "ip": true, "sp": true, "flags": true,
	"label": true, "waits_for": true, "old": true, "new": true, "pc": true}

// piece is a string or a comment, which stays as it is, or a function that takes an id
// with the id.
var piece = regexp.MustCompile("(?s)\"(?:\\\\.|[^\"\\\\])*\"|'(?:\\\\.|[^'\\\\])*'|`[^`]*`|//[^\\n]*|/\\*.*?\\*/" +
	`|\b(?:thread|object|pd|holders|slot|holds|member)\(\s*([0-9a-fA-F]+)\s*[,)]`)

// withHex puts 0x before ids and slots that are written as thaw shows them.
func withHex(text string) string {
	var out strings.Builder
	at := 0
	for _, m := range piece.FindAllStringSubmatchIndex(text, -1) {
		if m[2] < 0 {
			continue
		}
		out.WriteString(text[at:m[2]])
		out.WriteString("0x")
		at = m[2]
	}
	out.WriteString(text[at:])
	return out.String()
}
