// Package oracle has gdb read a kernel's objects, by its own reading of the debug info,
// and compares what it prints with the model: two readers that share nothing, at one
// stop.
//
// It knows the kernels whose rows the scripts beside it print. It must not know how the
// model is read.
package oracle

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"thaw/kernel"
)

var (
	//go:embed basehw.py
	baseHW string
	//go:embed nova.py
	nova string
	//go:embed sel4.py
	seL4 string
)

// scripts are by the names of kernels.
var scripts = map[string]string{"base-hw": baseHW, "NOVA": nova, "seL4": seL4}

// Kernels are those that gdb has a script for.
func Kernels() []string { return slices.Sorted(maps.Keys(scripts)) }

// maxRows bounds what gdb may print.
const maxRows = 1 << 18

// Reader is a gdb that reads the objects of a kernel.
type Reader struct {
	GDB    string // its program
	Kernel string // by name
	ELF    string // its file with debug info
	Core   string // and that of Genode's core, where that is another one
}

// Read has gdb attach to a stub, execute commands, and print what it sees of the kernel.
// The guest stands when it ends.
func (r Reader) Read(ctx context.Context, addr string, commands []string) (rows []string, err error) {
	if _, err := exec.LookPath(r.GDB); err != nil {
		return nil, fmt.Errorf("gdb is needed, with Python: install it, or name it with --gdb: %w", err)
	}
	file, err := os.CreateTemp("", "thaw-*.py")
	if err != nil {
		return nil, fmt.Errorf("giving gdb its script: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.WriteString(scripts[r.Kernel])
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("giving gdb its script: %w", err)
	}
	args := []string{"-batch", "-nx"}
	socket := strings.TrimPrefix(addr, "unix:") // gdb takes one by its path alone
	core := ""
	if r.Core != "" {
		core = "add-symbol-file " + r.Core
	}
	for _, c := range slices.Concat([]string{"set confirm off", "set language c++", "target remote " + socket}, commands, []string{"delete", core}) {
		args = append(args, "-ex", c)
	}
	args = append(args, "-x", file.Name(), "-ex", "disconnect", r.ELF)
	run := exec.CommandContext(ctx, r.GDB, args...)
	run.WaitDelay = time.Second // what it started may hold its output
	var errs bytes.Buffer
	run.Stderr = &errs
	out, err := run.Output()
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimRight(line, " \n"); line == "complete" {
			return rows, nil
		} else if isRow(line) && len(rows) < maxRows {
			rows = append(rows, line)
		}
	}
	lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
	return nil, errors.Join(fmt.Errorf("gdb did not come to the end of its reading: %s", lines[len(lines)-1]), err, ctx.Err())
}

func isRow(line string) bool {
	return slices.ContainsFunc([]string{"thread ", "pd ", "cap "}, func(p string) bool { return strings.HasPrefix(line, p) })
}

// Differences are the rows that only one side has.
func Differences(sys *kernel.System, read []string) (onlyModel, onlyRead []string) {
	mine := Rows(sys)
	only := func(a, b []string) (out []string) {
		has := map[string]int{}
		for _, row := range b {
			has[row]++
		}
		for _, row := range a {
			if has[row]--; has[row] < 0 {
				out = append(out, row)
			}
		}
		return out
	}
	return only(mine, read), only(read, mine)
}

// Rows are the model's threads, protection domains and capabilities as the script prints
// them.
func Rows(sys *kernel.System) (out []string) {
	r := rows{sys: sys, first: map[kernel.ID]string{}}
	for _, o := range sys.PDs() {
		if o.Name == "core" && (r.core == nil || len(o.PD.Caps) > len(r.core.PD.Caps)) {
			r.core = o // in 18.02 there is another one of its name, without capabilities
		}
	}
	if r.core != nil {
		for _, c := range r.core.PD.Caps { // the lowest that leads to a thread
			to := sys.Named(c)
			if to != nil && to.Kind == "RPC object" {
				to = sys.Object(to.Link("server"))
			}
			if to != nil && r.first[to.ID] == "" {
				r.first[to.ID] = kernel.ID(c.Slot).String()
			}
		}
	}
	for _, o := range sys.Threads() {
		out = append(out, r.thread(o))
	}
	for _, o := range sys.PDs() {
		out = append(out, strings.TrimSpace(fmt.Sprintf("pd %x %x %d %s", o.Addr, o.PD.Root, len(o.PD.Caps), o.Name)))
		for _, c := range o.PD.Caps {
			out = append(out, r.capability(o, c))
		}
	}
	return out
}

// rows makes rows.
type rows struct {
	sys   *kernel.System
	core  *kernel.Object
	first map[kernel.ID]string
}

func (r *rows) label(id kernel.ID) string {
	o := r.sys.Object(id)
	if o == nil || o.Thread == nil {
		return "?"
	}
	pd := "?"
	if in := r.sys.Object(o.Thread.PD); in != nil {
		pd = in.Name
	}
	return pd + " -> " + o.Name
}

func (r *rows) addr(id kernel.ID) uint64 {
	if o := r.sys.Object(id); o != nil {
		return o.Addr
	}
	return 0
}

func (r *rows) thread(o *kernel.Object) string {
	t := o.Thread
	state, wait := strings.Join(t.StateWords, " "), ""
	if t.Running {
		state += " *"
	}
	switch t.Wait.Verb {
	case "calls":
		wait = "calls " + r.label(t.Wait.For)
	case "waits for signals at":
		wait = fmt.Sprintf("signals of %x", r.addr(t.Wait.For))
	case "waits at":
		wait = fmt.Sprintf("waits at %x", r.addr(t.Wait.For))
	}
	return strings.TrimSpace(fmt.Sprintf("thread %s %x %s: %s%s %s", cmp.Or(r.first[o.ID], "-"), o.Addr, r.label(o.ID), state, saved(t), wait))
}

// saved are the saved states of a thread; of several, the one that counts is named.
func saved(t *kernel.Thread) (out string) {
	places := slices.DeleteFunc(slices.Clone(t.Places), func(p kernel.Place) bool { return p.Passing })
	slices.SortFunc(places, func(a, b kernel.Place) int { return cmp.Compare(a.Name, b.Name) })
	if len(places) > 1 {
		out = fmt.Sprintf(" from %s", t.Source)
	}
	for _, p := range places {
		out += fmt.Sprintf(" ip %x sp %x", p.IP, p.SP)
	}
	return out
}

func (r *rows) capability(pd *kernel.Object, c kernel.Capability) string {
	to, core, what := r.sys.Named(c), "-", "invalid"
	if c.Rights != "" && to != nil {
		return strings.TrimSpace(fmt.Sprintf("cap %x %x %x %s %s %s", pd.Addr, c.Slot, to.Addr, to.Kind, c.Rights, strings.TrimSpace(r.what(to)+" "+c.More)))
	}
	if to != nil {
		if uint64(to.ID) != to.Addr {
			core = to.ID.String()
		}
		what = r.what(to)
	}
	if to == nil && c.Pointer == 0 && c.More != "" { // it names memory, not an object
		what = c.More
	}
	return strings.TrimSpace(fmt.Sprintf("cap %x %x %s %s", pd.Addr, c.Slot, core, what))
}

func (r *rows) what(o *kernel.Object) string {
	switch o.Kind {
	case "Thread":
		return "THREAD " + r.label(o.ID)
	case "RPC object":
		return "THREAD " + r.label(o.Link("server"))
	case "EC", "TCB":
		return r.label(o.ID)
	case "SC":
		return "of " + r.label(o.Link("EC"))
	case "PT":
		return fmt.Sprintf("of %s id %x", r.label(o.Link("EC")), o.Label())
	case "SM":
		return fmt.Sprintf("counter %d", o.Label())
	case "PD":
		return "PD " + o.Name
	case "IRQ":
		return "IRQ"
	case "Signal context":
		return fmt.Sprintf("SIGNAL_CONTEXT of %x imprint %x submits %d ack %d", r.addr(o.Link("receiver")), o.Values[0].Number, o.Values[1].Number, o.Values[2].Number)
	case "Signal receiver":
		return "SIGNAL_RECEIVER " + r.label(o.Link("handler"))
	}
	return string(o.Kind)
}
