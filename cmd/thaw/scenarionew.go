package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"thaw/debuginfo"
	"thaw/session/scenario"
	"thaw/session/scenario/propose"
	"thaw/session/view"
)

// newFlags are scenario new's own.
type newFlags struct {
	restorer, child, name, out string
	run                        string // lab, lab:BUG or a gdbstub's address, "" for none
}

func newScenarioNew() *cobra.Command {
	var o options
	var f newFlags
	c := &cobra.Command{
		Use:   "new --build DIRECTORY",
		Short: "make a scenario for your own restorer, from debug info",
		Long: `new looks for the restorer and its child among the programs of the build
directory, and proposes phases (what says by its name that it checkpoints or
restores, and what that calls, in the order of the calls), the way to the stored
states (what has ip, sp and a name, through Genode's containers), and the point
after which the restored threads may run. It prints the file and, with --out,
writes it. On a terminal it asks; elsewhere the likeliest are taken.

With --from-run the system runs once, to the end of the restore: phases that did
not come by are left out, and the others stand in the order in which they came. If
the guest ends before, or nothing comes for too long, what came until then is kept.
Start QEMU with -S for that, so that nothing is missed.`,
		Example: "  thaw scenario new --build build/x86_64 --out my.yaml\n  thaw scenario new --build build/x86_64 --restorer rtcr --child sheep_counter\n  thaw scenario new --build build/x86_64 --from-run :1234 --out my.yaml",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return maker{&o}.newScenario(c.Context(), c.OutOrStdout(), f)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	o.timeoutFlag(c)
	for _, name := range []string{"scenario", "record", "title", "with-code", "sparse", "divergence", "source"} {
		if err := c.Flags().MarkHidden(name); err != nil {
			panic(err) // the flag is there
		}
	}
	c.Flags().StringVar(&f.run, "from-run", "", "let the system run once, lab[:BUG] or at a gdbstub's `ADDR`ess, and keep what comes by")
	c.Flags().StringVar(&f.restorer, "restorer", "", "`component` that checkpoints and restores")
	c.Flags().StringVar(&f.child, "child", "", "`component` that is checkpointed and restored")
	c.Flags().StringVar(&f.name, "name", "", "the scenario's `name` (default: the restorer's)")
	c.Flags().StringVarP(&f.out, "out", "o", "", "write the scenario to this new `file`")
	return c
}

// maker makes scenarios of programs.
type maker struct{ *options }

func (o maker) newScenario(ctx context.Context, w io.Writer, f newFlags) error {
	if f.out == "-" {
		f.out = "" // it is printed anyway
	} else if err := mayWrite(o.force, f.out); err != nil {
		return err
	}
	if f.run == "" {
		if err := o.onlyLive("there is no --from-run"); err != nil {
			return err
		}
	}
	look := *o.options
	if lab, _, _ := strings.Cut(f.run, ":"); lab == "lab" && look.build == "" {
		l := labOf(o.options)
		dir, err := l.dir()
		if err != nil {
			return err
		}
		look.kernel, look.build = l.kernel, dir
	}
	p, err := maker{&look}.propose(ctx, f)
	if err != nil {
		return err
	}
	if f.name != "" {
		p.Name = f.name
	}
	if f.run != "" {
		if err := o.fromRun(ctx, p, f.run); err != nil {
			return err
		}
	}
	text := p.Text()
	if _, err := scenario.Parse(p.Name, text); err != nil {
		return fmt.Errorf("what was made is no scenario: %w", err)
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if f.out == "" && term.IsTerminal(int(os.Stdin.Fd())) {
		if f.out, err = askLine(ctx, "write it to which file? (Enter: none) "); err != nil {
			return err
		}
	}
	if f.out == "" {
		return nil
	}
	if err := writeFile(ctx, f.out, o.force, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
		return err
	}
	path := f.out
	if !strings.ContainsAny(path, "/.") {
		path = "./" + path
	}
	return say(os.Stderr, "wrote %s: use it with --scenario %s", f.out, path)
}

// makeScenario makes the scenario that a session is opened with. Without a build directory
// the lab guest's is meant.
func (o maker) makeScenario(ctx context.Context) (*scenario.Scenario, error) {
	look := *o.options
	if o.build == "" && len(o.symbols) == 0 {
		l := labOf(o.options)
		dir, err := l.dir()
		if err != nil {
			return nil, err
		}
		look.kernel, look.build = l.kernel, dir
	}
	p, err := maker{&look}.propose(ctx, newFlags{})
	if err != nil {
		return nil, err
	}
	return scenario.Parse(madeScenario, p.Text())
}

// propose makes a scenario of the programs.
func (o maker) propose(ctx context.Context, f newFlags) (*propose.Proposal, error) {
	if o.build == "" && len(o.symbols) == 0 {
		return nil, errors.New("say where the programs are: --build DIRECTORY, or --kernel ELF and --symbols FILE")
	}
	plain := scenario.Plain()
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) { return o.loadAll(plain) })
	if err != nil {
		return nil, err
	}
	kernel := plain.KernelName()
	restorers, err := propose.Restorers(files, kernel)
	if err != nil {
		return nil, err
	}
	if f.restorer, err = pick(ctx, "restorer", f.restorer, restorers); err != nil {
		return nil, err
	}
	if f.child, err = pick(ctx, "child", f.child, propose.Children(files, kernel, f.restorer)); err != nil {
		return nil, err
	}
	return propose.For(propose.Needed(files, kernel, f.restorer, f.child), kernel, f.restorer, f.child)
}

// fromRun lets the system run to the end of the restore, and keeps of the proposed phases
// those that came by. Of a run that was cut short that is what came before, if anything
// did: the restore may be what ended the guest.
func (o maker) fromRun(ctx context.Context, p *propose.Proposal, run string) (err error) {
	what, err := resolve(run, subjectAddress|subjectLab)
	if err != nil {
		return err
	}
	s, err := scenario.Parse(p.Name, p.Text())
	if err != nil {
		return err
	}
	if o.timeout != 0 {
		s.Timeout = scenario.Duration(o.timeout)
	}
	op, _, err := o.openWhat(ctx, s, what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(op.goOn(err), op.close(ctx)) }()
	if err := begin(ctx, op.engine); err != nil {
		return err
	}
	err = cutShort(runAll(ctx, op.engine, nil), op.engine)
	v := op.engine.View()
	came := slices.ContainsFunc(v.Phases, func(p view.Phase) bool { return p.Hits > 0 })
	switch {
	case err != nil && !(isCut(err) && came):
		return err
	case len(v.Mismatches) > 0:
		return &errMismatch{v.Mismatches[0].String()}
	case err != nil:
		say(os.Stderr, "thaw: warning: the scenario has only what came by before this: %v", op.goOn(err))
	}
	return p.Took(v.Phases, v.Complete, op.target.Name())
}

// pick takes the component that was named, asks for it on a terminal, or takes the first.
func pick(ctx context.Context, what, named string, all []propose.Candidate) (string, error) {
	var names []string
	for _, c := range all {
		if c.Name == named {
			return named, nil
		}
		names = append(names, c.Name)
	}
	switch {
	case len(all) == 0:
		return "", fmt.Errorf("no program with debug info looks like a %s: name the directory with --build, or its file with --symbols", what)
	case named != "":
		return "", fmt.Errorf("no program %q may be the %s: --%s takes one of %s", named, what, what, strings.Join(names, ", "))
	case len(all) > 1 && term.IsTerminal(int(os.Stdin.Fd())):
		for i, c := range all {
			say(os.Stderr, "  %d  %-24s %s", i+1, c.Name, c.Why)
		}
		answer, err := askLine(ctx, fmt.Sprintf("%s? (1 to %d, or a name; Enter: %s) ", what, len(all), all[0].Name))
		if err != nil || answer == "" {
			return all[0].Name, err
		}
		for i, c := range all {
			if answer == c.Name || answer == fmt.Sprint(i+1) {
				return c.Name, nil
			}
		}
		return "", fmt.Errorf("%q is none of %s", answer, strings.Join(names, ", "))
	}
	say(os.Stderr, "%s: %s (%s)", what, all[0].Name, all[0].Why)
	return all[0].Name, nil
}

// askLine asks for a line on the terminal, as long as nobody ends it.
func askLine(ctx context.Context, question string) (string, error) {
	fmt.Fprint(os.Stderr, question)
	type answer struct {
		line string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(os.Stdin, maxAnswer)).ReadString('\n')
		done <- answer{line, err}
	}()
	select {
	case a := <-done:
		if a.err != nil && (a.err != io.EOF || a.line == "") {
			return "", fmt.Errorf("nothing was answered: %w", a.err)
		}
		return strings.TrimSpace(a.line), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 4096
