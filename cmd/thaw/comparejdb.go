package main

import (
	"context"
	"errors"
	"io"
	"time"

	humanize "github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"thaw/jdb"
	"thaw/kernel"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session/scenario"
	"thaw/session/view"
)

func newCompareJDB() *cobra.Command {
	var o options
	var serial string
	var asJSON, noViews bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "compare-jdb ADDR --serial SOCKET",
		Short: "hold the kernel objects in memory against the kernel debugger's own listings",
		Long: `compare-jdb makes a running guest enter its kernel debugger over the serial
line, reads the kernel's objects from memory through the gdbstub, lets the
kernel debugger list the same objects, threads and object spaces, and prints
how many were compared and every difference. Then the guest goes on. It ends
with 0 if there is no difference, 1 if there are some, 2 if it could not run.

The guest must run when the command starts, its kernel needs JDB and the option
-serial_esc, and nobody else may be connected to the serial line.`,
		Example: "  thaw compare-jdb :1234 --serial serial.sock --build build/x86_64\n  thaw compare-jdb :1234 --serial serial.sock --kernel fiasco.image --json",
		Args:    oneAddress,
		RunE: func(c *cobra.Command, args []string) error {
			if serial == "" {
				return errors.New("give the guest's serial line, a unix socket, with --serial")
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			res, err := o.compareJDB(ctx, args[0], serial, !noViews)
			if err != nil {
				return err
			}
			if asJSON {
				err = report.JSON(c.OutOrStdout(), res)
			} else {
				err = res.print(c.OutOrStdout())
			}
			if err == nil && len(res.Differences) > 0 {
				err = errUnexpected
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&o.kernel, "kernel", "", "kernel `ELF` with debug info")
	f.StringVar(&o.build, "build", "", "Genode build `directory` to find the kernel in")
	f.StringVar(&serial, "serial", "", "`PATH` of the unix socket of the guest's serial line")
	f.BoolVar(&o.remote, "allow-remote", false, "allow a stub on another host: it has no authentication")
	f.StringVar(&o.scenario, "scenario", scenarios.Default, "scenario that names the kernel's file: a `NAME` that comes with thaw, or a file")
	f.StringVar(&o.wireLog, "wire-log", "", "write the remote protocol's packets to this `file`")
	f.StringVar(&o.record, "record", "", "keep both sides: memory in this new `file`, and the listings beside it as FILE.jdb.gz")
	f.BoolVar(&o.force, "force", false, "overwrite the files of --record if they exist")
	f.BoolVar(&o.sparse, "sparse", false, "record of each page only what was read")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&noViews, "no-views", false, "leave out the views of single threads (their registers)")
	f.DurationVar(&timeout, "timeout", 5*time.Minute, "give up after this `time`")
	return c
}

// jdbResult is what compare-jdb prints.
type jdbResult struct {
	*jdb.Comparison
	Objects  int            `json:"objects"`
	PerTask  []taskCount    `json:"capabilities_per_task"`
	Kinds    map[string]int `json:"kinds"`
	Snapshot costJSON       `json:"snapshot"`
	Problems []string       `json:"problems,omitempty"` // of the decoder
}

type taskCount struct {
	Task         string `json:"task"`
	Name         string `json:"name"`
	Capabilities int    `json:"capabilities"`
}

type costJSON struct {
	Milliseconds float64 `json:"milliseconds"`
	Bytes        int64   `json:"bytes"`
	Batches      int     `json:"batches"`
	took         time.Duration
}

// compareJDB does all of the comparison. Kernel objects stand still while the
// guest is in JDB; so it does not matter that the memory is read first, which
// tells how far the object spaces are used.
func (o *options) compareJDB(ctx context.Context, addr, serial string, views bool) (res *jdbResult, err error) {
	s, err := o.loadScenario(ctx)
	if err != nil {
		return nil, err
	}
	kernelOnly(s)
	conn, err := jdb.Dial(serial)
	if err != nil {
		return nil, err
	}
	defer func() {
		// The guest must not be left in JDB because time is over, or the user has no more.
		patience := 10 * time.Second
		if ctx.Err() != nil {
			patience = time.Second
		}
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		err = errors.Join(err, conn.Leave(leave), conn.Close())
	}()
	if err := conn.Enter(ctx); err != nil {
		return nil, err
	}
	snap, err := o.snapshotOnce(ctx, s, addr)
	if err != nil {
		return nil, err
	}
	l, err := listAll(ctx, conn, snap.System, views)
	if err != nil {
		return nil, err
	}
	if o.record != "" {
		if err := writeFile(ctx, o.record+".jdb.gz", o.force, l.Write); err != nil {
			return nil, err
		}
	}
	res = &jdbResult{Comparison: jdb.Compare(l, snap.System), Objects: len(snap.System.Objects), Kinds: map[string]int{}, Problems: snap.System.AllProblems()}
	res.Snapshot = costJSON{float64(snap.Cost.Duration.Microseconds()) / 1000, snap.Cost.Bytes, snap.Cost.Batches, snap.Cost.Duration}
	for _, t := range snap.System.PDs() {
		n := taskCount{Task: t.ID.String(), Name: t.Name, Capabilities: len(t.PD.Caps)}
		if m := snap.System.MainThread(t.ID); n.Name == "" && m != nil {
			n.Name = m.Name
		}
		res.PerTask = append(res.PerTask, n)
	}
	for _, x := range snap.System.Objects {
		res.Kinds[string(x.Kind)]++
	}
	return res, nil
}

// kernelOnly leaves only the kernel of a scenario's components: kernel objects
// need no other debug info.
func kernelOnly(s *scenario.Scenario) {
	for name, c := range s.Components {
		if !c.Kernel {
			delete(s.Components, name)
		}
	}
}

// snapshotOnce attaches, reads the kernel objects and lets the guest run on.
func (o *options) snapshotOnce(ctx context.Context, s *scenario.Scenario, addr string) (snap *view.Snapshot, err error) {
	op, err := o.openAddr(ctx, s, addr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, op.close(ctx)) }()
	return op.engine.Snapshot(ctx, "compare with JDB")
}

// listAll lets JDB list everything that the model holds.
func listAll(ctx context.Context, conn *jdb.Conn, sys *kernel.System, views bool) (*jdb.Listing, error) {
	l := &jdb.Listing{Spaces: map[kernel.ID][]jdb.Cap{}}
	var err error
	if l.Objects, err = conn.Objects(ctx); err != nil {
		return nil, err
	}
	if l.Tasks, err = conn.Tasks(ctx); err != nil {
		return nil, err
	}
	if l.Threads, err = conn.Threads(ctx); err != nil {
		return nil, err
	}
	for _, t := range l.Tasks {
		to := uint64(0)
		if o := sys.Object(t.ID); o != nil && o.PD != nil && len(o.PD.Caps) > 0 {
			to = o.PD.Caps[len(o.PD.Caps)-1].Slot
		}
		if l.Spaces[t.ID], err = conn.Caps(ctx, t.ID, to); err != nil {
			return nil, err
		}
	}
	for _, t := range l.Threads {
		if !views {
			break
		}
		d, err := conn.Detail(ctx, t.ID)
		if err != nil {
			return nil, err
		}
		l.Details = append(l.Details, d)
	}
	return l, nil
}

// print writes the result for people.
func (r *jdbResult) print(w io.Writer) error {
	var err error
	line := func(format string, args ...any) {
		if err == nil {
			err = say(w, format, args...)
		}
	}
	n := r.Compared
	line("snapshot: %d objects in %s, %s in %d batches", r.Objects, r.Snapshot.took.Round(100*time.Microsecond), humanize.IBytes(uint64(max(r.Snapshot.Bytes, 0))), r.Snapshot.Batches)
	line("compared: %d objects (%d names), %d threads, %d views of threads (%d registers by label, %d words of stacks), %d tasks, %d capabilities",
		n.Objects, n.Names, n.Threads, n.Views, n.Registers, n.Stack, n.Tasks, n.Capabilities)
	for _, t := range r.PerTask {
		line("  task %5s %-16s %5d capabilities", t.Task, t.Name, t.Capabilities)
	}
	for _, p := range r.Problems {
		line("problem: %s", p)
	}
	for _, s := range r.Skipped {
		line("not compared: %s", s)
	}
	for _, k := range r.Known {
		line("known JDB error, %d×: %s", k.Count, k.What)
		line("  for example: %s", k.Example)
	}
	line("differences: %d", len(r.Differences))
	for _, d := range r.Differences {
		line("  %s", d)
	}
	return err
}
