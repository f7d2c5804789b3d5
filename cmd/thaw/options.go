package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/newfile"
	"thaw/scenarios"
	"thaw/session"
	"thaw/ui"
)

// options are the flags that commands share.
type options struct {
	kernel   string
	symbols  []string
	build    string
	scenario string
	serial   string
	wireLog  string
	remote   bool
	guest    string
	noShare  bool
	ram      string
	sources  []string
	record   string
	force    bool
	withCode bool
	sparse   bool
	diverge  bool
	title    string
	theme    string
	ascii    bool
	noCache  bool

	snapshots bool // VM snapshots at every phase
}

// targetFlags are for commands that attach to a guest that runs already.
func (o *options) targetFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.kernel, "kernel", "", "kernel `ELF` with debug info")
	f.StringArrayVar(&o.symbols, "symbols", nil, "`FILE` with a component's debug info, or NAME=FILE; may be repeated")
	f.StringVar(&o.build, "build", "", "Genode build `directory` to find the kernel and all components in")
	f.StringVar(&o.serial, "serial", "", "`PATH` of the guest's serial line (unix socket or file), for its LOG")
	f.StringVar(&o.ram, "ram", "", "`FILE` that holds the guest's RAM (mem-path of a memory-backend-file with share=on): read at the speed of memory")
	f.BoolVar(&o.remote, "allow-remote", false, "allow a stub on another host: it has no authentication")
}

// commonFlags are for all commands that open a session.
func (o *options) commonFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.scenario, "scenario", scenarios.Default, "scenario: a `NAME` that comes with thaw, a file, or none to look around without phases")
	f.StringVar(&o.wireLog, "wire-log", "", "write the remote protocol's packets to this new `file`")
	f.StringArrayVar(&o.sources, "source", nil, "`directory` to look for source files in, besides where they were when the program was built; may be repeated")
	f.StringVar(&o.guest, "guest", "", "`directory` of the built lab guest (default: guest/build beside the program or here)")
	f.StringVar(&o.record, "record", "", "record the session in this new `file`, to be replayed anywhere")
	f.StringVar(&o.title, "title", "", "what the recording says that was recorded (default: the target's name)")
	f.BoolVar(&o.force, "force", false, "overwrite files that exist")
	f.BoolVar(&o.withCode, "with-code", false, "record pages with machine code, too")
	f.BoolVar(&o.sparse, "sparse", false, "record of each page only what was read, and zeros for the rest")
	f.BoolVar(&o.diverge, "divergence", false, "find out where each restored thread parts from its original: both are executed up to their next system call, and put back")
	f.BoolVar(&o.noCache, "no-cache", false, "do not keep what is found in debug info for the next start, nor use what is kept ($XDG_CACHE_HOME/thaw)")
	f.BoolVar(&o.noShare, "no-shared-ram", false, "read the lab guest through the gdbstub only")
}

// screenFlags are for commands that open the screen.
func (o *options) screenFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.theme, "theme", "", "colours: a `NAME` of "+strings.Join(ui.Themes(), ", ")+" (default: the one used last)")
	f.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters only")
	if err := c.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(ui.Themes(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is there
	}
}

// screen says how to draw.
func (o *options) screen() ui.Options {
	return ui.Options{Theme: o.theme, ASCII: o.ascii, ConfigDir: ui.DefaultConfigDir()}
}

// noScenario is the name of no scenario: a system is looked at, without phases.
const noScenario = "none"

// loadScenario reads the scenario that the flag names.
func (o *options) loadScenario() (*session.Scenario, error) {
	if o.scenario == noScenario {
		return session.Plain(), nil
	}
	if strings.ContainsAny(o.scenario, "/.") {
		return session.LoadScenario(o.scenario)
	}
	data, err := scenarios.Read(o.scenario)
	if err != nil {
		return nil, err
	}
	return session.ParseScenario(o.scenario, data)
}

// gdbOptions opens the wire log; the returned function closes it.
func (o *options) gdbOptions() (gdbremote.Options, func() error, error) {
	g := gdbremote.Options{AllowRemote: o.remote, Warn: func(s string) { say(os.Stderr, "thaw: warning: %s", s) }}
	if o.wireLog == "" {
		return g, func() error { return nil }, nil
	}
	f, err := newfile.Create(o.wireLog, o.force)
	if err != nil {
		return g, nil, orForce(fmt.Errorf("opening the wire log: %w", err))
	}
	g.WireLog = io.Writer(f)
	return g, f.Close, nil
}

// subdirs are where Genode's build directories keep programs with debug info,
// in order of preference: today's layout, then that of 2016.
var subdirs = []string{"debug", "var/libcache/kernel-foc*/build", "kernel/fiasco.oc", "kernel/foc", "core", "bin", "var/run/*", "var/run/*/genode", "var/run", "."}

// findIn looks for the first of the names in a build directory that has debug
// info.
func (o *options) findIn(dir string, names []string) (*debuginfo.File, error) {
	var unusable error
	for _, name := range names {
		for _, sub := range subdirs {
			for _, ext := range []string{"", ".debug"} {
				paths, err := filepath.Glob(filepath.Join(dir, sub, name+ext))
				if err != nil {
					return nil, fmt.Errorf("looking for %s in %s: %w", name, dir, err)
				}
				for _, p := range paths {
					st, err := os.Stat(p)
					if err != nil || !st.Mode().IsRegular() {
						continue
					}
					f, err := o.cache().Load(p)
					if err == nil && f.HasDWARF() {
						return f, nil
					}
					if err == nil {
						err = fmt.Errorf("%s has no debug info: build with it and keep the unstripped file", p)
					}
					unusable = cmp.Or(unusable, err)
				}
			}
		}
	}
	return nil, unusable
}

// loadFiles loads the debug info of the scenario's components, from the build
// directory and from the files that were named.
func (o *options) loadFiles(s *session.Scenario, dir string) (map[string]*debuginfo.File, error) {
	named, err := o.named(s)
	if err != nil {
		return nil, err
	}
	type result struct {
		name string
		file *debuginfo.File
	}
	found := make(chan result, len(s.Components))
	g := newLoads()
	names := componentNames(s)
	if i := slices.Index(names, s.KernelName()); i > 0 { // the largest file, mostly
		names[0], names[i] = names[i], names[0]
	}
	for _, name := range names {
		spec := s.Components[name]
		g.Go(func() error {
			if path, ok := named[name]; ok {
				f, err := o.loadNamed(path)
				if err != nil {
					return err
				}
				found <- result{name, f}
				return nil
			}
			if dir == "" {
				return nil
			}
			f, err := o.findIn(dir, spec.Files)
			if err == nil && f != nil {
				found <- result{name, f}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	close(found)
	files := map[string]*debuginfo.File{}
	for r := range found {
		files[r.name] = r.file
	}
	return files, o.complete(s, files, dir)
}

// cache is where the indices of debug info are kept, nil for nowhere.
func (o *options) cache() *debuginfo.Cache {
	if o.noCache {
		return nil
	}
	return debuginfo.UserCache()
}

// complete says which component has no file.
func (o *options) complete(s *session.Scenario, files map[string]*debuginfo.File, dir string) error {
	for _, name := range componentNames(s) {
		spec := s.Components[name]
		if files[name] != nil {
			continue
		}
		switch {
		case dir != "":
			return fmt.Errorf("no debug info for %s: looked for %s in %s; name it with --symbols %s=FILE, or look around without phases with --scenario none", name, strings.Join(spec.Files, ", "), dir, name)
		case spec.Kernel:
			return fmt.Errorf("no kernel: give --kernel ELF or --build DIRECTORY")
		}
		return fmt.Errorf("no debug info for component %s: give --symbols %s=FILE or --build DIRECTORY, or look around without phases with --scenario none", name, name)
	}
	return nil
}

// maxPrograms bounds how many programs of a build directory are loaded.
const maxPrograms = 64

// loadAll loads the kernel, and every other program with debug info that is
// named or found: for looking at a system that no scenario describes.
func (o *options) loadAll(s *session.Scenario) (map[string]*debuginfo.File, error) {
	kernelName := s.KernelName()
	paths, asked := map[string]string{}, map[string]bool{}
	if o.build != "" {
		for _, pattern := range []string{"*", "bin/*", "debug/*.debug", "var/run/*.core"} {
			found, err := filepath.Glob(filepath.Join(o.build, pattern))
			if err != nil {
				return nil, fmt.Errorf("looking for programs in %s: %w", o.build, err)
			}
			for _, p := range found[:min(len(found), maxPrograms)] {
				paths[programName(p)] = p
			}
		}
	}
	for _, arg := range o.symbols {
		name, path, ok := strings.Cut(arg, "=")
		if !ok {
			name, path = programName(arg), arg
		}
		paths[name], asked[name] = path, true
	}
	files := map[string]*debuginfo.File{}
	var mu sync.Mutex
	g := newLoads()
	add := func(name string, f *debuginfo.File) {
		mu.Lock()
		defer mu.Unlock()
		files[name] = f
	}
	g.Go(func() error {
		f, err := o.loadKernel(s)
		if err == nil {
			add(kernelName, f)
		}
		return err
	})
	for _, name := range largestFirst(paths) {
		path := paths[name]
		g.Go(func() error {
			f, err := o.loadNamed(path)
			switch {
			case err != nil && asked[name]:
				return err
			case err == nil && len(f.Text()) > 0 && name != kernelName:
				add(name, f)
			}
			// What else has no debug info, or is no program, has nothing to say.
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	// The kernel's own file is among those found, too.
	for name, f := range files {
		if name != kernelName && slices.Equal(f.Text(), files[kernelName].Text()) {
			delete(files, name)
		}
	}
	return files, nil
}

// newLoads is a group that loads files, as many at a time as there are processors:
// meanwhile a file takes several times the memory that is kept of it.
func newLoads() *errgroup.Group {
	g := new(errgroup.Group)
	g.SetLimit(runtime.GOMAXPROCS(0))
	return g
}

// largestFirst lists names of files so that none is left to be loaded alone for
// long.
func largestFirst(paths map[string]string) []string {
	size := func(name string) int64 {
		st, err := os.Stat(paths[name])
		if err != nil {
			return 0 // loading it will tell
		}
		return st.Size()
	}
	return slices.SortedFunc(maps.Keys(paths), func(a, b string) int { return cmp.Compare(size(b), size(a)) })
}

// programName is the program that a file is of. Genode's run tool leaves core,
// linked for debugging, as var/run/SCENARIO.core.
func programName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".debug")
	if strings.HasSuffix(name, ".core") {
		return "core"
	}
	return name
}

// loadNamed loads a file that the user named for its debug info.
func (o *options) loadNamed(path string) (*debuginfo.File, error) {
	if path == "" {
		return nil, errors.New("--symbols without a file: write NAME=FILE")
	}
	f, err := o.cache().Load(path)
	if err == nil && !f.HasDWARF() {
		err = fmt.Errorf("%s has no debug info: give the unstripped file, built with -g", path)
	}
	return f, err
}

// loadKernel loads the kernel that was named or is in the build directory.
func (o *options) loadKernel(s *session.Scenario) (*debuginfo.File, error) {
	if o.kernel == "" && o.build == "" {
		return nil, fmt.Errorf("no kernel: give --kernel ELF or --build DIRECTORY")
	}
	if o.kernel != "" {
		return o.loadNamed(o.kernel)
	}
	f, err := o.findIn(o.build, s.Components[s.KernelName()].Files)
	if err == nil && f == nil {
		err = fmt.Errorf("no kernel with debug info in %s: give it with --kernel ELF", o.build)
	}
	return f, err
}

// named assigns --kernel and --symbols to components: by NAME=, else by the
// file's own name.
func (o *options) named(s *session.Scenario) (map[string]string, error) {
	out := map[string]string{}
	if o.kernel != "" {
		out[s.KernelName()] = o.kernel
	}
	for _, arg := range o.symbols {
		name, path, ok := strings.Cut(arg, "=")
		if !ok {
			path = arg
			name = componentFor(s, filepath.Base(arg))
		}
		if _, known := s.Components[name]; !known {
			return nil, fmt.Errorf("--symbols %s belongs to no component of scenario %s; write NAME=FILE with NAME one of %s", arg, s.Name, strings.Join(componentNames(s), ", "))
		}
		out[name] = path
	}
	return out, nil
}

func componentFor(s *session.Scenario, base string) string {
	base = strings.TrimSuffix(base, ".debug")
	for name, spec := range s.Components {
		for _, f := range spec.Files {
			if f == base {
				return name
			}
		}
	}
	return base
}
