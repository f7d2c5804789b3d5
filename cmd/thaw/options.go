package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"thaw/gdbremote"
	"thaw/newfile"
	"thaw/readfile"
	"thaw/scenarios"
	"thaw/session/scenario"
	"thaw/ui"
)

// options are the flags that commands share.
type options struct {
	programFiles
	scenario string
	serial   string
	wireLog  string
	remote   bool
	guest    string
	noShare  bool
	ram      string
	sources  []string
	taping
	diverge bool
	expect  string // expectation of the scenario that a recording is held against, "" for the default
	display

	timeout   time.Duration // 0: the scenario's
	snapshots bool          // VM snapshots at every phase
}

// display is how the screen is drawn.
type display struct {
	theme string
	ascii bool
}

// taping is what becomes of a recording.
type taping struct {
	record   string
	force    bool
	withCode bool
	sparse   bool
	title    string
}

// targetFlags are for commands that attach to a guest that runs already.
func (o *options) targetFlags(c *cobra.Command) {
	f := c.Flags()
	o.fileFlags(f)
	f.StringVar(&o.serial, "serial", "", "`PATH` of the guest's serial line (unix socket or file), for its LOG")
	f.StringVar(&o.ram, "ram", "", "`FILE` that holds the guest's RAM (mem-path of a memory-backend-file with share=on): read at the speed of memory")
	f.BoolVar(&o.remote, "allow-remote", false, "allow a stub on another host: it has no authentication")
}

// commonFlags are for all commands that open a session.
func (o *options) commonFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", scenarios.Default, "scenario: a `NAME` that comes with thaw, a file, new to make one of debug info, or none to look around without phases")
	f.StringVar(&o.wireLog, "wire-log", "", "write the remote protocol's packets to this new `file`")
	f.StringArrayVar(&o.sources, "source", nil, "`directory` to look for source files in, besides where they were when the program was built; may be repeated")
	f.StringVar(&o.guest, "guest", "", "`directory` of the built lab guest (default: guest/build beside the program or here)")
	f.StringVar(&o.record, "record", "", "record the session in this new `file`, to be replayed anywhere")
	f.StringVar(&o.title, "title", "", "what the recording says that was recorded (default: the target's name)")
	f.BoolVar(&o.force, "force", false, "overwrite files that exist")
	f.BoolVar(&o.withCode, "with-code", false, "record pages with machine code, too")
	f.BoolVar(&o.sparse, "sparse", false, "record of each page only what was read")
	f.BoolVar(&o.diverge, "divergence", false, "find out where each restored thread parts from its original: both are executed up to their next system call, and put back")
	cacheFlag(f, &o.noCache)
	f.BoolVar(&o.noShare, "no-shared-ram", false, "read the guest's memory through the gdbstub only, not from QEMU's process or a file")
}

// cacheFlag is for commands that load debug info.
func cacheFlag(f *pflag.FlagSet, off *bool) {
	f.BoolVar(off, "no-cache", false, "do not keep what is found in debug info for the next start, nor use what is kept ($XDG_CACHE_HOME/thaw)")
}

// timeoutFlag is for commands that wait for the guest with nobody before a screen.
func (o *options) timeoutFlag(c *cobra.Command) {
	c.Flags().DurationVar(&o.timeout, "timeout", 0, "give up after this `time` without an event (default: the scenario's, else 3m)")
}

// screenFlags are for commands that open the screen.
func (o *display) screenFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.theme, "theme", "", "colours: a `NAME` of "+strings.Join(ui.Themes(), ", ")+" (default: the one used last)")
	f.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters only")
	if err := c.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(ui.Themes(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there
	}
}

// screen says how to draw.
func (o *display) screen() ui.Options {
	return ui.Options{Theme: o.theme, ASCII: o.ascii, ConfigDir: ui.DefaultConfigDir(), Shell: shell}
}

// noScenario is the name of no scenario: a system is looked at, without phases.
const noScenario = "none"

// madeScenario is the name of one that is made of debug info as it is needed.
const madeScenario = "new"

// loadScenario reads the scenario that the flag names.
func (o *options) loadScenario(ctx context.Context) (*scenario.Scenario, error) {
	s, err := o.readScenario(ctx)
	if err == nil && o.timeout != 0 {
		if o.timeout < 0 {
			return nil, fmt.Errorf("--timeout %v is over before it begins: give a time like 5m", o.timeout)
		}
		s.Timeout = scenario.Duration(o.timeout)
	}
	return s, err
}

func (o *options) readScenario(ctx context.Context) (*scenario.Scenario, error) {
	switch o.scenario {
	case noScenario:
		return scenario.Plain(), nil
	case madeScenario:
		return maker{o}.makeScenario(ctx)
	}
	data, err := scenarioText(o.scenario)
	if err != nil {
		return nil, err
	}
	return scenario.Parse(o.scenario, data)
}

// onlyLive refuses files of what goes on with a guest where there is none: it would not be
// told that they are not made. is says what there is instead.
func (o *options) onlyLive(is string) error {
	for flag, file := range map[string]string{"--record": o.record, "--wire-log": o.wireLog} {
		if file != "" {
			return fmt.Errorf("%s: leave out %s, which needs a guest that runs", is, flag)
		}
	}
	return nil
}

// gdbOptions opens the wire log; the returned function closes it.
func (o *options) gdbOptions() (gdbremote.Options, func() error, error) {
	g := gdbremote.Options{AllowRemote: o.remote, Warn: func(s string) { say(os.Stderr, "thaw: warning: %s", s) }}
	if o.wireLog == "" {
		return g, func() error { return nil }, nil
	}
	if o.ram != "" { // opened only behind the stub: the log must not be written over it
		if err := readfile.Use(o.ram); err != nil {
			return g, nil, err
		}
	}
	f, err := newfile.Create(o.wireLog, o.force)
	if err != nil {
		return g, nil, orForce(fmt.Errorf("opening the wire log: %w", err))
	}
	log := &wholeFile{file: f}
	g.WireLog = log
	return g, log.Close, nil
}

// wholeFile is a file whose writer goes on when it cannot be written: Close tells.
type wholeFile struct {
	file *os.File
	err  error // the first one
}

func (w *wholeFile) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err // half a line must not be followed by others
	}
	n, err := w.file.Write(p)
	if err != nil {
		w.err = fmt.Errorf("the wire log ends too early: %w", err)
	}
	return n, err
}

// Close says what was not written.
func (w *wholeFile) Close() error { return errors.Join(w.err, w.file.Close()) }
