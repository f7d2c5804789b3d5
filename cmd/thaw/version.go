package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the versions of thaw, and of what it runs on",
		Example: "  thaw version",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			lines := about(c.Context())
			if err := c.Context().Err(); err != nil {
				return err
			}
			for _, l := range lines {
				if err := say(c.OutOrStdout(), "%s", l); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// stamp is the version that a package was made as; the linker sets it.
var stamp string

// version names the program and what it was built from, as far as Go knows.
func version() string {
	if stamp != "" {
		return "thaw " + stamp
	}
	v := "thaw"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if m := info.Main.Version; m != "" && m != "(devel)" {
		v += " " + m
	}
	changed := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v += " " + s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ", changed"
		}
	}
	if v == "thaw" {
		return "thaw, of no known version" // go build -buildvcs=false
	}
	return v + changed
}

// about is what a bug report needs of thaw and its surroundings, in lines.
func about(ctx context.Context) []string {
	system := runtime.GOOS
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		system = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	locale := cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG"), "none")
	return []string{
		version(),
		fmt.Sprintf("built with %s for %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH),
		cmp.Or(programVersion(ctx, "qemu-system-x86_64"), "no QEMU"),
		fmt.Sprintf("%s, TERM=%s, locale %s", system, cmp.Or(os.Getenv("TERM"), "none"), locale),
	}
}

// programVersion is the first line of what a program says of itself, "" if it does
// not run.
func programVersion(ctx context.Context, name string) string {
	version, err := askVersion(ctx, name)
	if err != nil {
		return ""
	}
	return version
}

// versionWithin is how long a program may take to tell its version.
const versionWithin = 5 * time.Second

// askVersion is the first line of what a program says of itself.
func askVersion(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, "--version")
	cmd.WaitDelay = lastWrite // what it started may hold its output
	out, err := cmd.Output()
	if err != nil {
		return "", cmp.Or(context.Cause(ctx), err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first, nil
}
