package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"thaw/report"
	"thaw/session/query"
	"thaw/session/view"
)

func newQueryRun() *cobra.Command {
	var o options
	var asJSON bool
	c := &cobra.Command{
		Use:   "query-run lab[:BUG]|ADDR EXPR",
		Short: "ask a question at every kernel entry of a recorded run",
		Long: `query-run replays a run that QEMU has recorded to the end of the scenario, and runs it
again from its first stop on. Wherever the kernel is entered, by a system call, an exception or
an interrupt, it evaluates an expression (docs/query.md), and prints where that became another:
after which instruction, who had entered the kernel there, and at which instruction that was
seen. An expression that begins with stops, as in "20-31 thread(53).state" or "20- …", is asked between
those. A run of the lab guest is recorded first; at ADDR a QEMU must be replaying one (docs/guide.md).
Ctrl-C ends it with what was seen so far.
It ends with 0 if the value changed, 1 if it never did, 2 if the question could not be asked.`,
		Example: "  thaw query-run lab:overwritten 'count(threads, .component == \"sheep_counter\")'\n  thaw query-run :1234 --build build/x86_64 --snapshots 'child.slot(20f)' --json",
		Args:    arguments(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			ask := view.ParseRunQuestion(args[1])
			q, err := query.Parse(ask.Expr)
			if err == nil {
				err = q.NeedsStops()
			}
			if err != nil {
				return err
			}
			what, err := resolve(args[0], subjectAddress|subjectLab)
			if err != nil {
				return err
			}
			labScenario(c, &o)
			a, err := o.askRun(c.Context(), what, ask)
			switch {
			case err != nil:
				return err
			case asJSON:
				err = report.JSON(c.OutOrStdout(), report.RunQueryJSON{Format: report.Format, RunAnswer: *a})
			default:
				err = printRunAnswer(c.OutOrStdout(), a)
			}
			if err == nil && len(a.Changes) < 2 {
				err = errUnexpected
			}
			return cmp.Or(c.Context().Err(), err) // ended by a signal it is no answer to all of it
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	labFlag(c)
	o.timeoutFlag(c)
	c.Flags().BoolVar(&o.snapshots, "snapshots", false, "keep VM snapshots in the replaying QEMU's qcow2 drive, which shorten the way back; they are removed at the end")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// askRun replays a recorded run to its end and asks a question to all of it.
func (o *options) askRun(ctx context.Context, what subject, ask view.RunQuestion) (a *view.RunAnswer, err error) {
	s, err := o.loadScenario(ctx)
	if err != nil {
		return nil, err
	}
	if err := hasEnd(s); err != nil {
		return nil, err
	}
	var op *opened
	if what.kind == subjectLab {
		l := labOf(o)
		_, option, err := l.variant(s, what.bug)
		if err != nil {
			return nil, err
		}
		op, err = l.openTravel(ctx, s, option, true)
		if err != nil {
			return nil, err
		}
	} else if op, err = o.openAddr(ctx, s, what.name); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(op.goOn(err), op.close(ctx)) }()
	if why := op.engine.View().NoReverse; why != "" {
		return nil, errors.New(why)
	}
	if err := begin(ctx, op.engine); err != nil {
		return nil, err
	}
	if err := runAll(ctx, op.engine, nil); err != nil {
		return nil, err
	}
	defer busy(ctx, "asking at every kernel entry")()
	op.engine.Progress(func(text string) { busy(ctx, "%s", text) })
	defer context.AfterFunc(ctx, func() { op.engine.Interrupt() })() // what was seen so far is told
	return op.engine.AskRun(context.WithoutCancel(ctx), ask)
}

// printRunAnswer prints an answer as a table.
func printRunAnswer(w io.Writer, a *view.RunAnswer) error {
	const form = "%12s  %12s  %s"
	if err := say(w, form, "instruction", "seen at", "value"); err != nil {
		return err
	}
	for _, c := range a.Changes {
		after, by := "", ""
		if c.After != 0 {
			after, by = fmt.Sprint(c.After), fmt.Sprintf("  (%s, %s)", cmp.Or(c.Thread, "thread not known"), c.Entry)
		}
		if err := say(w, form+"%s", after, fmt.Sprint(c.Position), c.New, by); err != nil {
			return err
		}
	}
	return say(w, "%s", a.Summary())
}
