package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"thaw/present"
	"thaw/ui"
)

func newFollow() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "follow [SOCKET]",
		Short: "follow a demo that is presented, with notes for the speaker",
		Long: `follow shows what "thaw demo --present" shows on another terminal of the same user
and machine, what to say about it, how long it has gone on, and what comes next.
It only watches. Without a path it looks where --present listens by default.`,
		Example: "  thaw demo --present     # on the terminal that all see\n  thaw follow             # on your own",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := present.DefaultPath()
			if len(args) > 0 {
				path, err = args[0], nil
			}
			if err != nil {
				return err
			}
			return follow(c.Context(), path, o.screen())
		},
	}
	o.screenFlags(c)
	return c
}

// follow connects before it opens the screen, so that a refusal is one sentence.
func follow(ctx context.Context, path string, s ui.Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := present.Dial(ctx, path)
	if err != nil {
		return err
	}
	frames, ended := make(chan *present.Frame), make(chan error, 1)
	go func() {
		defer close(frames)
		ended <- present.Follow(ctx, conn, func(f *present.Frame) {
			select {
			case frames <- f:
			case <-ctx.Done():
			}
		})
	}()
	err = ui.Follow(ctx, frames, s)
	cancel()
	return errors.Join(err, <-ended)
}
