package session

import (
	"context"
	"fmt"
	"io"
	"sync"

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
		d, err := c.drafts.scenario()
		if err != nil {
			return err
		}
		d = d.Toggle(component, function, e.asker.called(component))
		c.drafts.set(d, "")
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
		d, err := c.drafts.scenario()
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
		c.drafts.set(d.Saved(), path)
		return nil
	})
}

// drafts is the scenario with the phases that the user changes; any goroutine may use it.
type drafts struct {
	mu      sync.Mutex
	of      *scenario.Scenario
	changed *scenario.Draft // nil: nothing was changed
	view    *view.Draft     // nil where none can be saved
}

func newDrafts(of *scenario.Scenario) *drafts {
	b := &drafts{of: of}
	if d, err := b.scenario(); err == nil {
		b.view = draftView(d, fileName(of.Name))
	}
	return b
}

// scenario is what is to be saved.
func (b *drafts) scenario() (*scenario.Draft, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changed != nil {
		return b.changed, nil
	}
	return scenario.NewDraft(b.of)
}

// set shows another draft from now on; saved is the file that it is in, "" for none.
func (b *drafts) set(d *scenario.Draft, saved string) {
	v := draftView(d, fileName(b.of.Name))
	v.Saved = saved
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed, b.view = d, v
}

// shown is what views have of it.
func (b *drafts) shown() *view.Draft {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.view
}
