package ui

import (
	"slices"
	"strings"
)

// sieve is the filter of a table.
type sieve struct {
	filter string
	texts  []string // what it looks into, by index of the source; "" where not asked for so far
}

// rows appends the rows that hold all words of the filter.
func (s *sieve) rows(src source, to []int) []int {
	n, words := src.len(), strings.Fields(strings.ToLower(s.filter))
	to = slices.Grow(to, n)
	for i := range n {
		if s.matches(src, i, words) {
			to = append(to, i)
		}
	}
	return to
}

// matches says whether a row holds all words. Every letter of a filter asks all
// rows: their texts are kept until the data changes.
func (s *sieve) matches(src source, i int, words []string) bool {
	if len(words) == 0 {
		return true
	}
	if len(s.texts) != src.len() {
		s.texts = make([]string, src.len())
	}
	if s.texts[i] == "" {
		s.texts[i] = strings.ToLower(src.search(i))
	}
	for _, w := range words {
		if !strings.Contains(s.texts[i], w) {
			return false
		}
	}
	return true
}
