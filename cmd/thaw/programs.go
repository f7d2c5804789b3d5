package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/debuginfo/index"
	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/readfile"
	"thaw/session/scenario"
)

// programFiles are where programs with debug info are.
type programFiles struct {
	kernel  string
	symbols []string
	build   string
	noCache bool
}

// fileFlags name the programs.
func (o *programFiles) fileFlags(f *pflag.FlagSet) {
	f.StringVar(&o.kernel, "kernel", "", "kernel `ELF` with debug info")
	f.StringArrayVar(&o.symbols, "symbols", nil, "`FILE` with a component's debug info, or NAME=FILE; may be repeated")
	f.StringVar(&o.build, "build", "", "Genode build `directory` to find the kernel and all components in")
}

// subdirs are where Genode's build directories keep programs with debug info,
// in order of preference: today's layout, then that of 2016.
var subdirs = slices.Concat([]string{"debug"}, kernels.Folders(), []string{"core", "bin", "var/run/*", "var/run/*/genode", "var/run", "."})

// findIn looks for the first of the names in a build directory that has debug
// info.
func (o *programFiles) findIn(dir string, names []string) (*debuginfo.File, error) {
	var unusable error
	var bare *debuginfo.File // that was built without
	looked := 0
	for _, name := range names {
		for _, sub := range subdirs {
			for _, ext := range []string{"", ".debug"} {
				for _, p := range buildDir(dir).match(sub + "/" + name + ext) {
					if looked++; looked > maxLooked {
						return nil, fmt.Errorf("looking for %s in %s: more than %d files have such names: name the one with --symbols", name, dir, maxLooked)
					}
					if _, err := elffile.IsELF(p); errors.Is(err, readfile.ErrKind) || errors.Is(err, fs.ErrNotExist) {
						continue
					}
					f, err := debuginfo.Load(p, "", o.cache())
					switch {
					case err != nil:
						unusable = cmp.Or(unusable, err)
					case f.HasDWARF():
						return f, nil
					default:
						bare = cmp.Or(bare, f)
					}
				}
			}
		}
	}
	if bare == nil {
		return nil, unusable
	}
	f, err := o.withDebugInfo(bare, "build with it and keep the unstripped file")
	if err != nil {
		return nil, cmp.Or(unusable, err)
	}
	return f, nil
}

// loadFiles loads the debug info of the scenario's components, from the build
// directory and from the files that were named.
func (o *programFiles) loadFiles(s *scenario.Scenario, dir string) (map[string]*debuginfo.File, error) {
	named, err := o.named(s)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := buildDir(dir).check(); err != nil {
			return nil, err
		}
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
	if err := g.wait(); err != nil {
		return nil, err
	}
	close(found)
	files := map[string]*debuginfo.File{}
	for r := range found {
		files[r.name] = r.file
	}
	if err := o.complete(s, files, dir); err != nil {
		return nil, err
	}
	return files, o.addCore(s, files, named, dir)
}

// addCore adds Genode's core to the programs of a scenario that does not name it: on most
// kernels it takes the requests for threads' states, and knows names. Where it is not
// there, whoever needs it says so.
func (o *programFiles) addCore(s *scenario.Scenario, files map[string]*debuginfo.File, named map[string]string, dir string) (err error) {
	if _, names := s.Components[kernel.Core]; names {
		return nil
	}
	var core *debuginfo.File
	if path, ok := named[kernel.Core]; ok {
		core, err = o.loadNamed(path)
	} else if dir != "" {
		core, _ = o.findIn(dir, []string{kernel.Core, "*." + kernel.Core})
	}
	if core == nil || err != nil {
		return err
	}
	if k := files[s.KernelName()]; k == nil || !slices.Equal(core.Text(), k.Text()) { // else core is the kernel
		files[kernel.Core] = core
	}
	return nil
}

// cache is where the indices of debug info are kept, nil for nowhere.
func (o *programFiles) cache() *index.Cache {
	if o.noCache {
		return nil
	}
	return index.UserCache()
}

// complete says which component has no file.
func (o *programFiles) complete(s *scenario.Scenario, files map[string]*debuginfo.File, dir string) error {
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

// loadAll loads the kernel, and every other program with debug info that is
// named or found: for looking at a system that no scenario describes.
func (o *programFiles) loadAll(s *scenario.Scenario) (map[string]*debuginfo.File, error) {
	kernelName := s.KernelName()
	paths, asked := map[string]string{}, map[string]bool{}
	if o.build != "" {
		if err := buildDir(o.build).check(); err != nil {
			return nil, err
		}
		var untold string
		if paths, untold = buildDir(o.build).programs(); untold != "" {
			say(os.Stderr, "thaw: warning: %s", untold)
		}
	}
	for _, arg := range o.symbols {
		name, path := symbolsArg(arg)
		if name == "" {
			name = programName(path)
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
			case errors.Is(err, elffile.ErrForm):
				say(os.Stderr, "thaw: warning: %s", err)
			case err == nil && len(f.Text()) > 0 && name != kernelName:
				add(name, f)
			}
			// What else has no debug info, or is no program, has nothing to say.
			return nil
		})
	}
	if err := g.wait(); err != nil {
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

// loads is a group that loads files, as many at a time as there are processors:
// meanwhile a file takes several times the memory that is kept of it. What is left
// over is collected sooner than elsewhere, until wait.
type loads struct {
	errgroup.Group
	percent int
}

func newLoads() *loads {
	g := &loads{percent: debug.SetGCPercent(50)}
	g.SetLimit(runtime.GOMAXPROCS(0))
	return g
}

func (g *loads) wait() error {
	defer debug.SetGCPercent(g.percent)
	return g.Wait()
}

// largestFirst lists names of files so that none is left to be loaded alone for
// long.
func largestFirst(paths map[string]string) []string {
	return slices.SortedFunc(maps.Keys(paths), func(a, b string) int { return cmp.Compare(fileSize(paths[b]), fileSize(paths[a])) })
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
func (o *programFiles) loadNamed(path string) (*debuginfo.File, error) {
	if path == "" {
		return nil, errors.New("--symbols without a file: write NAME=FILE")
	}
	f, err := debuginfo.Load(path, "", o.cache())
	if err != nil {
		return nil, err
	}
	return o.withDebugInfo(f, "give the unstripped file, built with -g")
}

// loadKernel loads the kernel that was named or is in the build directory.
func (o *programFiles) loadKernel(s *scenario.Scenario) (*debuginfo.File, error) {
	if o.kernel == "" && o.build == "" {
		return nil, fmt.Errorf("no kernel: give --kernel ELF or --build DIRECTORY")
	}
	if o.kernel != "" {
		return o.loadNamed(o.kernel)
	}
	f, err := o.findIn(o.build, append(s.Components[s.KernelName()].Files, kernels.Files()...))
	if err == nil && f == nil {
		err = fmt.Errorf("no kernel with debug info in %s: give it with --kernel ELF", o.build)
	}
	return f, err
}

// named assigns --kernel and --symbols to components: by NAME=, else by the
// file's own name.
func (o *programFiles) named(s *scenario.Scenario) (map[string]string, error) {
	out := map[string]string{}
	if o.kernel != "" {
		out[s.KernelName()] = o.kernel
	}
	for _, arg := range o.symbols {
		name, path := symbolsArg(arg)
		if name == "" {
			name = componentFor(s, filepath.Base(path))
		}
		if _, known := s.Components[name]; !known && name != kernel.Core {
			return nil, fmt.Errorf("--symbols %s belongs to no component of scenario %s; write NAME=FILE with NAME one of %s", arg, s.Name, strings.Join(componentNames(s), ", "))
		}
		out[name] = path
	}
	return out, nil
}

func componentFor(s *scenario.Scenario, base string) string {
	base = strings.TrimSuffix(base, ".debug")
	for name, spec := range s.Components {
		if slices.Contains(spec.Files, base) {
			return name
		}
	}
	return base
}
