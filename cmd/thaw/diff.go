package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"thaw/memory"
	"thaw/recording"
	"thaw/report"
	"thaw/session"
	"thaw/session/view"
)

func newDiff() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "diff A[@STOP] B[@STOP]",
		Short: "compare two recordings, or two stops of one",
		Long: `diff compares two stops: threads with ip, sp, state and partner, capability
tables, counts of kernel objects, and memory where both recordings hold it. A and B are
recordings (files, or names that come with thaw); without @STOP the last stop is
meant. Two stops of one recording are matched by the objects' ids, two
recordings by component and name. It ends with 0 if nothing differs, 1 if
something does.`,
		Example: "  thaw diff bug.thaw@14 bug.thaw@33\n  thaw diff rtcr-2016 fixed",
		Args:    arguments(2, 2),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := diff(c.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				err = report.DiffJSON(c.OutOrStdout(), d)
			} else {
				err = report.Diff(c.OutOrStdout(), d)
			}
			if err == nil && !d.Equal() {
				err = errUnexpected
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// side is one of the two stops of a comparison.
type side struct {
	name   string
	replay *session.Replay
	rec    *recording.Recording
	view   *view.View
	record int // of the stop
}

func openSide(ctx context.Context, arg string) (*side, error) {
	what, err := resolve(arg, subjectRecorded|subjectStop)
	if err != nil {
		return nil, err
	}
	s := &side{name: what.name}
	if s.replay, s.rec, err = openReplay(ctx, what.name); err != nil {
		return nil, err
	}
	stop := cmp.Or(what.stop, s.replay.Stops())
	if s.view, err = s.replay.View(stop); err != nil {
		return nil, err
	}
	s.record = slices.IndexFunc(s.rec.Records(), func(r *session.StopRecord) bool { return !r.Aside && r.Number == stop })
	return s, nil
}

func diff(ctx context.Context, a, b string) (*report.Difference, error) {
	left, err := openSide(ctx, a)
	if err != nil {
		return nil, err
	}
	right, err := openSide(ctx, b)
	if err != nil {
		return nil, err
	}
	d := report.Compare(left.view.Snapshot, right.view.Snapshot, left.name == right.name)
	d.Pages, d.Partly = pageChanges(left, right)
	return d, nil
}

// pageChanges compares the recorded pages of both stops, byte by byte where both
// were recorded; partly are the pages of which one side lacks something.
func pageChanges(a, b *side) (out []report.PageChange, partly int) {
	pagesB := map[uint64]session.Page{}
	for _, p := range b.rec.Pages(b.record) {
		pagesB[p.Addr] = p
	}
	owners := newOwners(a, b)
	for _, p := range a.rec.Pages(a.record) {
		other, both := pagesB[p.Addr]
		delete(pagesB, p.Addr)
		if !both {
			out = append(out, report.PageChange{Phys: p.Addr, OnlyIn: "A", Where: owners.of(p.Addr)})
			continue
		}
		first, whole := firstDifference(p, other)
		if !whole {
			partly++
		}
		if first >= 0 {
			out = append(out, report.PageChange{Phys: p.Addr, First: first, Where: owners.of(p.Addr)})
		}
	}
	for addr := range pagesB {
		out = append(out, report.PageChange{Phys: addr, OnlyIn: "B", Where: owners.of(addr)})
	}
	slices.SortFunc(out, func(x, y report.PageChange) int {
		if x.Phys < y.Phys {
			return -1
		}
		return 1
	})
	return out, partly
}

// firstDifference is the first byte that both pages hold and that differs, -1 for
// none; whole says that all bytes were compared.
func firstDifference(a, b session.Page) (first int, whole bool) {
	first, whole = -1, true
	for i := range a.Data {
		switch {
		case !a.Known.Has(i) || !b.Known.Has(i):
			whole = false
		case a.Data[i] != b.Data[i] && first < 0:
			first = i
		}
	}
	return first, whole
}

// owners tells what a page belongs to: the kernel objects in it.
type owners map[uint64]string

// newOwners looks up the pages of all kernel objects of both sides.
func newOwners(sides ...*side) owners {
	o := owners{}
	for _, s := range sides {
		m, err := s.replay.Machine(s.view.Snapshot.Number)
		if err != nil {
			continue
		}
		space := m.Space(0)
		for _, obj := range s.view.Snapshot.System.Objects {
			for a := obj.Addr &^ (memory.SharedBlock - 1); a < obj.Addr+obj.Size; a += memory.SharedBlock {
				_, phys, err := space.Translate(a)
				if err != nil {
					continue
				}
				page := phys &^ (memory.SharedBlock - 1)
				if text := o[page]; text == "" {
					o[page] = fmt.Sprintf("%s %s", obj.Title(), obj.ID)
				} else if !strings.HasSuffix(text, " …") && !strings.Contains(text, obj.ID.String()) {
					o[page] = text + " …"
				}
			}
		}
		for _, t := range s.view.Snapshot.System.PDs() {
			if t.PD.Root != 0 {
				o[t.PD.Root&^(memory.SharedBlock-1)] = "page tables of " + s.view.Snapshot.TaskName(t.ID)
			}
		}
	}
	return o
}

func (o owners) of(page uint64) string { return o[page] }
