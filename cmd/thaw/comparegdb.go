package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/oracle"
	"thaw/printable"
	"thaw/report"
	"thaw/session/scenario"
	"thaw/words"
)

// gdbFlags are compare-gdb's own.
type gdbFlags struct {
	kernel   string // what it turned out to be
	json     bool
	program  string
	commands []string
	stops    int
	apart    time.Duration
	timeout  time.Duration
}

func newCompareGDB() *cobra.Command {
	var o options
	var f gdbFlags
	c := &cobra.Command{
		Use:   "compare-gdb ADDR",
		Short: "hold the kernel's objects against what gdb reads by itself at the same stop",
		Long: `compare-gdb stops a guest with base-hw, NOVA or seL4, has gdb read the kernel's
threads, protection domains and capabilities by a script that shares nothing with
thaw, reads them itself at the same stop, and prints every difference. Then the guest
goes on. --do gives gdb commands that lead to the stop, such as "hbreak
Kernel::Thread::_save" and "continue". It ends with 0 if there is no difference,
1 if there are some, 2 if it could not run.`,
		Example: "  thaw compare-gdb :1234 --build build/x86_64\n  thaw compare-gdb :1234 --build build/x86_64 --stops 20 --apart 2s\n  thaw compare-gdb :1234 --build build/x86_64 --do 'hbreak Kernel::Thread::_save' --do continue",
		Args:    oneAddress,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithTimeout(c.Context(), f.timeout)
			defer cancel()
			return o.compareGDB(ctx, c.OutOrStdout(), args[0], f)
		},
	}
	l := c.Flags()
	l.StringVar(&o.kernel, "kernel", "", "the kernel's `ELF` with debug info")
	l.StringVar(&o.build, "build", "", "Genode build `directory` to find it in")
	l.BoolVar(&o.remote, "allow-remote", false, "allow a stub on another host: it has no authentication")
	l.StringVar(&f.program, "gdb", "", "gdb with Python, by `name` or path (gdb, or gdb-multiarch for a guest on ARM, where none is named)")
	l.StringArrayVar(&f.commands, "do", nil, "gdb `command` that leads to the stop; may be repeated")
	l.IntVar(&f.stops, "stops", 1, "compare at this many stops")
	l.DurationVar(&f.apart, "apart", time.Second, "let the guest run for up to this `time` between stops, for no two of the same length")
	l.BoolVar(&f.json, "json", false, "print JSON")
	l.DurationVar(&f.timeout, "timeout", 10*time.Minute, "give up after this `time`")
	return c
}

// gdbStop is what a comparison at one stop came to.
type gdbStop struct {
	Stop      int      `json:"stop"`
	PC        string   `json:"pc"`
	Rows      int      `json:"rows"`
	OnlyModel []string `json:"only_thaw"`
	OnlyGDB   []string `json:"only_gdb"`
	Problems  []string `json:"problems,omitempty"` // of the decoder
}

func (o *options) compareGDB(ctx context.Context, w io.Writer, addr string, f gdbFlags) (err error) {
	s := scenario.Plain()
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) { return o.loadAll(s) })
	if err != nil {
		return err
	}
	file := files[s.KernelName()]
	dec, _, err := kernels.Open(file, nil)
	if err != nil {
		return err
	}
	f.kernel = dec.Platform().Name
	if f.program == "" {
		if f.program = "gdb"; file.Machine() != elf.EM_X86_64 {
			f.program = "gdb-multiarch"
		}
	}
	if known := oracle.Kernels(); !slices.Contains(known, f.kernel) {
		return fmt.Errorf("%s is the kernel of %s: compare-gdb knows %s", file.Path(), f.kernel, strings.Join(known, ", "))
	}
	if f.stops < 1 || f.apart <= 0 {
		return errors.New("give --stops and --apart more than 0")
	}
	stops := []gdbStop{}
	differs := false
	for n := range f.stops {
		if n > 0 {
			if err := rest(ctx, rand.N(f.apart)+1); err != nil {
				return err
			}
		}
		at, err := o.compareOnce(ctx, s, files, addr, f)
		if err != nil {
			return fmt.Errorf("stop %d: %w", n+1, err)
		}
		at.Stop = n + 1
		stops = append(stops, at)
		differs = differs || len(at.OnlyModel)+len(at.OnlyGDB) > 0
		if !f.json {
			if err := at.print(w); err != nil {
				return err
			}
		}
	}
	if f.json {
		if err := report.JSON(w, stops); err != nil {
			return err
		}
	}
	if differs {
		return errUnexpected
	}
	return nil
}

// compareOnce compares at one stop. The guest goes on, however it ends.
func (o *options) compareOnce(ctx context.Context, s *scenario.Scenario, files map[string]*debuginfo.File, addr string, f gdbFlags) (at gdbStop, err error) {
	defer func() {
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if went := letGo(leave, addr, o.remote); err == nil {
			err = went // else nobody may have come so far that it stands
		}
	}()
	read, err := await(ctx, "gdb reads", func() ([]string, error) {
		r := oracle.Reader{GDB: f.program, Kernel: f.kernel, ELF: files[s.KernelName()].Path()}
		if core := files[kernel.Core]; core != nil {
			r.Core = core.Path()
		}
		return r.Read(ctx, addr, f.commands)
	})
	if err != nil {
		return at, err
	}
	op, err := o.openWith(ctx, s, files, addr)
	if err != nil {
		return at, err
	}
	defer func() { err = errors.Join(err, op.close(ctx)) }()
	snap, err := op.engine.Snapshot(ctx, "compare with gdb")
	if err != nil {
		return at, err
	}
	at.PC, at.Rows, at.Problems = snap.PC.String(), len(read), snap.System.AllProblems()
	at.OnlyModel, at.OnlyGDB = oracle.Differences(snap.System, read)
	return at, nil
}

// letGo lets a guest run on that a debugger left standing.
func letGo(ctx context.Context, addr string, remote bool) error {
	c, err := gdbremote.Dial(ctx, addr, gdbremote.Options{AllowRemote: remote})
	if err == nil {
		err = errors.Join(c.Detach(ctx), c.Close())
	}
	if err != nil {
		return fmt.Errorf("letting the guest go on: %w", err)
	}
	return nil
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (at gdbStop) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "stop %d at %s: %s of gdb's, %s\n", at.Stop, at.PC, words.Count(at.Rows, "row"), words.Count(len(at.OnlyModel)+len(at.OnlyGDB), "difference"))
	for _, side := range []struct {
		who  string
		rows []string
	}{{"thaw", at.OnlyModel}, {"gdb ", at.OnlyGDB}, {"note", at.Problems}} {
		for _, row := range side.rows {
			if err == nil {
				_, err = fmt.Fprintf(w, "  %s  %s\n", side.who, printable.Text(row))
			}
		}
	}
	return err
}
