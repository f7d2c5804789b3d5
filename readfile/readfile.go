// Package readfile opens files that somebody named: a user, a recording, debug
// info, a build directory. What stands at a path may be anything, and opening a
// pipe waits for a writer, and opening a device may do something; so what it is
// is looked at first.
//
// It must not know what is in them. Its errors say what is wrong with the file and
// not its name, for callers say what it was wanted for.
package readfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// ErrKind is wrapped by the error for what is no plain file.
var ErrKind = errors.New("no plain file")

// Open opens a plain file, or a link to one.
func Open(path string) (*os.File, error) { return open(path, false) }

// OpenOrPipe opens a plain file, or a pipe: of that, opening and reading wait for
// a writer.
func OpenOrPipe(path string) (*os.File, error) { return open(path, true) }

func open(path string, pipe bool) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, cause(err)
	}
	flags := os.O_RDONLY | syscall.O_NONBLOCK | syscall.O_NOCTTY // it may be another file by now
	switch {
	case st.Mode().IsRegular():
	case pipe && st.Mode()&fs.ModeNamedPipe != 0:
		flags = os.O_RDONLY
	default:
		return nil, kindError(Kind(st.Mode()))
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, cause(err)
	}
	if st, err = f.Stat(); err == nil && !st.Mode().IsRegular() && !(pipe && st.Mode()&fs.ModeNamedPipe != 0) {
		err = kindError(Kind(st.Mode()))
	}
	if err != nil {
		return nil, errors.Join(cause(err), f.Close())
	}
	if err := Use(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// used are the paths of files that the program reads or has made.
var used sync.Map

// Use says that a file is read, or was made, by the program: it must not be
// overwritten by what is made of it.
func Use(path string) error {
	abs, err := filepath.Abs(path)
	if err == nil {
		used.Store(abs, true)
	}
	return err
}

// Used says whether Use was told of a file, by whatever name. What stood at the path
// then does not count: numbers of files are given again, and a file may have grown.
func Used(st fs.FileInfo) bool {
	found := false
	used.Range(func(path, _ any) bool {
		at, err := os.Stat(path.(string))
		found = err == nil && os.SameFile(at, st)
		return !found
	})
	return found
}

// Read returns the contents of a plain file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return All(f, limit)
}

// All reads an open file of at most limit bytes to its end.
func All(f *os.File, limit int64) ([]byte, error) {
	size := int64(0)
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
	}
	if size > limit {
		return nil, fmt.Errorf("it holds %d bytes, and %d are the most", size, limit)
	}
	// The size of a file that grows, or lies (/proc), is a guess.
	data := make([]byte, 0, size+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, fmt.Errorf("it holds more than %d bytes", limit)
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, cause(err)
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

// Socket is the path of a unix socket as package net takes it for one: to that, @ at
// the beginning means a name outside of all folders.
func Socket(path string) string {
	if strings.HasPrefix(path, "@") {
		return "./" + path
	}
	return path
}

// Kind names what is no plain file, as in "it is …".
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode.IsRegular():
		return "a plain file"
	}
	return "no plain file"
}

// kindError says what is there instead of a plain file.
type kindError string

func (e kindError) Error() string { return "it is " + string(e) }
func (kindError) Unwrap() error   { return ErrKind }

// cause leaves out of an error what was called, and for which file.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
