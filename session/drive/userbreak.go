package drive

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thaw/session/components"
	"thaw/session/view"
)

// mostBreaks bounds the breakpoints that the user sets.
const mostBreaks = 100

// SetUser sets a breakpoint of the user's in a component, at a function, FILE:LINE or an
// address ("0x1014faa"). With once it goes with its first hit.
func (b *Breaks) SetUser(ctx context.Context, c *components.Component, where string, once bool) error {
	purpose := view.PurposeBreak
	if once {
		purpose = view.PurposeOnce
	}
	own := 0
	for _, i := range b.Infos {
		if i.Own() {
			own++
		}
		if i.Own() && i.Component == c.Name && i.Function == where {
			return fmt.Errorf("there is a breakpoint at %s already", i.Name())
		}
	}
	if own >= mostBreaks {
		return fmt.Errorf("%d breakpoints are the most: delete one first", mostBreaks)
	}
	name := c.Name + ": " + where
	hit := func(ctx context.Context) (*Event, error) {
		if once {
			if err := b.Remove(ctx, name); err != nil {
				return nil, err
			}
		}
		return &Event{Reason: "breakpoint " + name, By: view.ByBreakpoint}, nil
	}
	if addrs := c.Addresses(where); len(addrs) > 0 {
		return b.watchPlaces(ctx, c, where, purpose, addrs, hit)
	}
	if err := c.NoCode(where); err != nil {
		return err
	}
	return b.WatchFunction(ctx, c.Name, where, purpose, hit)
}

// WatchAddresses sets a probe at each address that a place means which is no function's: a
// line of the source, or an address or the first of a range.
func (b *Breaks) WatchAddresses(ctx context.Context, component, where, purpose string, hit func(ctx context.Context) (*Event, error)) error {
	c := b.programs.ByName[component]
	first, _, _ := strings.Cut(where, "-0x")
	addrs := c.Addresses(first)
	if len(addrs) == 0 {
		return fmt.Errorf("no code of %s is at %s", c.File.Path(), where)
	}
	return b.watchPlaces(ctx, c, where, purpose, addrs, hit)
}

// watchPlaces sets a probe at each of the addresses.
func (b *Breaks) watchPlaces(ctx context.Context, c *components.Component, name, purpose string, addrs []uint64, hit func(ctx context.Context) (*Event, error)) error {
	info := &view.BreakpointInfo{Component: c.Name, Function: name, Purpose: purpose, Addrs: addrs}
	for _, a := range addrs {
		if err := b.AddProbe(ctx, &Probe{Addr: a, Comp: c, Info: info, Hit: hit}); err != nil {
			return err
		}
	}
	b.Infos = append(b.Infos, info)
	return nil
}

// Remove takes away breakpoints of the user's by name, "" all of them.
func (b *Breaks) Remove(ctx context.Context, name string) error {
	var gone []*view.BreakpointInfo
	for _, i := range b.Infos {
		if i.Own() && (name == "" || i.Name() == name) {
			gone = append(gone, i)
		}
	}
	if len(gone) == 0 && name != "" {
		return fmt.Errorf("no breakpoint of yours is called %s", name)
	}
	for addr := range b.Probes {
		for _, p := range slices.Clone(b.Probes[addr]) {
			if slices.Contains(gone, p.Info) {
				if err := b.RemoveProbe(ctx, p); err != nil {
					return err
				}
			}
		}
	}
	b.Infos = slices.DeleteFunc(b.Infos, func(i *view.BreakpointInfo) bool { return slices.Contains(gone, i) })
	return nil
}

// Breakpoints are the accounts of all breakpoints as they are now.
func (b *Breaks) Breakpoints() []view.BreakpointInfo {
	out := make([]view.BreakpointInfo, 0, len(b.Infos))
	for _, i := range b.Infos {
		out = append(out, *i)
	}
	return out
}

// OwnBreaks says whether the user has set breakpoints.
func (b *Breaks) OwnBreaks() bool {
	return slices.ContainsFunc(b.Infos, (*view.BreakpointInfo).Own)
}

// Stops says whether a breakpoint is one that stops the guest for the user to see.
func Stops(b *view.BreakpointInfo, users bool) bool {
	return b.Own() || !users && (b.Purpose == view.PurposePhase || b.Purpose == view.PurposeComplete)
}

// StopsAt is the breakpoint that the processor stands at, if it is one of the
// running component that stops the guest, or of the user's only.
func (b *Breaks) StopsAt(users bool) string {
	at := b.m.Here()
	for _, p := range b.Probes[at.PC] {
		if Stops(p.Info, users) && b.programs.Runs(p.Comp, at.Root, at.PC) {
			return p.Info.Name()
		}
	}
	return ""
}
