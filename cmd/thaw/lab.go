package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/recording"
	"thaw/scenarios"
	"thaw/session/live"
	"thaw/session/scenario"
)

// labKernel is a kernel that the lab guest runs on.
type labKernel struct {
	name     string // for --kernel
	file     string // that QEMU boots, in the guest's folder, with its programs beside it
	scenario string
	shows    string   // name of the bug, if it is one, that it shows without an option: the scenario's default
	two      []string // bugs that need a second processor
	boot     string   // further option that it is booted with
	expect   string   // the scenario's expectation without a bug, "" for the default
}

// plantedAll are all ways to spoil a pointer at once.
const plantedAll = "all"

// plantNames are what --plant takes, each with who writes what.
func plantNames() []string {
	names := []string{plantedAll + "\tall of them, each a word of its own"}
	for _, w := range guest.Ways {
		names = append(names, w[0]+"\t"+w[1])
	}
	return names
}

// plantedIn is the lab guest in which a pointer is spoilt in one of the ways.
func plantedIn(l labGuest, way string) (labGuest, error) {
	var names []string
	for _, n := range plantNames() {
		name, _, _ := strings.Cut(n, "\t")
		names = append(names, name)
	}
	if !slices.Contains(names, way) {
		return l, fmt.Errorf("the lab guest spoils no pointer in the way %q; --plant takes one of: %s", way, strings.Join(names, ", "))
	}
	if l.on.name != labKernels[0].name {
		return l, fmt.Errorf("--plant goes with kernel %s only: leave out --kernel %s", labKernels[0].name, l.on.name)
	}
	l.on.file, l.on.shows, l.on.boot, l.on.expect = guest.KernelPlant, "fixed", "plant="+way, "fixed"
	return l, nil
}

// labKernels are those that there are. The first is that of a lab without --kernel.
var labKernels = []labKernel{
	{name: "foc", file: guest.Kernel, scenario: scenarios.Default, shows: "state-ignored"},
	{name: "hw", file: guest.KernelHW, scenario: "lab-hw", shows: "fixed", two: []string{"running"}},
}

// labKernelNames are what --kernel takes for a lab.
func labKernelNames() (names []string) {
	for _, k := range labKernels {
		names = append(names, k.name)
	}
	return names
}

// labFlag is for commands that take the lab guest's kernel in the place of a kernel's file.
func labFlag(c *cobra.Command) {
	f := c.Flags().Lookup("kernel")
	f.Usage += "; for lab, the kernel that it runs on: " + strings.Join(labKernelNames(), " or ")
}

// labScenario takes the scenario of the kernel that was named for a lab, unless the user
// named another.
func labScenario(c *cobra.Command, o *options) {
	if i := slices.IndexFunc(labKernels, func(k labKernel) bool { return k.name == o.kernel }); i >= 0 && !c.Flags().Changed("scenario") {
		o.scenario = labKernels[i].scenario
	}
}

// labGuest is the lab guest on one of its kernels.
type labGuest struct {
	*options // without the kernel's name
	on       labKernel
}

// labOf is the lab guest on the kernel that was named. Another name is that of a file
// with its debug info.
func labOf(o *options) labGuest {
	own := *o
	l := labGuest{&own, labKernels[0]}
	if i := slices.Index(labKernelNames(), o.kernel); i >= 0 {
		own.kernel, l.on = "", labKernels[i]
	}
	return l
}

// dir is where the guest's programs are, with the kernel's file.
func (l labGuest) dir() (string, error) {
	candidates := []string{l.guest}
	if l.guest == "" {
		candidates = []string{filepath.Join("guest", "build")}
		if exe, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(exe), "guest", "build"), filepath.Join(filepath.Dir(exe), "..", "guest", "build"), filepath.Join(filepath.Dir(exe), "..", "share", "thaw", "guest"))
		}
	}
	for _, c := range candidates {
		if file := filepath.Join(c, l.on.file); isThere(file) {
			return filepath.Dir(file), nil
		}
	}
	return "", fmt.Errorf("the lab guest is not built (looked for %s in %s): run `make guest` in thaw's folder, or name its directory with --guest", l.on.file, strings.Join(candidates, ", "))
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// variant is the scenario's expectation of a bug that the user named, "" for none, and
// option what the guest is booted with for it. A scenario need not list bugs.
func (l labGuest) variant(s *scenario.Scenario, bug string) (variant, option string, err error) {
	if bug == "" || bug == l.on.shows {
		return scenario.DefaultVariant, "", nil
	}
	if _, known := s.Expect[bug]; !known && len(s.Expect) > 0 {
		return "", "", fmt.Errorf("the lab guest has no bug %q; scenario %s expects: %s", bug, s.Name, strings.Join(s.Variants(), ", "))
	}
	if bug == scenario.DefaultVariant {
		return bug, "", nil
	}
	return bug, bug, nil
}

// own is the scenario that comes with thaw for the kernel, which lists all its bugs.
func (l labGuest) own() (*scenario.Scenario, error) {
	data, err := scenarios.Read(l.on.scenario)
	if err != nil {
		return nil, err
	}
	return scenario.Parse(l.on.scenario, data)
}

// known is variant by the kernel's own scenario.
func (l labGuest) known(bug string) (option string, err error) {
	s, err := l.own()
	if err != nil {
		return "", err
	}
	if _, option, err = l.variant(s, bug); err != nil {
		err = fmt.Errorf("the lab guest has no bug %q; --bug takes one of: %s", bug, strings.Join(s.Variants(), ", "))
	}
	return option, err
}

// bugs are what --bug takes, each with what goes wrong, where a recording tells that.
func (l labGuest) bugs() (names []string) {
	s, err := l.own()
	if err != nil {
		return nil
	}
	for _, bug := range s.Variants() {
		if bug == scenario.DefaultVariant {
			bug = l.on.shows
		}
		e, err := scenarios.Entry(l.on.name + "-" + bug)
		if err != nil {
			e, err = scenarios.Entry(bug)
		}
		if err == nil {
			bug += "\t" + e.Title
		}
		names = append(names, bug)
	}
	return names
}

// labRun says where and how a run of the lab guest is kept.
type labRun struct {
	run  *qemu.Run // nil: it is not
	mode qemu.Mode
	end  uint64 // of a replayed run, in instructions
}

// open starts the lab guest with a boot option, "" for none, and a session on it.
func (l labGuest) open(ctx context.Context, s *scenario.Scenario, bug string, r labRun) (*opened, error) {
	dir, err := l.dir()
	if err != nil {
		return nil, err
	}
	files, err := await(ctx, loading, func() (map[string]*debuginfo.File, error) {
		if l.scenario == noScenario {
			look := *l.options
			look.build = dir
			return look.loadAll(s)
		}
		return l.loadFiles(s, dir)
	})
	if err != nil {
		return nil, err
	}
	l.sources = append(l.sources, filepath.Dir(dir)) // of a checkout
	cfg := qemu.Config{Kernel: filepath.Join(dir, filepath.Base(l.on.file)), MemoryMB: 64, SharedRAM: !l.noShare, ICount: guest.Clock, Run: r.run, Mode: r.mode}
	name := "lab guest"
	if l.on.name != labKernels[0].name {
		name += ", kernel=" + l.on.name
	}
	if l.on.boot != "" {
		cfg.Append = l.on.boot
		name += ", " + l.on.boot
	}
	if bug != "" {
		cfg.Append = "bug=" + bug
		name += ", bug=" + bug
	}
	if slices.Contains(l.on.two, bug) {
		cfg.CPUs, cfg.ICount, cfg.Args = 2, "", guest.TwoProcessors
	}
	done := busy(ctx, "starting the lab guest")
	vm, err := qemu.Start(ctx, cfg)
	done()
	if err != nil {
		return nil, fmt.Errorf("starting the lab guest: %w", err)
	}
	op, err := l.openTarget(ctx, s, files, vm.GDB(), live.Options{Name: name, VM: vm, StubOnly: l.noShare, Serial: vm.Serial(), End: r.end}, recording.About{Guest: "lab guest", Variant: cmp.Or(bug, l.on.expect)})
	if err != nil {
		return nil, errors.Join(err, vm.Stop(context.WithoutCancel(ctx)))
	}
	return op, nil
}
