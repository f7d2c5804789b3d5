package session

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"thaw/session/view"
)

// mostBreaks bounds the breakpoints that the user sets.
const mostBreaks = 100

// Break sets a breakpoint of the user's. It is hit in the component's own address
// spaces only. text is "COMPONENT: FUNCTION", or in place of the function
// FILE:LINE or an address ("0x1014faa"); without a component that of the stopped
// processor is meant. With once it goes with its first hit.
func (e *Engine) Break(ctx context.Context, text string, once bool) error {
	c, where, err := e.breakIn(text)
	if err != nil {
		return err
	}
	purpose := view.PurposeBreak
	if once {
		purpose = view.PurposeOnce
	}
	own := 0
	for _, i := range e.infos {
		if i.Own() {
			own++
		}
		if i.Own() && i.Component == c.name && i.Function == where {
			return fmt.Errorf("there is a breakpoint at %s already", i.Name())
		}
	}
	if own >= mostBreaks {
		return fmt.Errorf("%d breakpoints are the most: delete one first", mostBreaks)
	}
	name := c.name + ": " + where
	hit := func(ctx context.Context) (*event, error) {
		if once {
			if err := e.remove(ctx, name); err != nil {
				return nil, err
			}
		}
		return &event{reason: "breakpoint " + name}, nil
	}
	if addrs := c.addresses(where); len(addrs) > 0 {
		err = e.watchPlaces(ctx, c, where, purpose, addrs, hit)
	} else {
		err = e.watchFunction(ctx, c.name, where, purpose, hit)
	}
	if err != nil {
		return err
	}
	e.refreshBreaks()
	return nil
}

// breakIn finds the component that a breakpoint is for.
func (e *Engine) breakIn(text string) (c *component, where string, err error) {
	if last := e.history.newest(); last != nil {
		c, where, err = e.exprOf(last.snap, text)
	} else {
		c, where = e.componentIn(text)
	}
	where = strings.TrimPrefix(strings.TrimSpace(where), "*")
	switch {
	case c == nil:
		return nil, "", fmt.Errorf("write COMPONENT: FUNCTION, with a component of %s", strings.Join(e.compNames, ", "))
	case where == "":
		return nil, "", fmt.Errorf("write COMPONENT: FUNCTION, FILE:LINE or an address")
	}
	return c, where, err
}

// addresses are those that a name means which is no function's: an address, or a
// line of a source file.
func (c *component) addresses(where string) []uint64 {
	if hex, ok := strings.CutPrefix(where, "0x"); ok {
		if addr, err := strconv.ParseUint(hex, 16, 64); err == nil && c.hasText(addr) {
			return []uint64{addr}
		}
	}
	file, number, ok := strings.Cut(where, ":")
	line, err := strconv.Atoi(number)
	if !ok || err != nil || line <= 0 {
		return nil
	}
	return c.file.AddrsForLine(file, line)
}

// watchPlaces sets a probe at each of the addresses.
func (e *Engine) watchPlaces(ctx context.Context, c *component, name, purpose string, addrs []uint64, hit func(ctx context.Context) (*event, error)) error {
	info := &view.BreakpointInfo{Component: c.name, Function: name, Purpose: purpose, Addrs: addrs}
	for _, a := range addrs {
		if err := e.addProbe(ctx, &probe{addr: a, comp: c, info: info, hit: hit}); err != nil {
			return err
		}
	}
	e.infos = append(e.infos, info)
	return nil
}

// Delete removes a breakpoint that the user set, by its name, or with "" all of
// them.
func (e *Engine) Delete(ctx context.Context, name string) error {
	if err := e.remove(ctx, name); err != nil {
		return err
	}
	e.refreshBreaks()
	return nil
}

func (e *Engine) remove(ctx context.Context, name string) error {
	var gone []*view.BreakpointInfo
	for _, i := range e.infos {
		if i.Own() && (name == "" || i.Name() == name) {
			gone = append(gone, i)
		}
	}
	if len(gone) == 0 && name != "" {
		return fmt.Errorf("no breakpoint of yours is called %s", name)
	}
	for addr := range e.probes {
		for _, p := range slices.Clone(e.probes[addr]) {
			if slices.Contains(gone, p.info) {
				if err := e.removeProbe(ctx, p); err != nil {
					return err
				}
			}
		}
	}
	e.infos = slices.DeleteFunc(e.infos, func(i *view.BreakpointInfo) bool { return slices.Contains(gone, i) })
	return nil
}

// Until runs to a place, or to whatever stops the guest before it.
func (e *Engine) Until(ctx context.Context, text string) error {
	before := slices.Clone(e.infos)
	if err := e.Break(ctx, text, true); err != nil {
		return err
	}
	err := e.Continue(ctx)
	for _, i := range slices.Clone(e.infos) {
		if i.Purpose == view.PurposeOnce && !slices.Contains(before, i) && e.ended == nil && ctx.Err() == nil {
			if gone := e.Delete(ctx, i.Name()); err == nil {
				err = gone
			}
		}
	}
	return err
}

// breakpoints are the accounts of all breakpoints as they are now.
func (e *Engine) breakpoints() []view.BreakpointInfo {
	out := make([]view.BreakpointInfo, 0, len(e.infos))
	for _, i := range e.infos {
		out = append(out, *i)
	}
	return out
}

// refreshBreaks has the newest stop show the breakpoints as they are now.
func (e *Engine) refreshBreaks() {
	if last := e.history.newest(); last != nil {
		m := *last // moments are never changed
		m.infos = e.breakpoints()
		e.history.replaceNewest(&m)
	}
}
