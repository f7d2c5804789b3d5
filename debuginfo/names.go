package debuginfo

import (
	"regexp"
	"sort"
	"strings"

	"thaw/words"
)

// baseNames maps spellings of the basic types to the one that GCC writes into
// debug info.
var baseNames = map[string]string{
	"unsigned":               "unsigned int",
	"long":                   "long int",
	"signed long":            "long int",
	"unsigned long":          "long unsigned int",
	"unsigned long int":      "long unsigned int",
	"long unsigned":          "long unsigned int",
	"long long":              "long long int",
	"unsigned long long":     "long long unsigned int",
	"unsigned long long int": "long long unsigned int",
	"long long unsigned":     "long long unsigned int",
	"short":                  "short int",
	"unsigned short":         "short unsigned int",
	"unsigned short int":     "short unsigned int",
	"signed":                 "int",
	"signed int":             "int",
}

var (
	literalSuffix = regexp.MustCompile(`\b(\d+)[uUlL]+\b`)
	basicWords    = regexp.MustCompile(`\b(?:(?:unsigned|signed|long|short|int)\b\s*){1,4}`)
	spaces        = regexp.MustCompile(`\s*([^\w\s])\s*`)
)

// canonTemplate makes template names comparable that debug info ("List<long
// unsigned int, 3>") and demangler ("List<unsigned long, 3ul>") spell
// differently.
func canonTemplate(s string) string {
	s = strings.ReplaceAll(s, "(anonymous namespace)::", "")
	s = literalSuffix.ReplaceAllString(s, "$1")
	s = basicWords.ReplaceAllStringFunc(s, func(m string) string {
		t := strings.Join(strings.Fields(m), " ")
		if b, ok := baseNames[t]; ok {
			t = b
		}
		return t + " "
	})
	return strings.TrimSpace(spaces.ReplaceAllString(s, "$1"))
}

// closest picks up to three of the names that are most like a name: those that
// end in the same last part first, then the fewest changed letters.
func closest(name string, names []string) []string {
	parts := splitName(name)
	last := parts[len(parts)-1]
	type candidate struct {
		name string
		cost int
	}
	var found []candidate
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		p := splitName(n)
		cost := 0
		if p[len(p)-1] != last {
			cost = words.Distance(p[len(p)-1], last)
			if cost > 1+len(last)/3 {
				continue
			}
		}
		found = append(found, candidate{n, 4*cost + words.Distance(n, name)})
	}
	sort.Slice(found, func(i, j int) bool {
		if found[i].cost != found[j].cost {
			return found[i].cost < found[j].cost
		}
		return found[i].name < found[j].name
	})
	var out []string
	for _, c := range found[:min(len(found), 3)] {
		out = append(out, c.name)
	}
	return out
}

// didYouMean puts close names into words, "" if there are none.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}
