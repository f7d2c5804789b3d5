// Package newfile makes the files that users ask for: recordings, reports,
// exports, logs. What a guest's memory held may be in them, so only their owner
// may read them; and one that exists is overwritten only if that was asked for.
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
)

// mode is for all files.
const mode = 0o600

// Create makes a file for its owner alone. One that exists is an error that
// wraps fs.ErrExist, unless force is set: then it is emptied, and its mode
// becomes that of a new one.
func Create(path string, force bool) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case err == nil:
		return f, nil
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	case !force:
		return nil, &existsError{path}
	}
	if f, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	if err := empty(f); err != nil {
		return nil, errors.Join(fmt.Errorf("overwriting %s: %w", path, err), f.Close())
	}
	return f, nil
}

// empty makes a file of somebody's own like a new one; a device or a pipe is
// left alone.
func empty(f *os.File) error {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return err
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

// Write makes a file as Create does and lets write fill it. What was half
// written is removed, unless it is a device or a pipe.
func Write(path string, force bool, write func(w io.Writer) error) error {
	f, err := Create(path, force)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
	}
	buf := bufio.NewWriter(f)
	if err := errors.Join(write(buf), buf.Flush(), f.Close()); err != nil {
		if st.Mode().IsRegular() {
			err = errors.Join(err, os.Remove(path))
		}
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
