package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/gdamore/tcell/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"thaw/fault"
	"thaw/kernel"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/view"
	"thaw/ui"
)

// finding is the result of a checkup.
type finding struct {
	state string // one of the three below
	text  string
	do    string // what to do about it, "" if nothing
}

// How a checkup ends. What is missing may not be needed.
const (
	fine    = "ok"
	missing = "--"
	wrong   = "!!"
)

// checkup is one thing that the doctor looks at.
type checkup struct {
	name string
	look func(ctx context.Context, o *options) finding
}

// checkups is the table of what the doctor looks at, in order.
var checkups = []checkup{
	{"terminal", lookTerminal},
	{"QEMU", lookProgram("qemu-system-x86_64", "starts the lab guest", "apt-get install qemu-system-x86")},
	{"QEMU for ARM", lookProgram("qemu-system-arm", "runs ARM systems", "apt-get install qemu-system-arm, if you debug one")},
	{"lab guest", lookGuest},
	{"qemu-img", lookProgram("qemu-img", "makes the image for lab --rr and --snapshots", "apt-get install qemu-utils, if you want to go back in time")},
	{"gdb", lookProgram("gdb", "connects to thaw serve", "apt-get install gdb, if you want to use it")},
	{"recordings", lookRecordings},
	{"settings", lookSettings},
	{"temporary files", lookTemp},
}

func newDoctor() *cobra.Command {
	var o options
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor [ADDR]",
		Short: "check what thaw needs, and say what to do",
		Long: `doctor looks at the terminal, QEMU, the lab guest, files and permissions. With the
address of a gdbstub it attaches, too, checks the kernel and the components, and
leaves the guest as it was. It ends with 0 if nothing is wrong, 2 if something
is. What it prints is what a bug report needs: it begins with the versions.`,
		Example: "  thaw doctor\n  thaw doctor :1234 --build build/x86_64",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if _, err := resolve(args[0], subjectAddress); err != nil {
					return err
				}
			} else if err := o.onlyLive("no address is given"); err != nil {
				return err
			}
			return o.checkUp(c.Context(), c.OutOrStdout(), args, asJSON)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// checkUp looks at everything, and at the guest at an address if one is given.
func (o *options) checkUp(ctx context.Context, w io.Writer, addr []string, asJSON bool) error {
	bad, out := 0, doctorJSON{Format: report.Format, About: about(ctx)}
	for _, l := range out.About {
		if !asJSON {
			say(w, "%s", l)
		}
	}
	tell := func(name string, f finding) {
		if f.state == wrong {
			bad++
		}
		out.Findings = append(out.Findings, findingJSON{name, findingWords[f.state], f.text, f.do})
		if asJSON {
			return
		}
		say(w, "%s  %-16s %s", f.state, name, f.text)
		if f.do != "" {
			say(w, "    %-16s %s", "", f.do)
		}
	}
	for _, k := range checkups {
		tell(k.name, k.look(ctx, o))
	}
	if len(addr) == 1 {
		tell("guest", o.lookAddr(ctx, addr[0]))
	}
	if asJSON {
		if err := report.JSON(w, out); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the above must be put right", bad)
	}
	return nil
}

// doctorJSON is what doctor prints.
type doctorJSON struct {
	Format   int           `json:"format"`
	About    []string      `json:"about"` // versions, a line each
	Findings []findingJSON `json:"findings"`
}

type findingJSON struct {
	Name  string `json:"name"`
	State string `json:"state"` // "ok", "missing" (it may not be needed), "wrong"
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // what to do about it
}

// findingWords are the states in words.
var findingWords = map[string]string{fine: "ok", missing: "missing", wrong: "wrong"}

func lookTerminal(context.Context, *options) finding {
	name := os.Getenv("TERM")
	if name == "" || name == "dumb" {
		return finding{missing, fmt.Sprintf("TERM=%q cannot show a screen", name), "use another terminal, or check, snapshot and export, which need none"}
	}
	info, err := tcell.LookupTerminfo(name)
	if err != nil {
		return finding{wrong, fmt.Sprintf("TERM=%q is not known", name), "set TERM to what your terminal is, such as xterm-256color"}
	}
	text := fmt.Sprintf("%s, %d colours", name, info.Colors)
	if width, height, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		text += fmt.Sprintf(", %d×%d", width, height)
		if width < 80 || height < 24 {
			return finding{missing, text, "80×24 is the least at which everything has room"}
		}
	}
	if !ui.UTF8Locale() {
		return finding{missing, text + ", no UTF-8", "set LANG to a UTF-8 locale, or use --ascii"}
	}
	return finding{fine, text, ""}
}

// lookProgram finds a program that some uses need.
func lookProgram(name, what, do string) func(context.Context, *options) finding {
	return func(ctx context.Context, _ *options) finding {
		path, err := exec.LookPath(name)
		if err != nil {
			return finding{missing, fmt.Sprintf("%s is not installed: it %s", name, what), do}
		}
		version, err := askVersion(ctx, path)
		if err != nil {
			return finding{wrong, fmt.Sprintf("%s does not run: %v", path, err), "install it anew"}
		}
		return finding{fine, version, ""}
	}
}

func lookGuest(_ context.Context, o *options) finding {
	dir, err := labOf(o).dir()
	if err != nil {
		return finding{missing, "not built: only lab, check lab and record lab need it", "run `make guest`, or start thaw by ./run"}
	}
	return finding{fine, "in " + dir, ""}
}

func lookRecordings(ctx context.Context, _ *options) finding {
	for _, e := range scenarios.Catalogue() {
		if err := ctx.Err(); err != nil {
			return finding{missing, "not looked at: " + err.Error(), ""}
		}
		if _, err := openRecording(e.Name); err != nil {
			return finding{wrong, err.Error(), "build thaw anew, from a whole checkout"}
		}
	}
	return finding{fine, fmt.Sprintf("%d come with thaw: thaw list", len(scenarios.Catalogue())), ""}
}

func lookSettings(context.Context, *options) finding {
	dir := ui.DefaultConfigDir()
	if dir == "" {
		return finding{missing, "no folder for settings", "set HOME or XDG_CONFIG_HOME, if theme and layout are to be remembered"}
	}
	f := lookDir(dir, "theme and layout are remembered there")
	if f.state == wrong {
		f.state = missing // only that is lost
	}
	return f
}

func lookTemp(context.Context, *options) finding {
	return lookDir(os.TempDir(), "sockets and RAM of guests that thaw starts")
}

// lookDir says whether files can be made in a directory, or in the one that it
// would be made in.
func lookDir(dir, what string) finding {
	at := dir
	for {
		_, err := os.Stat(at)
		if err == nil || filepath.Dir(at) == at {
			break
		}
		at = filepath.Dir(at)
	}
	f, err := os.CreateTemp(at, "thaw-doctor-")
	if err != nil {
		return finding{wrong, fmt.Sprintf("%s: %v", dir, err), "make it writable, or set another"}
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096)) // a name alone has room on a full disk, too
	if err = errors.Join(err, f.Close()); err != nil {
		return finding{wrong, fmt.Sprintf("%s: %v", dir, err), "make room there"}
	}
	return finding{fine, dir + ": " + what, ""}
}

// lookAddr attaches to a guest and reads it once.
func (o *options) lookAddr(ctx context.Context, addr string) finding {
	o.scenario = noScenario
	s, err := o.loadScenario(ctx)
	if err != nil {
		return finding{wrong, err.Error(), ""}
	}
	op, err := o.openLook(ctx, s, addr)
	if err != nil {
		return unreadable(err, "")
	}
	abandoned := op.target.Abandoned()
	var snap *view.Snapshot
	err = fault.Guard(func() (err error) { snap, err = op.engine.Snapshot(ctx, "doctor"); return err })
	if err = errors.Join(err, op.close(ctx)); err != nil {
		return unreadable(err, abandoned)
	}
	sys := snap.System
	known := 0
	for _, t := range sys.PDs() {
		inKnown := func(o *kernel.Object) bool { return snap.Places[o.ID].Component != "" }
		if slices.Contains(op.engine.View().Components, snap.Tasks[t.ID]) || slices.ContainsFunc(sys.ThreadsOf(t.ID), inKnown) {
			known++
		}
	}
	f := finding{fine, fmt.Sprintf("%d kernel objects, %d threads, %d tasks, of which %d run a program with debug info; read in %v", len(sys.Objects), len(sys.Threads()), len(sys.PDs()), known, snap.Cost.Duration), ""}
	if abandoned != "" {
		f.state, f.do = missing, abandoned
	}
	if all := op.engine.View().Mismatches; len(all) > 0 {
		f = finding{wrong, all[0].String(), ""}
	} else if all := sys.AllProblems(); len(all) > 0 {
		f.state, f.do = wrong, fmt.Sprintf("%d problems, the first: %s", len(all), all[0])
	}
	return f
}

// unreadable is a guest that could not be read: the error says what to do, if it was not
// abandoned.
func unreadable(err error, abandoned string) finding {
	un := (*session.Unfound)(nil)
	if !errors.As(err, &un) {
		return finding{wrong, err.Error(), ""}
	}
	f := finding{missing, "the stub answers, and " + un.Likely(), cmp.Or(abandoned, un.Advice())}
	if un.Other {
		f.state = wrong
	}
	return f
}

// completeRecordings completes the names of recordings that come with thaw, and
// of files.
func completeRecordings(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, e := range scenarios.Catalogue() {
		names = append(names, e.Name+"\t"+e.Title)
	}
	return names, cobra.ShellCompDirectiveDefault
}
