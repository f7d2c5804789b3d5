package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session/scenario"
	"thaw/session/scenario/verify"
	"thaw/words"
)

func newScenario() *cobra.Command {
	c := &cobra.Command{
		Use:   "scenario new|check|schema",
		Short: "make and check scenario files",
		Long: `A scenario tells thaw what is checkpointed and restored, and where the phases are.
scenarios/README.md describes the files.`,
		Example: "  thaw scenario new --build build/x86_64 --out my.yaml\n  thaw scenario check my.yaml --build build/x86_64\n  thaw scenario schema",
		Args:    arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say what to do with scenarios: `thaw scenario new`, `thaw scenario check FILE`, or `thaw scenario schema`")
		},
	}
	c.AddCommand(newScenarioNew(), newScenarioCheck(), newScenarioSchema())
	return c
}

func newScenarioSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON schema of scenario files, for editors",
		Long: `schema prints a JSON schema made from the types that read scenario files. Editors
with the YAML language server take it by a first line of the file:

    # yaml-language-server: $schema=scenario.schema.json`,
		Example: "  thaw scenario schema >scenario.schema.json",
		Args:    arguments(0, 0),
		RunE:    func(c *cobra.Command, _ []string) error { return report.JSON(c.OutOrStdout(), scenario.Schema()) },
	}
}

func newScenarioCheck() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "check FILE|NAME …",
		Short: "say all that is wrong with a scenario, without a guest",
		Long: `check holds scenario files against their form and, with --build, against the debug
info of the programs that they name. It prints everything that is wrong, each with
file, line and column, and what may have been meant. It ends with 0 if nothing is
wrong, 1 if something is, 2 if it could not run.`,
		Example: "  thaw scenario check my.yaml --build build/x86_64\n  thaw scenario check my.yaml --kernel kernel.elf --symbols rtcr=target_restorer-tester\n  thaw scenario check my.yaml",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("say what to check: a scenario's file, or the name of one that comes with thaw")
			}
			bad := false
			for _, a := range args {
				n, err := checker{&o}.checkScenario(c.Context(), c.OutOrStdout(), a)
				if err != nil {
					return err
				}
				bad = bad || n > 0
			}
			if bad {
				return errUnexpected
			}
			return nil
		},
	}
	o.programFlags(c)
	return c
}

// programFlags are for commands that need programs and no guest.
func (o *programFiles) programFlags(c *cobra.Command) {
	o.fileFlags(c.Flags())
	cacheFlag(c.Flags(), &o.noCache)
}

// checker holds scenarios against their form and against programs.
type checker struct{ *options }

// checkScenario prints what is wrong with a scenario, and counts it.
func (o checker) checkScenario(ctx context.Context, w io.Writer, name string) (wrong int, err error) {
	data, err := scenarioText(name)
	if err != nil {
		return 0, err
	}
	s, rep, err := scenario.Read(data)
	if err != nil {
		return 1, say(w, "%s: %v", name, err)
	}
	held, err := o.holdAgainst(ctx, s, rep)
	if err != nil {
		return 0, err
	}
	all := rep.Problems()
	for _, p := range all {
		if err := say(w, "%s:%d:%d: %s", name, p.Line, p.Column, p.Text); err != nil {
			return len(all), err
		}
	}
	if len(all) > 0 {
		return len(all), say(w, "%s: %s wrong", name, words.Count(len(all), "thing")+areIs(len(all)))
	}
	return 0, say(w, "%s: nothing is wrong%s", name, held)
}

func areIs(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// scenarioText reads a scenario's file, or one that comes with thaw.
func scenarioText(name string) ([]byte, error) {
	if isScenarioFile(name) {
		return scenario.ReadFile(name)
	}
	return scenarios.Read(name)
}

// isScenarioFile says whether a scenario's name is that of a file.
func isScenarioFile(name string) bool {
	st, err := os.Stat(name)
	return err == nil && !st.IsDir() || strings.ContainsAny(name, "/.")
}

// holdAgainst holds a scenario against the programs, and says what it was held against.
func (o checker) holdAgainst(ctx context.Context, s *scenario.Scenario, rep *scenario.Report) (held string, err error) {
	if o.build == "" && o.kernel == "" && len(o.symbols) == 0 {
		return " with its form; --build holds it against the programs, too", nil
	}
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) { return o.findFiles(s, rep) })
	if err != nil {
		return "", err
	}
	var platform *kernel.Platform
	if k := files[s.KernelName()]; k != nil {
		dec, _, err := kernels.Open(k.Tap(), coreOf(files))
		if err != nil {
			rep.Add("components."+s.KernelName(), "%v", err)
		} else {
			platform = dec.Platform()
		}
	}
	verify.Against(s, rep, files, platform)
	return fmt.Sprintf(", held against %s of %s", words.Count(len(files), "program"), strings.Join(slices.Sorted(maps.Keys(files)), ", ")), nil
}

// findFiles loads the debug info of a scenario's components, as far as they are there,
// and reports the others.
func (o checker) findFiles(s *scenario.Scenario, rep *scenario.Report) (map[string]*debuginfo.File, error) {
	named, err := o.named(s)
	if err != nil {
		return nil, err
	}
	if o.build != "" {
		if err := buildDir(o.build).check(); err != nil {
			return nil, err
		}
	}
	files := map[string]*debuginfo.File{}
	for _, name := range componentNames(s) {
		f, err := o.findFile(s, name, named[name])
		if err != nil {
			rep.Add("components."+name, "component %s: %v", name, err)
			continue
		}
		files[name] = f
	}
	return files, o.addCore(s, files, named, o.build)
}

// findFile loads the debug info of one component.
func (o checker) findFile(s *scenario.Scenario, name, path string) (*debuginfo.File, error) {
	if path != "" {
		return o.loadNamed(path)
	}
	spec := s.Components[name]
	if o.build == "" {
		return nil, fmt.Errorf("no file is given: --symbols %s=FILE, or --build DIRECTORY", name)
	}
	f, err := o.findIn(o.build, spec.Files)
	if f != nil || err != nil {
		return f, err
	}
	there, _ := buildDir(o.build).programs()
	near := ""
	for _, want := range append(slices.Clone(spec.Files), name) {
		if n := words.Near(want, slices.Sorted(maps.Keys(there))); len(n) > 0 && near == "" {
			near = "; did you mean " + strings.Join(n, " or ") + "?"
		}
	}
	return nil, fmt.Errorf("no debug info: looked for %s in %s%s", strings.Join(spec.Files, ", "), o.build, near)
}
