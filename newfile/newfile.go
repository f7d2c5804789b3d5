// Package newfile makes the files that users ask for: recordings, reports,
// exports, logs. What a guest's memory held may be in them, so only their owner
// may read them; one that exists is overwritten only if that was asked for, and
// never what the program has read itself. Nothing is removed or emptied but what
// was made here.
//
// It must not know what is in them.
package newfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"thaw/readfile"
)

// mode is for all files.
const mode = 0o600

// Create makes a file for its owner alone. One that exists is an error that
// wraps fs.ErrExist, unless force is set: then it is emptied, and its mode
// becomes that of a new one. What was written can be read back.
func Create(path string, force bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case err == nil:
		return f, readfile.Use(path)
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	case !force:
		return nil, &existsError{path}
	}
	if err := mayOverwrite(path); err != nil {
		return nil, err
	}
	// A pipe that came in between must not hold us up.
	if f, err = os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0); err != nil {
		return nil, err
	}
	if err := empty(f); err != nil {
		return nil, errors.Join(fmt.Errorf("overwriting %s: %w", path, err), f.Close())
	}
	return f, readfile.Use(path)
}

// Check says before the work whose result is to be written what Create and Write would
// refuse then, as far as it can be seen.
func Check(path string, force bool) error {
	switch _, err := os.Lstat(path); {
	case err == nil && !force:
		return &existsError{path}
	case err == nil:
		return mayOverwrite(path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := unix.Access(filepath.Dir(path), unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("making %s: its folder: %w", path, err)
	}
	return nil
}

// mayOverwrite says whether force may take what stands at a path.
func mayOverwrite(path string) error {
	switch st, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is a link that leads to nothing: give the name of a plain file", path)
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s is %s: give the name of a plain file", path, readfile.Kind(st.Mode()))
	case readfile.Used(st):
		return fmt.Errorf("%s is in use by this very command, which reads or writes it: give another name", path)
	}
	return nil
}

// empty makes a file of somebody's own like a new one.
func empty(f *os.File) error {
	switch st, err := f.Stat(); {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return fmt.Errorf("it is %s", readfile.Kind(st.Mode()))
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return f.Truncate(0)
}

// existsError says that a file is not overwritten.
type existsError struct{ path string }

// Error says what to do.
func (e *existsError) Error() string { return e.path + " exists: give another name" }

// Unwrap is the cause by which callers know it.
func (e *existsError) Unwrap() error { return fs.ErrExist }

// Discard closes a file that Create made and removes it, unless somebody else's
// stands at its path by now.
func Discard(f *os.File) error {
	mine, err := f.Stat()
	if err == nil {
		err = RemoveOwn(f.Name(), mine)
	}
	return errors.Join(err, f.Close())
}

// RemoveOwn removes what stands at a path if it is that very file.
func RemoveOwn(path string, mine fs.FileInfo) error {
	switch now, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !os.SameFile(mine, now):
		return nil
	}
	return os.Remove(path)
}

// Write makes a file as Create does and lets write fill it. What was half
// written is removed, and one that is overwritten stays until the new one is whole.
func Write(path string, force bool, write func(w io.Writer) error) error {
	over := ""
	if _, err := os.Lstat(path); err == nil && force {
		if err := mayOverwrite(path); err != nil {
			return err
		}
		if over, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	f, err := begin(path, over)
	if err != nil {
		return err
	}
	if err := fill(f, write); err != nil {
		return fmt.Errorf("writing %s: %w", path, errors.Join(err, Discard(f)))
	}
	if over != "" {
		if err := os.Rename(f.Name(), over); err != nil {
			return fmt.Errorf("writing %s: %w", path, errors.Join(err, Discard(f)))
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// fill lets write fill a file to the disk.
func fill(f *os.File, write func(w io.Writer) error) error {
	buf := bufio.NewWriter(f)
	if err := write(buf); err != nil {
		return err
	}
	if err := buf.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// begin makes a new file, or one beside the file that it will take the place of.
func begin(path, over string) (*os.File, error) {
	if over == "" {
		return Create(path, false)
	}
	if err := readfile.Use(path); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(over), ".thaw-*") // with mode 0600
}
