package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// shown is a command line in a document, at the beginning of a line of code.
var shown = regexp.MustCompile(`(?m)^(?:    |\x60\x60\x60\n)?(?:\./run|thaw) ([a-z][a-z-]*\b[^\n#]*)`)

// Every command line in the documents is one that thaw takes: the command is
// there, and so are its flags.
func TestDocsCommands(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, doc := range append(docs, "../../README.md", "../../guest/README.md", "../../scenarios/README.md") {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			root := newRoot()
			root.InitDefaultCompletionCmd()
			root.InitDefaultHelpCmd()
			c, rest, err := root.Find(words)
			if err != nil || c == root {
				if strings.Contains(m[0], "./run") || strings.HasPrefix(m[0], "    thaw") {
					t.Errorf("%s: there is no command in %q", doc, strings.TrimSpace(m[0]))
				}
				continue // a sentence
			}
			found++
			for _, w := range rest {
				name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
				switch {
				case strings.HasPrefix(w, "--") && lookFlag(c.Flags(), c.InheritedFlags(), name) == nil:
					t.Errorf("%s: thaw %s has no flag %s", doc, c.Name(), w)
				case len(w) == 2 && w[0] == '-' && c.Flags().ShorthandLookup(name) == nil:
					t.Errorf("%s: thaw %s has no flag %s", doc, c.Name(), w)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d command lines were found", found)
	}
}

func lookFlag(own, inherited *pflag.FlagSet, name string) *pflag.Flag {
	if f := own.Lookup(name); f != nil {
		return f
	}
	return inherited.Lookup(name)
}
