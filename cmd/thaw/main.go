// Command thaw is a debugger for checkpoint/restore bugs on Genode OS.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"thaw/fault"
	"thaw/garbage"
	"thaw/printable"
	"thaw/words"
)

// Exit codes.
const (
	exitOK         = 0
	exitUnexpected = 1 // a check found something else than expected
	exitFailed     = 2 // could not run
)

// errUnexpected makes a check end with exitUnexpected; what it found was
// printed.
var errUnexpected = errors.New("not as expected")

func main() { os.Exit(run(os.Args[1:])) }

// run executes a command line and returns the exit code.
func run(args []string) int {
	defer garbage.Spare(garbage.Enough)()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	// A reader that goes away (`thaw snapshot … | head`) must not kill us while
	// the guest is stopped: the write fails instead.
	signal.Ignore(syscall.SIGPIPE)
	root := newRoot()
	root.SetArgs(args)
	// Nor may one that does not read keep us from ending.
	out := &patientWriter{ctx: ctx, w: os.Stdout}
	root.SetOut(out)
	root.SetErr(&patientWriter{ctx: ctx, w: os.Stderr})
	m := newMeter(os.Stderr)
	err := fault.Guard(func() error { return root.ExecuteContext(withMeter(ctx, m)) })
	m.end()
	if err == nil {
		err = out.lost // not everybody looks: help, doctor
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnexpected):
		return exitUnexpected
	case readerGone(err):
		return exitFailed
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		say(os.Stderr, "thaw: stopped, by a signal")
		return exitFailed
	}
	say(os.Stderr, "thaw: %s", oneMessage(err))
	if ours := (*fault.Fault)(nil); errors.As(err, &ours) {
		_, _ = os.Stderr.Write(ours.Stack) // functions and lines of ours
	}
	return exitFailed
}

// oneMessage is an error in one line. Several errors in one (a failure, and what went
// wrong in leaving) come in lines, and so does what may have been meant by a command.
func oneMessage(err error) string {
	text, near, _ := strings.Cut(err.Error(), "\n\nDid you mean this?\n")
	if near != "" {
		text += "; did you mean " + strings.Join(strings.Fields(near), " or ") + "?"
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// arguments makes sure that a command has so many arguments.
func arguments(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return fmt.Errorf("%s was given %s: write %s", c.CommandPath(), words.Count(len(args), "argument"), strings.TrimSuffix(c.UseLine(), " [flags]"))
		}
		return nil
	}
}

// patientWriter writes to a pipe that may have a reader who does not read: it waits
// for that until ctx ends, and then for a moment: what was found up to a signal has one.
type patientWriter struct {
	ctx context.Context
	w   io.Writer

	err  error // since that moment has passed
	lost error // of the first write that failed
}

// lastWrite is how long a reader may take once we are to end.
const lastWrite = 200 * time.Millisecond

// Write implements io.Writer.
func (p *patientWriter) Write(data []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	data = bytes.Clone(data) // the caller's again once we return
	go func() {
		n, err := p.w.Write(data)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		p.lost = cmp.Or(p.lost, r.err)
		return r.n, r.err
	case <-p.ctx.Done():
	}
	select {
	case r := <-done:
		p.lost = cmp.Or(p.lost, r.err)
		return r.n, r.err
	case <-time.After(lastWrite):
		p.err = fmt.Errorf("writing what nobody reads: %w", p.ctx.Err())
		return 0, p.err
	}
}

// readerGone tells whether our own output had no reader any more: nobody is left
// to tell it to. A stub that hangs up breaks its socket with the same EPIPE.
func readerGone(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && p.Path == os.Stdout.Name() && errors.Is(p, syscall.EPIPE)
}

// say prints one line. A guest, a stub or a recording may have chosen any of its
// words: names, file names, messages.
func say(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintln(w, printable.Text(fmt.Sprintf(format, args...)))
	return err
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "thaw",
		Short: "find out which thread's restored state was ignored, where and why",
		Long: `thaw attaches to a Genode system in QEMU, walks through a checkpoint and its
restore, and shows for every restored thread how far its state came:
checkpointed, requested, kernel, entered.`,
		Example:       "  thaw demo                                     # what it is about, told step by step\n  thaw lab                                      # debug the guest that comes with it\n  thaw attach :1234 --build build/x86_64        # debug your own system",
		Version:       version(), // --version, which people try
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddCommand(newLab(), newAttach(), newSnapshot(), newTop(), newCheck(), newRecord(), newReplay(), newDemo(), newFollow(), newExport(), newDiff(), newQuery(), newQueryRun(), newServe(), newList(), newDoctor(), newVersion(), newCompareJDB(), newCompareGDB(), newScenario(), newMan())
	for _, c := range root.Commands() {
		switch c.Name() {
		case "replay", "demo", "check", "export", "serve", "diff", "query", "snapshot":
			c.ValidArgsFunction = completeRecordings
		}
	}
	return root
}
