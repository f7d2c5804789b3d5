package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// keysDoc is docs/keys.md, from the table.
func keysDoc() string {
	u := newUI(newFake(viewStopped()), Options{Tour: fixtureTour()})
	var b strings.Builder
	b.WriteString("# Keys and commands\n\n`?` shows this in the debugger, with what works at the moment. Your own\nkeys and commands: [ui.md](ui.md). This file is written by `go test ./ui -update`.\n")
	for _, g := range groups {
		if g == groupCommand || g == groupOwn {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n| key | does |\n| --- | --- |\n", strings.ToUpper(g[:1])+g[1:])
		for _, a := range u.keys {
			if a.group == g {
				fmt.Fprintf(&b, "| `%s` | %s |\n", a.label, a.help)
			}
		}
	}
	b.WriteString("\n## Commands\n\nTyped behind `:`. Tab completes, ↑ recalls; a beginning that only one command has is enough.\n\n| command | does | key |\n| --- | --- | --- |\n")
	for _, a := range u.keys {
		if a.command != "" {
			key := a.label
			if key != "" {
				key = "`" + key + "`"
			}
			fmt.Fprintf(&b, "| `:%s` | %s | %s |\n", strings.ReplaceAll(a.usage(), "|", `\|`), a.help, key)
		}
	}
	return b.String()
}

// The documentation of the keys is that of the table.
func TestKeysDoc(t *testing.T) {
	const path = "../docs/keys.md"
	want := keysDoc()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the table says (%v); write it with go test ./ui -update", path, err)
	}
}

// Commands that the documents name are there.
func TestDocsName(t *testing.T) {
	docs, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	u := newUI(newFake(viewStopped()), Options{Tour: fixtureTour()})
	command, found := regexp.MustCompile("`:([a-z]+)"), 0
	for _, doc := range append(docs, "../README.md") {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range command.FindAllStringSubmatch(string(text), -1) {
			found++
			if u.keys.command(m[1]) == nil {
				t.Errorf("%s names :%s, which is no command", doc, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d commands were found", found)
	}
}
