package query

import (
	"fmt"
	"strings"
)

// maxValue bounds how long a value is shown, in bytes.
const maxValue = 2000

// format puts a value in words: ids and addresses in hex, counts in decimal.
func format(v any) string {
	text := formatted(v)
	if len(text) > maxValue {
		text = strings.ToValidUTF8(text[:maxValue], "") + "…"
	}
	return text
}

func formatted(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case uint64:
		return fmt.Sprintf("%#x", v)
	case string:
		return v
	case []any:
		return list(v)
	case []uint64:
		return list(v)
	case []string:
		return list(v)
	case []*thread:
		return list(v)
	case []*object:
		return list(v)
	case []*pd:
		return list(v)
	case []*slot:
		return list(v)
	case []*happening:
		return list(v)
	case []*verdict:
		return list(v)
	case []*phase:
		return list(v)
	}
	return fmt.Sprint(v)
}

func list[T any](all []T) string {
	if len(all) == 0 {
		return "none"
	}
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = formatted(v)
	}
	return strings.Join(out, ", ")
}
