package words

import (
	"cmp"
	"slices"
)

// maxCompared bounds how much of a name counts, in characters.
const maxCompared = 128

// Distance is the number of characters to insert, delete, replace, or to swap with
// their neighbour, from a to b.
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), maxCompared)], y[:min(len(y), maxCompared)]
	row, last, before := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row, last, before = before, row, last
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(y)]
}

// Near are up to three of the names that somebody may have meant by another one,
// the nearest first.
func Near(name string, names []string) []string {
	most := 1 + len([]rune(name))/3
	var out []string
	for _, n := range names {
		if Distance(name, n) <= most && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(Distance(name, a), Distance(name, b)) })
	return out[:min(len(out), 3)]
}
