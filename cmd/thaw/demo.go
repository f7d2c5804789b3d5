package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"thaw/present"
	"thaw/scenarios"
	"thaw/session"
	"thaw/tour"
	"thaw/ui"
	"thaw/workshop"
)

func newDemo() *cobra.Command {
	var o options
	var pause time.Duration
	var socket string
	c := &cobra.Command{
		Use:   "demo [NAME|FILE]",
		Short: "tell the story of a recording, step by step, for a workshop",
		Long: `demo walks a recording with narration in a side pane: what is looked at, where on
the screen, and what it means. Space goes on, Backspace goes back, "a" goes on by
itself, Esc takes over, T opens the narration again. Without a name it tells the
restore bug of 2016. With --present it is for a room: air between rows, the selected
one in a frame, the keys in a corner, and "thaw follow" shows notes for the speaker
on another terminal.`,
		Example: "  thaw demo\n  thaw demo overwritten\n  thaw demo --present\n  thaw demo missing-caps --pause 20s",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			what := append(args, scenarios.Default)[0]
			t, r, err := tourOf(c.Context(), what)
			if err != nil {
				return err
			}
			p, err := session.NewPlayer(r)
			if err != nil {
				return err
			}
			t.Pause = pause
			s := o.screen()
			s.Tour, s.NoGreeting = t, true
			if !c.Flags().Changed("present") {
				return ui.Run(c.Context(), p, s)
			}
			return presented(c.Context(), p, s, socket)
		},
	}
	o.screenFlags(c)
	c.Flags().StringVar(&socket, "present", "", "present it to a room, and let \"thaw follow\" follow at this `socket` (default: in the user's own folder)")
	c.Flags().Lookup("present").NoOptDefVal = defaultSocket
	c.Flags().DurationVar(&pause, "pause", 12*time.Second, "how long a step stays when it goes on by itself")
	return c
}

// defaultSocket stands for the path at which a follower looks without being told.
const defaultSocket = "default"

// presented shows a demo to a room, and to those who follow.
func presented(ctx context.Context, p *session.Player, s ui.Options, socket string) error {
	if socket == defaultSocket {
		var err error
		if socket, err = present.DefaultPath(); err != nil {
			return err
		}
	}
	hub, err := present.Listen(socket)
	if err != nil {
		return err
	}
	s.Room, s.Follows = true, hub.Show
	return errors.Join(ui.Run(ctx, p, s), hub.Close())
}

// tourOf makes the tour of a recording. One that comes with thaw has a story of
// its own.
func tourOf(ctx context.Context, what string) (*ui.Tour, *session.Replay, error) {
	r, rec, err := openReplay(ctx, what)
	if err != nil {
		return nil, nil, err
	}
	about := scenarioOf(rec)
	w := tour.Walk{Title: about.Title, Story: about.Story, Source: about.Source}
	if known, err := entryOf(rec); err == nil {
		w.Symptom, w.Seen = known.Log, workshop.Symptom(known.Name)
	}
	if w.Stops, err = await(ctx, "decoding all stops", r.Snapshots); err != nil {
		return nil, nil, err
	}
	if w.Last, err = r.View(r.Stops()); err != nil {
		return nil, nil, err
	}
	t := &ui.Tour{Name: r.Name(), Title: w.Title}
	for _, s := range tour.Of(w) {
		t.Steps = append(t.Steps, ui.TourStep{Stop: s.Stop, Focus: s.Focus, Thread: s.Thread, Title: s.Title, Text: s.Text, Notes: s.Notes})
	}
	return t, r, nil
}
