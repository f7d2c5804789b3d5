// Package cxx knows how C++ spells names: scopes, template arguments, parameters, and
// what demanglers and compilers write differently. It knows no files.
package cxx

import (
	"regexp"
	"sort"
	"strings"

	"thaw/words"

	"github.com/ianlancetaylor/demangle"
)

// BaseNames maps spellings of the basic types to the one that GCC writes into
// debug info.
var BaseNames = map[string]string{
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

// Canon makes template names comparable that debug info ("List<long
// unsigned int, 3>") and demangler ("List<unsigned long, 3ul>") spell
// differently.
func Canon(s string) string {
	s = strings.ReplaceAll(s, "(anonymous namespace)::", "")
	s = literalSuffix.ReplaceAllString(s, "$1")
	s = basicWords.ReplaceAllStringFunc(s, func(m string) string {
		t := strings.Join(strings.Fields(m), " ")
		if b, ok := BaseNames[t]; ok {
			t = b
		}
		return t + " "
	})
	return strings.TrimSpace(spaces.ReplaceAllString(s, "$1"))
}

// Closest picks up to three of the names that are most like a name: those that
// end in the same last part first, then the fewest changed letters.
func Closest(name string, names []string) []string {
	parts := Split(name)
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
		p := Split(n)
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

// DidYouMean puts close names into words, "" if there are none.
func DidYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}

// Demangle spells a symbol in C++; clone suffixes are left out.
func Demangle(raw string) string {
	return demangle.Filter(raw, demangle.NoClones)
}

// Key is a name without spaces and anonymous namespaces.
func Key(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "(anonymous namespace)::", ""), " ", "")
}

// StripParams takes parameter lists out of a demangled name, also those of
// functions around a local static.
func StripParams(name string) string {
	var b strings.Builder
	depth, angle := 0, 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if depth == 0 && angle == 0 && strings.HasPrefix(name[i:], "operator") {
			// operator() and the like keep their brackets.
			n := len("operator")
			for i+n < len(name) && strings.IndexByte("()<>=!+-*/%^&|~[],", name[i+n]) >= 0 && (name[i+n] != '(' || n == len("operator")) {
				n++
			}
			b.WriteString(name[i : i+n])
			i += n - 1
			continue
		}
		switch {
		case c == '(' && angle == 0:
			depth++
		case c == ')' && angle == 0:
			depth--
			continue
		case c == '<' && depth == 0:
			angle++
		case c == '>' && depth == 0 && angle > 0:
			angle--
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(b.String()), " const")
}

// Split cuts a qualified name at the "::" that are outside of template
// arguments and parameter lists.
func Split(name string) []string {
	var parts []string
	depth, start := 0, 0
	name = strings.TrimPrefix(name, "::")
	for i := 0; i < len(name); i++ {
		if strings.HasPrefix(name[i:], "operator") && (i == start) {
			break // the rest is an operator's name
		}
		switch name[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ':':
			if depth == 0 && i+1 < len(name) && name[i+1] == ':' {
				if p := name[start:i]; p != "(anonymous namespace)" {
					parts = append(parts, p)
				}
				i++
				start = i + 1
			}
		}
	}
	return append(parts, name[start:])
}

// SplitParams cuts the parameter list off a function name.
func SplitParams(name string) (base, params string, ok bool) {
	name = strings.TrimSuffix(name, " const")
	if !strings.HasSuffix(name, ")") || strings.HasSuffix(name, "operator()") {
		return name, "", false
	}
	if i := opening(name, '(', ')'); i >= 0 {
		return strings.TrimSpace(name[:i]), name[i+1 : len(name)-1], true
	}
	return name, "", false
}

// TemplateArguments are those at the end of a class's name.
func TemplateArguments(name string) (list []string, ok bool) {
	if !strings.HasSuffix(name, ">") {
		return nil, false
	}
	if i := opening(name, '<', '>'); i >= 0 {
		return SplitList(name[i+1 : len(name)-1]), true
	}
	return nil, false
}

// opening is where the bracket opens that closes at the end of a name, -1 if nowhere.
func opening(name string, opens, closes byte) int {
	depth := 0
	for i := len(name) - 1; i >= 0; i-- {
		switch name[i] {
		case closes:
			depth++
		case opens:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// CanonList is a list of types in the form that canon gives each, to be compared.
func CanonList(types []string, canon func(string) string) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = canon(t)
	}
	return strings.Join(out, ",")
}

// SplitList cuts a parameter list at its commas; "void" is none.
func SplitList(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	last := strings.TrimSpace(s[start:])
	if len(out) == 0 && (last == "" || last == "void") {
		return nil
	}
	return append(out, last)
}

// SplitPath cuts "a.B::c.d" at dots outside of template arguments.
func SplitPath(path string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '<':
			depth++
		case '>':
			depth--
		case '.':
			if depth == 0 {
				parts = append(parts, path[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, path[start:])
}

func Matches(own, name string) bool {
	if own == name || strings.HasSuffix(own, "::"+name) {
		return true
	}
	if i := strings.IndexByte(own, '<'); i >= 0 && !strings.Contains(name, "<") {
		return Matches(own[:i], name)
	}
	if strings.Contains(name, "<") && strings.Contains(own, "<") {
		a, b := Canon(own), Canon(name)
		return a == b || strings.HasSuffix(a, "::"+b)
	}
	return false
}
