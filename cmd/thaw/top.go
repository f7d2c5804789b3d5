package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/report"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/session/view"
	"thaw/session/watch"
)

// topFlags are top's own.
type topFlags struct {
	json, once bool
	interval   time.Duration
	looks      int
}

// fastest is how often a guest is looked at at the most.
const fastest = 100 * time.Millisecond

func newTop() *cobra.Command {
	var o options
	var f topFlags
	c := &cobra.Command{
		Use:   "top ADDR",
		Short: "watch threads, waits and capability counts of a guest while it runs, without stopping it",
		Long: `top looks at a guest while it runs, again and again, and never stops it: it does not
connect to the gdbstub, for QEMU would stop the guest for that. The address only tells
which QEMU is meant; the kernel is found in that process's memory by its text, or in the
file of --ram. That needs Linux, the same host and the same user.

Memory is read several times for each look. A row counts that was the same three times;
any other is shown as torn: the guest was changing it. Who runs is told by the kernel's
own words, so that a guest that stands looks like one that runs.`,
		Example: "  thaw top :1234 --build build/x86_64\n  thaw top :1234 --kernel kernel.elf --interval 100ms\n  thaw top :1234 --build build/x86_64 --once --json",
		Args:    oneAddress,
		RunE: func(c *cobra.Command, args []string) error {
			if f.interval < fastest {
				return fmt.Errorf("--interval %v is too short: give %v or more", f.interval, fastest)
			}
			if f.looks < 0 {
				return fmt.Errorf("--looks %d: give a number of looks, or 0 for no end", f.looks)
			}
			if f.once {
				f.looks = 1
			}
			return f.top(c.Context(), c.OutOrStdout(), &o, args[0])
		},
	}
	l := c.Flags()
	l.StringVar(&o.kernel, "kernel", "", "kernel `ELF` with debug info")
	l.StringVar(&o.build, "build", "", "Genode build `directory` to find the kernel in")
	l.StringVar(&o.ram, "ram", "", "`FILE` that holds the guest's RAM (mem-path of a memory-backend-file with share=on), where QEMU's process may not be read")
	cacheFlag(l, &o.noCache)
	l.BoolVar(&f.json, "json", false, "print JSON, one look a line")
	l.BoolVar(&f.once, "once", false, "look once")
	l.IntVar(&f.looks, "looks", 0, "end after this many looks (0: go on)")
	l.DurationVar(&f.interval, "interval", time.Second, "`time` between looks, 100ms or more")
	return c
}

// top looks at a guest until it has looked often enough, or is ended.
func (f *topFlags) top(ctx context.Context, w io.Writer, o *options, addr string) (err error) {
	k, err := await(ctx, loading, func() (watch.Kernel, error) { return watched(o) })
	if err != nil {
		return err
	}
	found, err := live.FindRunning(addr, o.ram, k.File.Machine())
	if err != nil {
		return err
	}
	defer func() {
		for _, r := range found {
			err = errors.Join(err, r.Close())
		}
	}()
	done := busy(ctx, "finding the kernel in memory")
	g, err := openWatch(ctx, found, k)
	done()
	if err != nil {
		return err
	}
	ticks := time.NewTicker(f.interval)
	defer ticks.Stop()
	for n := 1; ; n++ {
		l, err := g.Look(ctx)
		if err == nil {
			err = f.print(w, l)
		}
		switch {
		case ctx.Err() != nil && f.looks == 0:
			return nil // ended by the user
		case err != nil:
			return err
		case n == f.looks:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}

// watched loads the kernel, and core where that knows names.
func watched(o *options) (k watch.Kernel, err error) {
	k.File, err = o.loadKernel(scenario.Plain())
	if err != nil {
		return k, err
	}
	files := map[string]*debuginfo.File{}
	if o.build != "" {
		paths, _ := buildDir(o.build).programs()
		if core, err := debuginfo.Load(paths[kernel.Core], "", o.cache()); err == nil {
			files[kernel.Core] = core // else threads have no names where only core knows them
		}
	}
	return watchedOf(k.File, files)
}

// watchedOf is a kernel with a decoder of its own.
func watchedOf(file *debuginfo.File, files map[string]*debuginfo.File) (k watch.Kernel, err error) {
	k.File = file
	k.Decoder, k.Paging, err = kernels.Open(file.Tap(), coreOf(files))
	return k, err
}

// openWatch finds the kernel in one of several pieces of memory. The error is about the
// largest.
func openWatch(ctx context.Context, found []live.Running, k watch.Kernel) (*watch.Guest, error) {
	var first error
	for i := range found {
		g, err := watch.Open(ctx, &found[i], k)
		if err == nil || !errors.Is(err, watch.ErrNotFound) {
			return g, err
		}
		if first == nil {
			first = fmt.Errorf("%s: %w; let it boot, and give the kernel ELF of the system that runs", found[i].Name, err)
		}
	}
	return nil, first
}

// print shows a look: on a terminal in place of the one before.
func (f topFlags) print(w io.Writer, l *view.Look) error {
	if f.json {
		return report.JSONLine(w, report.NewLookJSON(l))
	}
	var b bytes.Buffer
	rows, columns := 0, 0
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) && f.looks != 1 {
		if c, r, err := term.GetSize(fd); err == nil && r > 1 {
			columns, rows = c, r-1
		}
		b.WriteString("\x1b[H\x1b[2J") // to the first place of an empty screen (ECMA-48, CUP and ED)
	} else if l.Number > 1 {
		b.WriteString("\n")
	}
	if err := report.Top(&b, l, rows, columns); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
