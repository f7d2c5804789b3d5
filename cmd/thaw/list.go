package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"thaw/kernel/kernels"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session/evidence"
	"thaw/words"
)

func newList() *cobra.Command {
	var asJSON, long, causes bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "list the restore bugs that come with thaw as recordings",
		Example: "  thaw list\n  thaw list --long\n  thaw list --causes",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case causes && asJSON:
				return report.JSON(c.OutOrStdout(), evidence.Causes(kernels.Causes()))
			case causes:
				return listCauses(c.OutOrStdout())
			case asJSON:
				return report.JSON(c.OutOrStdout(), scenarios.Catalogue())
			}
			return listCatalogue(c.OutOrStdout(), long)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVarP(&long, "long", "l", false, "print stories and sources, too")
	c.Flags().BoolVar(&causes, "causes", false, "list the causes of verdicts instead, in the order in which they are tried")
	return c
}

// listCauses prints the rules that verdicts come from.
func listCauses(w io.Writer) error {
	const width = 13 // of the longest verdict
	for _, c := range evidence.Causes(kernels.Causes()) {
		lab := ""
		if c.Lab != "" {
			lab = "  (thaw lab --bug " + c.Lab + ")"
		}
		fmt.Fprintf(w, "%-*s  %s%s\n", width, c.Verdict, c.Rule, lab)
		if c.Advice != "" {
			fmt.Fprintf(w, "%-*s    try: %s\n", width, "", c.Advice)
		}
	}
	_, err := fmt.Fprintln(w, "The first rule that holds gives the verdict; none holds on evidence that is missing.")
	return err
}

// listCatalogue prints the catalogue.
func listCatalogue(w io.Writer, long bool) error {
	width := 0
	for _, r := range scenarios.Catalogue() {
		width = max(width, len(r.Name))
	}
	for _, r := range scenarios.Catalogue() {
		fmt.Fprintf(w, "%2d  %-*s  %s\n", r.Bug, width, r.Name, r.Title)
		if !long {
			continue
		}
		for _, p := range []struct{ what, text string }{{"", r.Story}, {"shown by: ", r.Shows}, {"source: ", r.Source}, {"recorded from: ", r.From}} {
			if p.text == "" {
				continue
			}
			for _, l := range words.Wrap(p.what+strings.Join(strings.Fields(p.text), " "), 72) {
				fmt.Fprintf(w, "      %s\n", l)
			}
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintln(w, "thaw replay NAME walks one, thaw demo NAME tells its story, thaw check NAME judges it.")
	return err
}
