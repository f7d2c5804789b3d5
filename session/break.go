package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thaw/session/components"
	"thaw/session/view"
)

// Break sets a breakpoint of the user's. It is hit in the component's own address
// spaces only. text is "COMPONENT: FUNCTION", or in place of the function
// FILE:LINE or an address ("0x1014faa"); without a component that of the stopped
// processor is meant. With once it goes with its first hit.
func (e *Engine) Break(ctx context.Context, text string, once bool) error {
	c, where, err := e.breakIn(text)
	if err != nil {
		return err
	}
	if err := e.drive.Breaks.SetUser(ctx, c, where, once); err != nil {
		return err
	}
	e.refreshBreaks()
	return nil
}

// breakIn finds the component that a breakpoint is for.
func (e *Engine) breakIn(text string) (c *components.Component, where string, err error) {
	if last := e.history.newest(); last != nil {
		c, where, err = e.programs.Expr(last.snap, text)
	} else {
		c, where = e.programs.Named(text)
	}
	where = strings.TrimPrefix(strings.TrimSpace(where), "*")
	switch {
	case err != nil:
		return nil, "", err
	case c == nil:
		return nil, "", fmt.Errorf("write COMPONENT: FUNCTION, with a component of %s", strings.Join(e.programs.Names, ", "))
	case where == "":
		return nil, "", fmt.Errorf("write COMPONENT: FUNCTION, FILE:LINE or an address")
	}
	return c, where, nil
}

// Delete removes a breakpoint that the user set, by its name, or with "" all of
// them.
func (e *Engine) Delete(ctx context.Context, name string) error {
	if err := e.drive.Breaks.Remove(ctx, name); err != nil {
		return err
	}
	e.refreshBreaks()
	return nil
}

// Until runs to a place, or to whatever stops the guest before it.
func (e *Engine) Until(ctx context.Context, text string) error {
	before := slices.Clone(e.drive.Breaks.Infos)
	if err := e.Break(ctx, text, true); err != nil {
		return err
	}
	err := e.Continue(ctx)
	for _, i := range slices.Clone(e.drive.Breaks.Infos) {
		if i.Purpose == view.PurposeOnce && !slices.Contains(before, i) && e.ended == nil && ctx.Err() == nil {
			if gone := e.Delete(ctx, i.Name()); err == nil {
				err = gone
			}
		}
	}
	return err
}

// refreshBreaks has the newest stop show the breakpoints as they are now.
func (ps *parts) refreshBreaks() {
	if last := ps.history.newest(); last != nil {
		m := *last // moments are never changed
		m.Breakpoints = ps.drive.Breaks.Breakpoints()
		ps.history.replaceNewest(&m)
	}
}
