package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"thaw/kernel/kernels"
	"thaw/recording"
	"thaw/scenarios"
	"thaw/session"
	"thaw/ui"
)

func newRecord() *cobra.Command {
	var o options
	var until string
	var restores int
	c := &cobra.Command{
		Use:   "record lab[:BUG]|ADDR -o FILE",
		Short: "walk all phases without a screen and record them in a file",
		Long: `record runs the scenario to its end and keeps in a file what was read at every
stop: registers, the memory pages that the model needs, evidence, LOG, and the
debug info that was used. The file replays anywhere: "thaw replay FILE" needs no
QEMU, no ELF files and no Genode. With --until the guest goes on after the
restore's end, until the LOG has a line with a text: what a bug does is often seen
only there. To record while you debug, give --record FILE
to lab or attach.`,
		Example: "  thaw record lab:overwritten -o overwritten.thaw\n  thaw record lab:rom-data --until 'Going to bed' -o bed.thaw\n  thaw record :1234 --build build/x86_64 -o bug.thaw",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return errors.New("say what to record: lab, lab:BUG, or the gdbstub's address")
			case o.record == "":
				return errors.New("say where to: -o FILE.thaw")
			case restores < 1:
				return fmt.Errorf("--restores %d: give a number of restores, 1 or more", restores)
			}
			what, err := resolve(args[0], subjectAddress|subjectLab)
			if err != nil {
				return err
			}
			labScenario(c, &o)
			return o.recordAll(c.Context(), c.ErrOrStderr(), what, until, restores)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	labFlag(c)
	o.timeoutFlag(c)
	c.Flags().StringVarP(&o.record, "output", "o", "", "new `file` for the recording")
	c.Flags().IntVar(&restores, "restores", 1, "go on until this `number` of restores are over")
	c.Flags().StringVar(&until, "until", "", "go on after the restore's end, until a line that the LOG got since the restore began holds this `text`")
	c.Flags().MarkHidden("record")
	return c
}

// recordAll records one scenario headless, and tells every stop.
func (o *options) recordAll(ctx context.Context, w io.Writer, what subject, until string, restores int) (err error) {
	s, err := o.loadScenario(ctx)
	if err != nil {
		return err
	}
	if err := hasEnd(s); err != nil {
		return err
	}
	op, _, err := o.openWhat(ctx, s, what)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(op.goOn(err), op.close(ctx))
		if size, stops := op.writer.Size(); stops > 0 {
			say(w, "%s: %d stops, %s", op.writer.Path(), stops, humanize.Bytes(uint64(size)))
		}
	}()
	if err := begin(ctx, op.engine); err != nil {
		return err
	}
	run := untilSaid(op.engine, until)
	if until == "" && restores > 1 {
		run = func(ctx context.Context, arrived func()) error { return op.engine.RunMany(ctx, restores, arrived) }
	}
	return runOn(ctx, op.engine, run, func() {
		size, _ := op.writer.Size()
		v := op.engine.View()
		if s := v.Snapshot; s != nil {
			say(w, "%9s  stop %d: %s", humanize.Bytes(uint64(size)), s.Number, s.Reason)
		}
		if v.Unrecorded != "" {
			say(w, "thaw: warning: %s: make room, it is tried again at every stop", v.Unrecorded)
		}
	})
}

func newReplay() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "replay [FILE|NAME]",
		Short: "walk a recording, forward and back",
		Long: `replay shows a recording as the live session was: the same screen, the same
keys, any stop at once. It takes a file or the name of a recording that comes
with thaw ("thaw list"); without either it shows the restore bug of 2016.`,
		Example: "  thaw replay\n  thaw replay overwritten\n  thaw replay bug.thaw",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := openPlayer(c.Context(), append(args, scenarios.Default)[0])
			if err != nil {
				return err
			}
			return ui.Run(c.Context(), p, o.screen())
		},
	}
	o.screenFlags(c)
	return c
}

// openPlayer opens a recording for the screen.
func openPlayer(ctx context.Context, what string) (*session.Player, error) {
	r, _, err := openReplay(ctx, what)
	if err != nil {
		return nil, err
	}
	return session.NewPlayer(r)
}

// openRecording reads a recording: a file, or one that comes with thaw.
func openRecording(what string) (*recording.Recording, error) {
	s, err := resolve(what, subjectRecorded)
	if err != nil {
		return nil, err
	}
	if s.kind == subjectFile {
		return recording.Open(what)
	}
	from, err := scenarios.Open(what)
	if err != nil {
		return nil, err
	}
	return recording.Read(what, from)
}

// openReplay reads a recording and prepares its replay. What is missing of it is
// told.
func openReplay(ctx context.Context, what string) (*session.Replay, *recording.Recording, error) {
	rec, err := await(ctx, "reading "+what, func() (*recording.Recording, error) { return openRecording(what) })
	if err != nil {
		return nil, nil, err
	}
	if d := rec.Damage(); d != "" {
		say(os.Stderr, "thaw: warning: %s: %s", what, d)
	}
	kernel, core, err := rec.Kernel()
	if err != nil {
		return nil, nil, err
	}
	decoder, paging, err := kernels.Open(kernel, core)
	if err != nil {
		return nil, nil, err
	}
	r, err := session.NewReplay(rec, decoder, paging)
	return r, rec, err
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("give a recording: a file, as `thaw record` makes it, or a name of `thaw list`")
	}
	return nil
}
