package inferiors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/view"
)

// driven is a guest that is driven, with the debugger's breakpoints in it. They are set as
// the guest goes on: gdb takes all of its own off at every stop, and sets them again.
type driven struct {
	m        *machine.Machine
	programs *components.Set
	drive    *drive.Driver
	wanted   map[place]bool // breakpoints that the debugger wants
	taken    map[place]bool // those that it took off since the guest last went on as a whole
	set      map[place]*drive.Probe
	counted  map[place]*view.BreakpointInfo // of all that ever were, by place
	whose    string                         // they are, in a stop's reason
	back     *drive.Probe                   // where a thread comes back to user mode
}

// place is an address in a protection domain.
type place struct {
	pd   kernel.ID
	addr uint64
}

func newDriven(programs *components.Set) driven {
	return driven{programs: programs, wanted: map[place]bool{}, taken: map[place]bool{}, set: map[place]*drive.Probe{}, counted: map[place]*view.BreakpointInfo{}}
}

// shown is what there is to see as the guest stands.
func (d *driven) shown(sys *kernel.System, names map[kernel.ID]string, why string) *Shown {
	out := &Shown{System: sys, Names: names, Files: map[kernel.ID]string{}, Shared: map[kernel.ID][]gdbremote.Library{}, Stopped: d.m.Stopped, Reason: why, CPUs: d.m.AllRegisters(),
		Machine: kernel.Machine{Phys: d.m.FreshView(), Paging: d.m.Paging, CPUs: d.m.CPUs()}}
	if c := d.programs.Kernel(); c != nil {
		out.Kernel = whole(c.File.Program())
	}
	for _, o := range sys.PDs() {
		if c := d.programOf(sys, o); c != nil {
			out.Files[o.ID] = whole(c.File.Program())
		}
		out.Shared[o.ID] = d.shared(o)
	}
	return out
}

// whole is a file's path for who may have been started in another directory.
func whole(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// shared are the libraries whose text a protection domain maps where their files have it:
// Genode's linker is linked to an address.
func (d *driven) shared(o *kernel.Object) (out []gdbremote.Library) {
	if o.PD.Kernel || o.PD.Root == 0 {
		return nil
	}
	for _, name := range d.programs.Names {
		c := d.programs.ByName[name]
		if segments := c.File.Segments(); c.Library() && len(segments) > 0 && c.Fits(d.m.TextSpace(o.PD.Root), d.m.Text) {
			out = append(out, gdbremote.Library{File: whole(c.File.Program()), Addr: segments[0].VAddr})
		}
	}
	return out
}

// programOf is the program that a protection domain runs, nil if it is not known.
func (d *driven) programOf(sys *kernel.System, o *kernel.Object) *components.Component {
	if c := d.programs.OfTask(sys, o); c != nil {
		return c
	}
	k := d.programs.Kernel()
	if o.PD.Kernel {
		return k
	}
	for _, t := range sys.ThreadsOf(o.ID) {
		if c := d.programs.At(sys, o, t.Thread.IP); c != nil && c == k { // core of base-hw is a part of it
			return c
		}
	}
	return nil
}

// Break notes what the debugger wants.
func (d *driven) Break(ctx context.Context, pd kernel.ID, addr uint64, insert bool) error {
	at := place{pd, addr}
	if !insert {
		if !d.wanted[at] {
			return gdbremote.ErrNotInserted
		}
		delete(d.wanted, at)
		d.taken[at] = true
		return nil
	}
	if d.set[at] == nil {
		if _, err := d.probe(ctx, at); err != nil {
			return err
		}
	}
	d.wanted[at] = true
	delete(d.taken, at)
	return nil
}

// Forget forgets all breakpoints, which go as the guest goes on.
func (d *driven) Forget() {
	clear(d.wanted)
	clear(d.taken)
}

// program is what is at a place: its protection domain, and the program that runs there.
func (d *driven) program(ctx context.Context, at place) (*kernel.Object, *components.Component, error) {
	sys, err := d.m.System(ctx)
	if err != nil {
		return nil, nil, err
	}
	o := sys.Object(at.pd)
	if o == nil || o.PD == nil {
		return nil, nil, fmt.Errorf("no protection domain %s at this stop", at.pd)
	}
	c := d.programs.At(sys, o, at.addr)
	if c == nil && o.PD.Kernel {
		c = d.programs.Kernel()
	}
	if c == nil {
		return nil, nil, fmt.Errorf("which program %s runs is not known: give its debug info", at.pd)
	}
	return o, c, nil
}

// probe is a breakpoint that counts in one protection domain, though others run its
// program, too.
func (d *driven) probe(ctx context.Context, at place) (*drive.Probe, error) {
	o, c, err := d.program(ctx, at)
	if err != nil {
		return nil, err
	}
	info := d.counted[at]
	if info == nil {
		info = &view.BreakpointInfo{Component: c.Name, Function: fmt.Sprintf("%#x", at.addr), Purpose: view.PurposeBreak, Addrs: []uint64{at.addr}}
		d.counted[at] = info
	}
	return &drive.Probe{Addr: at.addr, Comp: c, Info: info, Hit: func(context.Context) (*drive.Event, error) {
		if !d.isIn(o) {
			info.Hits, info.Foreign = info.Hits-1, info.Foreign+1
			return nil, nil
		}
		return &drive.Event{Reason: fmt.Sprintf("%sbreakpoint at %#x in %s", d.whose, at.addr, c.Name), By: view.ByBreakpoint}, nil
	}}, nil
}

// isIn says whether the stopped processor is in a protection domain.
func (d *driven) isIn(o *kernel.Object) bool {
	return o.PD.Kernel || slices.Contains(append([]uint64{o.PD.Root}, o.PD.Roots...), d.m.Here().Root)
}

// await sets a breakpoint at which a thread comes back to user mode, as long as nobody
// gives it another place to come back to. Its stack tells it from others of its program.
func (d *driven) await(ctx context.Context, t *kernel.Object) error {
	o, c, err := d.program(ctx, place{t.Thread.PD, t.Thread.IP})
	if err != nil {
		return fmt.Errorf("waiting for %s to be back in user mode: %w", t.Title(), err)
	}
	info := &view.BreakpointInfo{Component: c.Name, Function: t.Title(), Purpose: "a thread comes back", Addrs: []uint64{t.Thread.IP}}
	d.back = &drive.Probe{Addr: t.Thread.IP, SP: t.Thread.SP, Comp: c, Info: info, Hit: func(context.Context) (*drive.Event, error) {
		if !d.isIn(o) {
			return nil, nil
		}
		return &drive.Event{Reason: fmt.Sprintf("%sstep: %s is back in user mode", d.whose, t.Title()), Idle: true, By: view.ByStep}, nil
	}}
	return d.drive.Breaks.AddProbe(ctx, d.back)
}

// waitsNoMore takes that breakpoint away.
func (d *driven) waitsNoMore(ctx context.Context) error {
	if d.back == nil {
		return nil
	}
	err := d.drive.Breaks.RemoveProbe(ctx, d.back)
	d.back = nil
	return err
}

// sync has set on the target what is wanted, and to stop as a thread comes back to user
// mode, if one is given. Debuggers take off the breakpoint that a thread stands at to step
// it alone; but the others that go on with it are to be stopped there.
func (d *driven) sync(ctx context.Context, back *kernel.Object, alone bool) error {
	if !alone {
		clear(d.taken)
	}
	if back != nil {
		if err := d.await(ctx, back); err != nil {
			return err
		}
		if at := (place{back.Thread.PD, back.Thread.IP}); alone && d.taken[at] {
			d.wanted[at] = true
			defer delete(d.wanted, at)
		}
	}
	for at, p := range d.set {
		if !d.wanted[at] {
			if err := d.drive.Breaks.RemoveProbe(ctx, p); err != nil {
				return err
			}
			delete(d.set, at)
		}
	}
	for at := range d.wanted {
		if d.set[at] != nil {
			continue
		}
		p, err := d.probe(ctx, at)
		if err == nil {
			err = d.drive.Breaks.AddProbe(ctx, p)
		}
		if err != nil {
			return err
		}
		d.set[at] = p
	}
	return nil
}

// removeAll takes all off the target, which may be gone.
func (d *driven) removeAll(ctx context.Context) error {
	errs := []error{d.waitsNoMore(ctx)}
	for at, p := range d.set {
		errs = append(errs, d.drive.Breaks.RemoveProbe(ctx, p))
		delete(d.set, at)
	}
	clear(d.wanted)
	return errors.Join(errs...)
}

// Breaks tells the counts of all breakpoints that ever were set.
func (d *driven) Breaks() (lines []string) {
	for _, at := range slices.SortedFunc(maps.Keys(d.counted), func(a, b place) int { return cmp.Compare(a.addr, b.addr) }) {
		i := d.counted[at]
		lines = append(lines, fmt.Sprintf("%s in %s %s: hit %d×, %s× in other address spaces", i.Function, i.Component, at.pd, i.Hits, i.Elsewhere()))
	}
	return lines
}
