package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// newMan writes manual pages; it is for packagers.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "write manual pages of all commands",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("writing manual pages: %w", err)
			}
			root := c.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "THAW", Section: "1", Manual: "thaw", Source: "thaw"}, args[0]); err != nil {
				return fmt.Errorf("writing manual pages: %w", err)
			}
			return nil
		},
	}
}

// reference writes docs/commands.md: every command as --help tells it.
func reference(w io.Writer, root *cobra.Command) {
	fmt.Fprint(w, "# Commands\n\n`thaw help COMMAND` tells the same. This file is written by `go test ./cmd/thaw -update`.\n`thaw completion SHELL` writes a completion script, `thaw man DIRECTORY` manual pages.\n")
	references(w, root, "")
}

// references writes the commands below one; those of a group follow it.
func references(w io.Writer, parent *cobra.Command, group string) {
	for _, c := range parent.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		fmt.Fprintf(w, "\n## %s%s\n\n    thaw %s%s\n\n%s\n", group, c.Name(), group, c.Use, cmp.Or(c.Long, sentenceOf(c.Short)))
		if c.Example != "" {
			fmt.Fprintf(w, "\n```\n%s\n```\n", unindent(c.Example))
		}
		var rows []string
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if value != "" {
				name += " " + value
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s |", name, strings.ReplaceAll(usage, "|", "\\|")))
		})
		if len(rows) > 0 {
			fmt.Fprintf(w, "\n| flag | |\n| --- | --- |\n%s\n", strings.Join(rows, "\n"))
		}
		references(w, c, group+c.Name()+" ")
	}
}

func sentenceOf(short string) string { return strings.ToUpper(short[:1]) + short[1:] + "." }

// unindent takes the indentation of cobra's examples away.
func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
