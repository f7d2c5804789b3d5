package propose

import (
	"slices"
	"strings"
	"unicode"
)

// purpose is what a function is for, as its name says.
type purpose uint8

const (
	nothing purpose = iota
	checkpointing
	restoring
)

// stems are beginnings of words that tell a purpose, the usual one first.
var stems = map[purpose][]string{
	checkpointing: {"checkpoint", "ckpt", "snapshot", "suspend", "freez", "frozen", "captur", "hibernat", "sav", "stor", "serializ"},
	restoring:     {"restor", "thaw", "reviv", "recover", "resurrect", "reinstat", "recreat", "resum", "reload", "unfreez", "deserializ"},
}

// endings are those of the words that begin with a stem.
var endings = []string{"", "e", "s", "es", "ed", "er", "ers", "or", "ing", "ation"}

// Words with which names of functions begin that are no phases: they clean up, look up or
// tell.
var minor = []string{"destroy", "destruct", "delete", "free", "print", "log", "dump", "find", "lookup", "debug", "verbose", "get", "is", "has", "operator", "allocator", "alloc"}

// Words by which kinds of functions and members are recognised.
var (
	startWords  = []string{"start", "resume", "run", "continue", "unpause", "go"}
	memoryWords = []string{"dataspace", "dataspaces", "memory", "mem", "ram", "page", "pages", "content", "contents", "data"}
	keptWords   = []string{"stored", "saved", "kept", "checkpoint", "checkpointed", "ckpt", "snapshot", "frozen", "captured", "suspended", "state", "states"}
	nameWords   = []string{"name", "label", "title"}
)

// wordsOf splits an identifier at underscores and at capitals, in lower case.
func wordsOf(name string) []string {
	var out []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			out = append(out, string(word))
		}
		word = nil
	}
	var before rune
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
		case unicode.IsUpper(r) && unicode.IsLower(before):
			end()
			word = append(word, unicode.ToLower(r))
		default:
			word = append(word, unicode.ToLower(r))
		}
		before = r
	}
	end()
	return out
}

// purposeOf is what a name says, and how plainly: 2 if its first word is nothing else
// than that, 1 if some word is, 0 if none.
func purposeOf(name string) (purpose, int) {
	for i, w := range wordsOf(name) {
		for p, all := range stems {
			for _, s := range all {
				if ending, ok := strings.CutPrefix(w, s); !ok || !slices.Contains(endings, ending) {
					continue
				}
				if i == 0 && len(wordsOf(name)) == 1 {
					return p, 2
				}
				return p, 1
			}
		}
	}
	return nothing, 0
}

// says tells whether one of a name's words is among some.
func says(name string, some []string) bool {
	return slices.ContainsFunc(wordsOf(name), func(w string) bool { return slices.Contains(some, w) })
}

// verb is the first word of a name, "" if it has none.
func verb(name string) string {
	if w := wordsOf(name); len(w) > 0 {
		return w[0]
	}
	return ""
}

// split cuts a qualified name into its class or namespace and the last part, outside of
// template arguments.
func split(name string) (class, last string) {
	depth := 0
	for i := len(name) - 1; i > 0; i-- {
		switch name[i] {
		case '>', ')':
			depth++
		case '<', '(':
			depth--
		case ':':
			if depth == 0 && name[i-1] == ':' {
				return name[:i-1], name[i+1:]
			}
		}
	}
	return "", name
}

// top is the outermost namespace or class of a name, "" if it has none.
func top(name string) string {
	first, _, ok := strings.Cut(name, "::")
	if !ok || strings.ContainsAny(first, "<( ") {
		return ""
	}
	return first
}

// foreign are namespaces of libraries: what stands there is nobody's own.
var foreign = []string{"Genode", "std", "__cxxabiv1", "__gnu_cxx", "Core", "Kernel", "Linker"}

// own says whether a function is one of the component's own methods: not of a library,
// and neither made by the compiler nor an operator.
func own(name string) bool {
	class, last := split(name)
	if class == "" || slices.Contains(foreign, top(name)) || strings.HasPrefix(name, "_Z") {
		return false
	}
	_, short := split(class)
	short, _, _ = strings.Cut(short, "<")
	plain, _, _ := strings.Cut(last, "<")
	switch {
	case plain == short, strings.HasPrefix(last, "~"), strings.HasPrefix(last, "operator"), strings.HasPrefix(last, "{"), strings.Contains(last, "lambda"):
		return false
	}
	return true
}
