package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"thaw/report"
	"thaw/session/query"
)

func newQuery() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "query FILE|NAME EXPR",
		Short: "ask a question to all stops of a recording",
		Long: `query evaluates an expression over the kernel's objects at every stop of a
recording, and prints from which stop to which it had which value; of one that is
true or false, where it is true. Ids and slots in parentheses are hex, as they are
everywhere. docs/query.md lists what there is to ask for. It ends with 0 if there is
such a stop, 1 if there is none, 2 if the question could not be asked.`,
		Example: `  thaw query rtcr-2016 'child.slot(20f).kind == "IRQ"'
  thaw query rtcr-2016 'thread(231).state contains "rcv_wait"'
  thaw query rtcr-2016 'holders(155)'
  thaw query bug.thaw 'any(writes, .name == "ep")' --json`,
		Args: arguments(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			q, err := query.Parse(args[1])
			if err != nil {
				return err
			}
			r, _, err := openReplay(c.Context(), args[0])
			if err != nil {
				return err
			}
			done := busy(c.Context(), "asking all stops")
			a, err := func() (*query.Answer, error) {
				s, err := r.QueryStops()
				if err != nil {
					return nil, err
				}
				return q.Ask(c.Context(), s)
			}()
			done()
			switch {
			case err != nil:
				return err
			case asJSON:
				err = report.JSON(c.OutOrStdout(), report.NewQueryJSON(a))
			default:
				err = printAnswer(c.OutOrStdout(), a)
			}
			if err == nil && len(a.Runs) == 0 {
				err = errUnexpected
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// printAnswer prints an answer as a table.
func printAnswer(w io.Writer, a *query.Answer) error {
	runs := a.All()
	width := len("stops")
	for _, r := range runs {
		width = max(width, len(r.Stops()))
	}
	if len(runs) > 0 {
		fmt.Fprintf(w, "%-*s  value\n", width, "stops")
	}
	for _, r := range runs {
		if err := say(w, "%-*s  %s", width, r.Stops(), r.Text()); err != nil {
			return err
		}
	}
	return say(w, "%s", a.Summary())
}
