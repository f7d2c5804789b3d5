package main

import (
	"github.com/spf13/cobra"

	"thaw/gdbremote"
	"thaw/recording/stub"
)

func newServe() *cobra.Command {
	var listen string
	var remote bool
	c := &cobra.Command{
		Use:   "serve FILE|NAME",
		Short: "serve a recording as a gdbstub: gdb connects and goes forward and back",
		Long: `serve answers debuggers with what a recording holds: registers, memory as far as
it was recorded, and the stops, forward with continue and back with
reverse-continue. "monitor help" lists what else gdb can ask. One debugger at a
time; Ctrl-C ends it.`,
		Example: "  thaw serve bug.thaw --listen 127.0.0.1:1234\n  gdb -ex 'target remote :1234' kernel.elf",
		Args:    oneFile,
		RunE: func(c *cobra.Command, args []string) error {
			r, rec, err := openReplay(c.Context(), args[0])
			if err != nil {
				return err
			}
			s, err := stub.New(r, rec)
			if err != nil {
				return err
			}
			server := gdbremote.Server{Handler: s, AllowRemote: remote}
			err = server.ListenAndServe(c.Context(), listen, func(addr string) {
				say(c.ErrOrStderr(), "%s: %d stops, served at %s; connect with: gdb -ex 'target remote %s'", rec.Name(), r.Stops(), addr, addr)
				if rec.Sparse() {
					say(c.ErrOrStderr(), "the recording is sparse: what thaw did not read of a page is an error, too")
				}
			})
			if c.Context().Err() != nil {
				return nil // ended by the user
			}
			return err
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:1234", "`address` to serve at: HOST:PORT, or the path of a unix socket")
	c.Flags().BoolVar(&remote, "allow-remote", false, "allow an address that other machines can reach: there is no authentication")
	return c
}
