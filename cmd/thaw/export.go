package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"thaw/kernel"
	"thaw/newfile"
	"thaw/recording"
	"thaw/recording/core"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/scenario"
)

// exportFlags are export's own.
type exportFlags struct {
	core, cast, report, perfetto string
	stop                         int
	task                         string
	size                         string
	version                      int
	force                        bool
}

func newExport() *cobra.Command {
	var f exportFlags
	c := &cobra.Command{
		Use:   "export FILE|NAME --report F.html|F.md | --core F | --cast F | --perfetto F",
		Short: "turn a recording into a report, an ELF core, a film of the screen, or a time line",
		Long: `export writes what a recording holds in forms that others read: a report for a
mail or an issue (Markdown) or as one page for a browser (HTML), an ELF core of a
stop for gdb and lldb, a film of the screen walking all stops (asciicast, for
asciinema), or a time line of phases, threads' states and what happened to their saved
states (Chrome's trace format, for ui.perfetto.dev). "-" writes to the standard output.`,
		Example: "  thaw export bug.thaw --report bug.html\n  thaw export rtcr-2016 --core ep.core --stop 33\n  thaw export rtcr-2016 --cast walk.cast",
		Args:    oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			return f.export(c, args[0])
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.report, "report", "", "new `file` for a report; its name ends in .html or .md")
	fl.StringVar(&f.core, "core", "", "new `file` for an ELF core of one stop")
	fl.StringVar(&f.cast, "cast", "", "new `file` for a film of the screen")
	fl.StringVar(&f.perfetto, "perfetto", "", "new `file` for a time line that Perfetto opens")
	fl.IntVar(&f.stop, "stop", 0, "`number` of the stop for --core (default: the last one)")
	fl.StringVar(&f.task, "task", "", "`id` of the task whose memory --core shows, in hex (default: the running one)")
	fl.StringVar(&f.size, "size", "120x40", "`COLUMNSxROWS` of the film")
	fl.IntVar(&f.version, "cast-version", 2, "`version` of the asciicast format: 2, or 3 for players of 2025 and later")
	fl.BoolVar(&f.force, "force", false, "overwrite files that exist")
	return c
}

func (f *exportFlags) export(c *cobra.Command, what string) error {
	if f.report == "" && f.core == "" && f.cast == "" && f.perfetto == "" {
		return errors.New("say what to write: --report FILE, --core FILE, --cast FILE, or --perfetto FILE")
	}
	r, rec, err := openReplay(c.Context(), what)
	if err != nil {
		return err
	}
	if err := mayWrite(f.force, f.report, f.perfetto, f.core, f.cast); err != nil {
		return err
	}
	if f.report != "" {
		form, err := reportForm(f.report)
		if err != nil {
			return err
		}
		story, err := storyOf(c.Context(), r, rec)
		if err != nil {
			return err
		}
		if err := writeFile(c.Context(), f.report, f.force, func(w io.Writer) error { return form(w, story) }); err != nil {
			return err
		}
	}
	if f.perfetto != "" {
		line, err := timeLineOf(c.Context(), r, rec)
		if err != nil {
			return err
		}
		if err := writeFile(c.Context(), f.perfetto, f.force, func(w io.Writer) error { return report.Perfetto(w, line) }); err != nil {
			return err
		}
	}
	if f.core != "" {
		o := core.Options{Stop: f.stop}
		if o.Stop == 0 {
			o.Stop = r.Stops()
		}
		if f.task != "" {
			id, err := parseID(f.task)
			if err != nil {
				return err
			}
			o.Task = id
		}
		defer busy(c.Context(), "writing the core of stop %d", o.Stop)()
		if err := writeFile(c.Context(), f.core, f.force, func(w io.Writer) error { return core.Write(w, r, rec, o) }); err != nil {
			return err
		}
	}
	if f.cast == "" {
		return nil
	}
	return f.film(c.Context(), r)
}

// reportForms are the forms of a report, by the ending of its file's name.
var reportForms = map[string]func(io.Writer, *report.Story) error{
	".html": report.HTML, ".htm": report.HTML, ".md": report.Markdown, ".markdown": report.Markdown,
}

func reportForm(path string) (func(io.Writer, *report.Story) error, error) {
	if path == "-" {
		return report.Markdown, nil
	}
	form := reportForms[strings.ToLower(filepath.Ext(path))]
	if form == nil {
		return nil, fmt.Errorf("the report's name %s must end in .html or .md", path)
	}
	return form, nil
}

// timeLineOf is what a time line of a recording is made of.
func timeLineOf(ctx context.Context, r *session.Replay, rec *recording.Recording) (*report.Timed, error) {
	t := &report.Timed{Name: rec.Name()}
	var err error
	if t.Stops, err = await(ctx, "decoding all stops", r.Snapshots); err != nil {
		return nil, err
	}
	if t.Last, err = r.View(r.Stops()); err != nil {
		return nil, err
	}
	for n := range t.Stops {
		t.Log = append(t.Log, r.NewLog(n+1))
	}
	return t, nil
}

// storyOf is what a report of a recording is made of.
func storyOf(ctx context.Context, r *session.Replay, rec *recording.Recording) (*report.Story, error) {
	snaps, err := await(ctx, "decoding all stops", r.Snapshots)
	if err != nil {
		return nil, err
	}
	last, err := r.View(r.Stops())
	if err != nil {
		return nil, err
	}
	at, by := rec.Made()
	return report.NewStory(scenarioOf(rec), snaps, last, fmt.Sprintf("recording %s of %s, made %s by %s", rec.Name(), rec.Target(), at, by)), nil
}

// scenarioOf is a recording's scenario with title, story and source of the very
// bug, where the catalogue knows it.
func scenarioOf(rec *recording.Recording) *scenario.Scenario {
	s := *rec.Scenario()
	if e, err := entryOf(rec); err == nil {
		s.Title, s.Story, s.Source = e.Title, e.Story, e.Source
	}
	return &s
}

// entryOf is the catalogue's entry of what was recorded.
func entryOf(rec *recording.Recording) (scenarios.Recorded, error) {
	if e, err := scenarios.Entry(rec.Name()); err == nil {
		return e, nil
	}
	return scenarios.Entry(rec.Variant()) // a file of the user's own, of the lab guest's bug
}

// parseID reads an object's id as the kernel debugger prints it.
func parseID(s string) (kernel.ID, error) {
	var id uint64
	if _, err := fmt.Sscanf(strings.TrimPrefix(s, "0x")+"\n", "%x\n", &id); err != nil {
		return 0, fmt.Errorf("%q is no id of a kernel object, such as 4e", s)
	}
	return kernel.ID(id), nil
}

// writeFile writes a new file through write, or the standard output for "-".
// One that exists is an error unless force is set; what was half written is
// removed.
func writeFile(ctx context.Context, path string, force bool, write func(w io.Writer) error) error {
	if path == "-" {
		return write(&patientWriter{ctx: ctx, w: os.Stdout})
	}
	return orForce(newfile.Write(path, force, write))
}

// mayWrite says before the work which of its files writeFile would refuse.
func mayWrite(force bool, paths ...string) error {
	for _, p := range paths {
		if p == "" || p == "-" {
			continue
		}
		if err := newfile.Check(p, force); err != nil {
			return orForce(err)
		}
	}
	return nil
}

// orForce says of a file that exists how it is overwritten.
func orForce(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w, or --force to overwrite it", err)
	}
	return err
}
