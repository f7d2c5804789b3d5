package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thaw/report"
	"thaw/session"
	"thaw/session/beside"
	"thaw/session/scenario"
	"thaw/session/view"
	"thaw/ui"
)

func newLab() *cobra.Command {
	var o options
	var bug, plant string
	var serve besideFlags
	var rr bool
	c := &cobra.Command{
		Use:   "lab [--bug NAME]",
		Short: "debug the lab guest: a small stand-in for Genode that comes with thaw",
		Long: `lab starts the lab guest under QEMU and opens the debugger on it. It has two kernels,
with bugs of their own: one shows the bug of 2016, and with --kernel hw it is one with
the objects of base-hw. With --plant nothing goes wrong but one pointer of the child, which
is spoilt in the way that is named, to try W and :origin on (guest/README.md tells
where it is); take --rr with it.

With --rr the guest's run is recorded first, to the end of the scenario, and
then replayed under the debugger: it does the same again, instruction by
instruction, and goes backwards, too (S, C, W), or back to any stop (B). With
--snapshots the guest runs live, and QEMU keeps a snapshot of the whole machine
at every phase, to which B goes back. With neither, p and f only show earlier
stops.`,
		Example: "  thaw lab\n  thaw lab --bug overwritten\n  thaw lab --kernel hw --bug zero\n  thaw lab --rr\n  thaw lab --rr --plant copy-of-copy\n  thaw lab --snapshots",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.kernel != "" && !slices.Contains(labKernelNames(), o.kernel) {
				return fmt.Errorf("the lab guest has no kernel %q: --kernel takes one of: %s", o.kernel, strings.Join(labKernelNames(), ", "))
			}
			labScenario(c, &o)
			s, err := o.loadScenario(c.Context())
			if err != nil {
				return err
			}
			l := labOf(&o)
			option, err := l.known(bug)
			if err == nil && plant != "" {
				l, err = plantedIn(l, plant)
			}
			if err != nil {
				return err
			}
			op, err := l.openTravel(c.Context(), s, option, rr)
			if err != nil {
				return err
			}
			return o.interactive(c.Context(), op, serve)
		},
	}
	o.commonFlags(c)
	o.screenFlags(c)
	serve.on(c)
	c.Flags().BoolVar(&rr, "rr", false, "record the guest's run and debug its replay, which goes backwards, too")
	c.Flags().BoolVar(&o.snapshots, "snapshots", false, "keep a VM snapshot at every phase, to put the guest back to")
	c.MarkFlagsMutuallyExclusive("rr", "snapshots")
	c.Flags().StringVar(&o.kernel, "kernel", "", "kernel that the guest runs on: a `NAME` of "+strings.Join(labKernelNames(), ", ")+" (default: the first)")
	c.Flags().StringVar(&bug, "bug", "", "what goes wrong in the guest: a `NAME` of guest/README.md, where each kernel has its own")
	c.Flags().StringVar(&plant, "plant", "", "spoil a pointer of the child in the `WAY` that guest/README.md describes, or all of them")
	c.MarkFlagsMutuallyExclusive("plant", "bug")
	if err := errors.Join(c.RegisterFlagCompletionFunc("plant", cobra.FixedCompletions(plantNames(), cobra.ShellCompDirectiveNoFileComp)), c.RegisterFlagCompletionFunc("bug", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return labOf(&o).bugs(), cobra.ShellCompDirectiveNoFileComp
	}),
		c.RegisterFlagCompletionFunc("kernel", cobra.FixedCompletions(labKernelNames(), cobra.ShellCompDirectiveNoFileComp))); err != nil {
		panic(err) // the flags are there
	}
	return c
}

func newAttach() *cobra.Command {
	var o options
	var serve besideFlags
	c := &cobra.Command{
		Use:     "attach ADDR",
		Short:   "debug a guest that runs under QEMU with a gdbstub",
		Example: "  thaw attach :1234 --build build/x86_64\n  thaw attach :1234 --build build/x86_64 --serve :1235\n  thaw attach :1234 --kernel kernel.elf --symbols core --symbols rtcr=target_restorer-tester --symbols sheep_counter",
		Args:    oneAddress,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := o.loadScenario(c.Context())
			if err != nil {
				return err
			}
			op, err := o.openAddr(c.Context(), s, args[0])
			if err != nil {
				return err
			}
			return o.interactive(c.Context(), op, serve)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	o.screenFlags(c)
	serve.on(c)
	c.Flags().BoolVar(&o.snapshots, "snapshots", false, "keep a VM snapshot (thaw-0, thaw-1, …) at every phase in QEMU's qcow2 drive, to put the guest back to; they are removed at the end")
	return c
}

func oneAddress(_ *cobra.Command, args []string) error { return oneSubject(args, subjectAddress) }

// oneSubject makes sure that there is one argument, of a kind that is taken.
func oneSubject(args []string, takes subjectKind) error {
	if len(args) != 1 {
		return errors.New("give one thing: " + takes.give())
	}
	_, err := resolve(args[0], takes)
	return err
}

// besideFlags are of commands whose screen may have another debugger beside it.
type besideFlags struct{ serve, only string }

func (f *besideFlags) on(c *cobra.Command) {
	c.Flags().StringVar(&f.serve, "serve", "", "serve the guest to gdb beside the screen, at this `address`: HOST:PORT, or the path of a unix socket")
	c.Flags().StringVar(&f.only, "only", "", "show one `component` alone beside the screen, by its name or id: for debuggers of one process, such as lldb")
}

// interactive opens the terminal interface and leaves the guest in order after
// it. Where there is an address to serve it at, it is from the beginning.
func (o *options) interactive(ctx context.Context, op *opened, serve besideFlags) (err error) {
	defer func() { err = errors.Join(op.goOn(err), op.close(ctx)) }()
	if err := begin(ctx, op.engine); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ctl := beside.New(ctx, session.NewController(ctx, op.engine), serve.only)
	ctl.LookBy(op.watched)
	defer func() {
		ctl.Hide() // gdb's breakpoints are taken off while there is somebody to do so
		cancel()
		op.abort()
		ctl.Interrupt()
		<-ctl.Done()
		if v := ctl.View(); err == nil && v.State == view.Ended {
			err = v.Err // the screen that showed it is gone
		}
	}()
	if serve.serve != "" {
		if err := ctl.Listen(serve.serve); err != nil {
			return notListening(serve.serve, err)
		}
	}
	return ui.Run(ctx, ctl, o.screen())
}

// begin sets the scenario's breakpoints, for which debug info is searched.
func begin(ctx context.Context, e *session.Engine) error {
	defer busy(ctx, "setting the scenario's breakpoints")()
	return e.Begin(ctx)
}

// snapshotFlags are snapshot's own.
type snapshotFlags struct{ json, caps, ipc bool }

func newSnapshot() *cobra.Command {
	var o options
	var f snapshotFlags
	c := &cobra.Command{
		Use:   "snapshot ADDR|FILE[@STOP]",
		Short: "print all threads, tasks and capabilities once, and leave the guest as it was",
		Long: `snapshot prints what the kernel's own debugger lists: threads with state, wait
partner, ip and sp, tasks, and with --caps every object space. Of a recording it
prints a stop, the last one if none is given.`,
		Example: "  thaw snapshot :1234 --build build/x86_64 --caps\n  thaw snapshot :1234 --kernel kernel.elf --symbols core --json\n  thaw snapshot bug.thaw@14 --ipc",
		Args: func(_ *cobra.Command, args []string) error {
			return oneSubject(args, subjectAddress|subjectRecorded|subjectStop)
		},
		RunE: func(c *cobra.Command, args []string) error {
			what, err := resolve(args[0], subjectAddress|subjectRecorded|subjectStop)
			if err != nil {
				return err
			}
			if what.kind&subjectRecorded != 0 {
				if err := o.onlyLive(args[0] + " is a recording"); err != nil {
					return err
				}
				s, err := openSide(c.Context(), args[0])
				if err != nil {
					return err
				}
				return f.print(c.OutOrStdout(), s.view.Snapshot)
			}
			return o.snapshot(c.Context(), c.OutOrStdout(), args[0], f)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().BoolVar(&f.caps, "caps", false, "print the capability tables too")
	c.Flags().BoolVar(&f.ipc, "ipc", false, "print who waits for whom, and the IRQs")
	return c
}

// snapshot reads a guest that runs already.
func (o *options) snapshot(ctx context.Context, w io.Writer, addr string, f snapshotFlags) (err error) {
	s, err := o.loadScenario(ctx)
	if err != nil {
		return err
	}
	op, err := o.openLook(ctx, s, addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, op.close(ctx)) }()
	done := busy(ctx, "reading the kernel's objects")
	snap, err := op.engine.Snapshot(ctx, "snapshot")
	done()
	if err != nil {
		return err
	}
	if err := f.print(w, snap); err != nil {
		return err
	}
	if all := op.engine.View().Mismatches; len(all) > 0 {
		return &errMismatch{all[0].String()}
	}
	return nil
}

func (f snapshotFlags) print(w io.Writer, s *view.Snapshot) error {
	switch {
	case f.json:
		return report.JSON(w, report.NewSnapshotJSON(s))
	case f.ipc:
		return report.IPC(w, s)
	}
	return report.Snapshot(w, s, f.caps)
}

// openWhat opens a live session: of the lab guest, or at a gdbstub's address.
// variant is the expectation that it is held against.
func (o *options) openWhat(ctx context.Context, s *scenario.Scenario, what subject) (op *opened, variant string, err error) {
	if what.kind != subjectLab {
		op, err = o.openAddr(ctx, s, what.name)
		return op, scenario.DefaultVariant, err
	}
	l := labOf(o)
	variant, option, err := l.variant(s, what.bug)
	if err != nil {
		return nil, "", err
	}
	op, err = l.open(ctx, s, option, labRun{})
	return op, variant, err
}
