package session

import (
	"context"
	"fmt"
	"io"

	"thaw/newfile"
	"thaw/session/scenario"
	"thaw/session/view"
)

// TogglePhase makes a function of a component a phase of the scenario that is to be
// saved, or takes it out. Until that is saved and a session begins with it, a breakpoint
// stops there.
func (c *Controller) TogglePhase(component, function string) {
	c.queue("changing the scenario", func(ctx context.Context) error {
		e := c.engine
		d, err := c.drafted()
		if err != nil {
			return err
		}
		d = d.Toggle(component, function, e.asker.called(component))
		c.setDraft(d, "")
		if e.phaseIn(component, function) {
			return nil // it stops there as a phase
		}
		place := view.PhaseKey(component, function)
		if d.Has(component, function) {
			return e.Break(ctx, place, false)
		}
		return e.Delete(ctx, place)
	})
}

// SaveScenario writes the scenario with its changed phases to a new file.
func (c *Controller) SaveScenario(path string) {
	c.queue("saving the scenario", func(context.Context) error {
		d, err := c.drafted()
		if err != nil {
			return err
		}
		text, err := d.Text()
		if err != nil {
			return err
		}
		if err := newfile.Write(path, false, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return fmt.Errorf("not saved: %w", err)
		}
		c.setDraft(d.Saved(), path)
		return nil
	})
}

// drafted is the scenario that is to be saved.
func (c *Controller) drafted() (*scenario.Draft, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draft != nil {
		return c.draft, nil
	}
	return scenario.NewDraft(c.engine.scn)
}

// setDraft shows another draft from now on; saved is the file that it is in, "" for none.
func (c *Controller) setDraft(d *scenario.Draft, saved string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draft, c.draftView = d, draftView(d, fileName(c.engine.scn.Name))
	c.draftView.Saved = saved
}
