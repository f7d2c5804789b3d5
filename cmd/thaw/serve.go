package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"thaw/gdbremote"
	"thaw/kernel/kernels"
	"thaw/recording/stub"
	"thaw/session/inferiors"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/words"
)

// serveFlags are serve's own.
type serveFlags struct {
	listen, only      string
	remote            bool // the address to serve at may be reached by others
	processors, write bool
}

func newServe() *cobra.Command {
	var o options
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve ADDR|FILE|NAME",
		Short: "serve a guest or a recording as a gdbstub that knows components and threads",
		Long: `serve answers debuggers with a system as its kernel sees it: components are
inferiors, kernel threads are their threads, with names; a thread that does not run has
the registers that the kernel keeps of it, and memory is read through the component's own
page tables. A breakpoint counts in the component in which it is set. The processors are
an inferior, too.

Of a running guest (ADDR, its gdbstub) continue and Ctrl-C let it go and stop it. A
recording goes forward with continue and back with reverse-continue, stop by stop; with
--processors its threads are the processors, as QEMU's own stub has it. "monitor help"
lists what else gdb can ask. One debugger at a time; Ctrl-C ends it, and the guest goes
on.`,
		Example: "  thaw serve :1234 --build build/x86_64\n  thaw serve bug.thaw\n  gdb -ex 'set architecture i386:x86-64' -ex 'set osabi none' -ex 'set sysroot /' -ex 'set schedule-multiple on' -ex 'target extended-remote :1235' -ex 'stepi 0'\n  thaw serve :1234 --build build/x86_64 --only timer   # then: lldb -o 'gdb-remote 1235'",
		Args:    func(_ *cobra.Command, args []string) error { return oneSubject(args, subjectAddress|subjectRecorded) },
		RunE: func(c *cobra.Command, args []string) error {
			what, err := resolve(args[0], subjectAddress|subjectRecorded)
			if err != nil {
				return err
			}
			if what.kind&subjectRecorded != 0 {
				err = f.recorded(c.Context(), c.ErrOrStderr(), args[0])
			} else {
				err = f.guest(c.Context(), c.ErrOrStderr(), &o, args[0])
			}
			if c.Context().Err() != nil && errors.Is(err, context.Canceled) {
				return nil // ended by the user
			}
			return err
		},
	}
	l := c.Flags()
	l.StringVar(&f.listen, "listen", "127.0.0.1:1235", "`address` to serve at: HOST:PORT, or the path of a unix socket")
	l.BoolVar(&f.remote, "allow-remote", false, "allow an address that other machines can reach, and a stub on another host: there is no authentication")
	l.StringVar(&f.only, "only", "", "show one `component` alone, by its name or id: for debuggers of one process, such as lldb")
	l.BoolVar(&f.processors, "processors", false, "of a recording: the processors are the threads of one process")
	l.BoolVar(&f.write, "allow-write", false, "of a guest: let the debugger change memory")
	l.StringVar(&o.kernel, "kernel", "", "of a guest: kernel `ELF` with debug info")
	l.StringVar(&o.build, "build", "", "of a guest: Genode build `directory` to find the kernel and all components in")
	l.StringArrayVar(&o.symbols, "symbols", nil, "of a guest: `FILE` with a component's debug info, or NAME=FILE; may be repeated")
	l.StringVar(&o.ram, "ram", "", "of a guest: `FILE` that holds its RAM (mem-path of a memory-backend-file with share=on)")
	cacheFlag(l, &o.noCache)
	return c
}

// serve serves a handler until ctx ends.
func (f *serveFlags) serve(ctx context.Context, h gdbremote.Handler, ready func(addr string)) error {
	server := gdbremote.Server{Handler: h, AllowRemote: f.remote}
	return notListening(f.listen, server.ListenAndServe(ctx, f.listen, ready))
}

// notListening adds what to do where a socket cannot be made at a path.
func notListening(path string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		if _, there := os.Lstat(path); there == nil {
			return fmt.Errorf("%w: what stands there is left alone; give another path, or remove it if nobody needs it", err)
		}
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%w: the path of a socket has 107 bytes at most", err)
	}
	return err
}

// recorded serves a recording.
func (f *serveFlags) recorded(ctx context.Context, w io.Writer, name string) error {
	r, rec, err := openReplay(ctx, name)
	if err != nil {
		return err
	}
	processors, err := stub.New(r, rec)
	if err != nil {
		return err
	}
	var h gdbremote.Handler = processors
	connect := func(addr string) string { return "gdb -ex 'target remote " + addr + "'" }
	if !f.processors {
		g, err := inferiors.NewRecorded(processors, r, rec)
		if err != nil {
			return err
		}
		all, err := inferiors.New(ctx, g, f.only)
		if err != nil {
			return err
		}
		h, connect = all, all.Connect
	}
	return f.serve(ctx, h, func(addr string) {
		say(w, "%s: %d stops, served at %s; connect with: %s", rec.Name(), r.Stops(), addr, connect(addr))
		if rec.Sparse() {
			say(w, "the recording is sparse: what thaw did not read of a page is an error, too")
		}
	})
}

// guest serves a guest, which goes on afterwards.
func (f *serveFlags) guest(ctx context.Context, w io.Writer, o *options, addr string) (err error) {
	if f.processors {
		return errors.New("--processors is for recordings: QEMU's own stub shows a guest so")
	}
	files, err := await(ctx, loading, o.loadLook)
	if err != nil {
		return err
	}
	kernelFile := files[scenario.Plain().KernelName()]
	decoder, paging, err := kernels.Open(kernelFile.Tap(), coreOf(files))
	if err != nil {
		return err
	}
	t, err := live.Attach(ctx, addr, live.Options{RAM: o.ram, GDB: gdbremote.Options{AllowRemote: f.remote, Warn: func(s string) { say(w, "thaw: warning: %s", s) }}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	if t.Machine() != kernelFile.Machine() {
		return fmt.Errorf("the guest's processor is %v, but %s is for %v: give the kernel ELF of the system that runs", t.Machine(), kernelFile.Path(), kernelFile.Machine())
	}
	g, err := inferiors.NewLive(ctx, t, decoder, paging, files, f.write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close(context.WithoutCancel(ctx))) }()
	h, err := inferiors.New(context.WithoutCancel(ctx), g, f.only)
	if err != nil {
		return err
	}
	return f.serve(ctx, h, func(at string) {
		pds, threads := h.Counts()
		say(w, "%s stands, with %s in %s; served at %s; connect with: %s",
			addr, words.Count(threads, "thread"), words.Count(pds, "protection domain"), at, h.Connect(at))
	})
}
