package jdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"thaw/kernel"
)

// show opens a listing at the prompt.
func (c *Conn) show(ctx context.Context, command string) error {
	if err := c.toPrompt(ctx); err != nil {
		return err
	}
	return c.ask(ctx, command, listed)
}

// turn presses a key that redraws a listing or does nothing.
func (c *Conn) turn(ctx context.Context, key string) (redrawn bool, err error) {
	if err := c.key(key); err != nil {
		return false, err
	}
	err = c.wait(ctx, settle, listed)
	if errors.Is(err, errSilent) && !moved(c.out) {
		err = c.wait(ctx, 20*time.Second, listed)
	}
	if errors.Is(err, errSilent) && moved(c.out) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("JDB's answer to %q: %w", key, err)
	}
	return true, nil
}

// pages reads a listing to its end. read parses the screen and returns how many
// rows were new.
//
// JDB's own paging of object lists skips one row per page in 2016's version
// (it shows three lines less than the screen has, and moves by two less), so
// each page is read again one line further up.
func (c *Conn) pages(ctx context.Context, back bool, read func() (int, error)) error {
	if _, err := read(); err != nil {
		return err
	}
	for range maxPages {
		redrawn, err := c.turn(ctx, "J")
		if err == nil && !redrawn {
			redrawn, err = c.turn(ctx, "J") // a second try: silence proves little
		}
		if err != nil || !redrawn {
			return err
		}
		fresh, err := read()
		if err != nil {
			return err
		}
		if back {
			if redrawn, err = c.turn(ctx, "k"); err != nil {
				return err
			}
			if redrawn {
				n, err := read()
				if err != nil {
					return err
				}
				fresh += n
			}
		}
		if fresh == 0 {
			return nil
		}
	}
	return fmt.Errorf("a listing of JDB has more than %d pages", maxPages)
}

// Threads reads the present list (lp): all threads.
func (c *Conn) Threads(ctx context.Context) ([]Thread, error) {
	var out []Thread
	seen := map[kernel.ID]bool{}
	if err := c.show(ctx, "lp"); err != nil {
		return nil, err
	}
	if _, err := c.turn(ctx, "H"); err != nil {
		return nil, err
	}
	err := c.pages(ctx, false, func() (int, error) {
		list, err := parseThreads(c.screen)
		return collect(&out, list, seen, func(t Thread) kernel.ID { return t.ID }), err
	})
	if err != nil {
		return nil, fmt.Errorf("reading JDB's present list: %w", err)
	}
	return out, nil
}

// Objects reads the list of all kernel objects (Q).
func (c *Conn) Objects(ctx context.Context) ([]Object, error) { return c.objects(ctx, "Q") }

// Tasks reads the task list (s).
func (c *Conn) Tasks(ctx context.Context) ([]Object, error) { return c.objects(ctx, "s") }

func (c *Conn) objects(ctx context.Context, command string) ([]Object, error) {
	var out []Object
	seen := map[kernel.ID]bool{}
	if err := c.show(ctx, command); err != nil {
		return nil, err
	}
	err := c.pages(ctx, true, func() (int, error) {
		list, err := parseObjects(c.screen)
		return collect(&out, list, seen, func(o Object) kernel.ID { return o.ID }), err
	})
	if err != nil {
		return nil, fmt.Errorf("reading JDB's object list (%s): %w", command, err)
	}
	return out, nil
}

// collect appends rows that were not seen on an earlier page.
func collect[T any](out *[]T, list []T, seen map[kernel.ID]bool, id func(T) kernel.ID) int {
	n := 0
	for _, x := range list {
		if !seen[id(x)] && len(*out) < maxRows {
			seen[id(x)] = true
			*out = append(*out, x)
			n++
		}
	}
	return n
}

// Caps reads the used slots of a task's object space, at least up to slot to
// and to the end of an empty page: JDB's table itself is a million slots long.
func (c *Conn) Caps(ctx context.Context, task kernel.ID, to uint64) ([]Cap, error) {
	if err := c.openSpace(ctx, task); err != nil {
		return nil, fmt.Errorf("reading JDB's object space of task %s: %w", task, err)
	}
	var out []Cap
	last := uint64(0)
	for range maxPages {
		page, err := parseSpace(c.screen)
		if err != nil {
			return nil, fmt.Errorf("reading JDB's object space of task %s: %w", task, err)
		}
		if page.first > page.last || len(out) > 0 && page.last <= last {
			return out, nil // the table's end
		}
		for _, k := range page.caps {
			if len(out) == 0 || k.Slot > out[len(out)-1].Slot {
				out = append(out, k)
			}
		}
		if last = page.last; last >= to && len(page.caps) == 0 {
			return out, nil
		}
		if err := c.ask(ctx, "J", listed); err != nil {
			return nil, fmt.Errorf("reading JDB's object space of task %s: %w", task, err)
		}
	}
	return nil, fmt.Errorf("reading JDB's object space of task %s: more than %d pages", task, maxPages)
}

// openSpace goes to the task's row in the task list and opens its object space.
func (c *Conn) openSpace(ctx context.Context, task kernel.ID) error {
	if err := c.show(ctx, "s"); err != nil {
		return err
	}
	list, err := parseObjects(c.screen)
	if err != nil {
		return err
	}
	for i, o := range list {
		if o.ID == task {
			return c.ask(ctx, "o", listed)
		}
		next := fmt.Sprintf("\x1b[%d;1H", i+3)
		if i+1 < len(list) {
			if err := c.ask(ctx, "j", func(out []byte) bool { return bytes.HasSuffix(out, []byte(next)) }); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("it is not among the first %d tasks that JDB lists", len(list))
}

// Detail reads a thread's control block (t). JDB shows the state of a thread
// that it interrupted itself as that of its own entry: Current tells so.
func (c *Conn) Detail(ctx context.Context, id kernel.ID) (Detail, error) {
	if err := c.toPrompt(ctx); err != nil {
		return Detail{}, err
	}
	// ESC waits in the line until the view is drawn; its answer then is a
	// certain sign of the view's end. The prompt changes the last row only. A
	// number must not begin with "a", which asks for an address.
	if err := c.ask(ctx, "t0"+id.String()+"\r"+esc, atPrompt); err != nil {
		return Detail{}, err
	}
	d, err := parseDetail(c.screen)
	if err == nil && d.ID != id {
		err = fmt.Errorf("it shows thread %s", d.ID)
	}
	if err != nil {
		return Detail{}, fmt.Errorf("reading JDB's view of thread %s: %w", id, err)
	}
	return d, nil
}
