package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"thaw/debuginfo/elffile"
	"thaw/words"
)

// buildDir is a directory to find programs in. Its own name is no pattern, and
// what stands in it may be anything: pipes, sockets, disk images, thousands of
// files.
type buildDir string

// Bounds on a build directory.
const (
	maxPrograms = 64    // that are loaded
	maxLooked   = 20000 // files that are looked at

	// Programs with debug info have some ten MiB. They are read whole, and who wants
	// one as large as this can name it.
	maxProgram = 512 << 20
)

// check says whether the directory can be listed.
func (b buildDir) check() error {
	f, err := os.OpenFile(string(b), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err == nil {
		_, err = f.ReadDir(1)
		f.Close()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return fmt.Errorf("looking for programs in %s: %w", b, err)
	}
	return nil
}

// match lists what has names of a pattern, relative to the directory.
func (b buildDir) match(pattern string) []string {
	found, err := fs.Glob(os.DirFS(string(b)), path.Clean(pattern))
	if err != nil {
		return nil // a scenario's pattern, which was checked
	}
	for i := range found {
		found[i] = filepath.Join(string(b), found[i])
	}
	return found
}

// programs are the ELF files in the places for them, by the program's name. What
// they leave out is told, in one sentence, "" for nothing.
func (b buildDir) programs() (paths map[string]string, untold string) {
	paths = map[string]string{}
	var unread, huge []string
	looked, surplus := 0, 0
	for _, pattern := range []string{"*", "bin/*", "debug/*", "var/run/*.core"} {
		for _, p := range b.match(pattern) {
			if looked++; looked > maxLooked {
				continue
			}
			name := programName(p)
			switch ok, err := elffile.IsELF(p); {
			case errors.Is(err, fs.ErrPermission):
				unread = append(unread, p)
			case !ok:
			case fileSize(p) > maxProgram:
				huge = append(huge, p)
			case paths[name] == "" && len(paths) == maxPrograms:
				surplus++
			default:
				paths[name] = p
			}
		}
	}
	var all []string
	if looked > maxLooked {
		all = append(all, fmt.Sprintf("%d of %d files were not looked at", looked-maxLooked, looked))
	}
	if surplus > 0 {
		all = append(all, fmt.Sprintf("%s beyond the first %d are left out", words.Count(surplus, "program"), maxPrograms))
	}
	if len(huge) > 0 {
		all = append(all, fmt.Sprintf("%s left out for more than %d MiB, the first: %s", words.Count(len(huge), "program"), maxProgram>>20, huge[0]))
	}
	if len(unread) > 0 {
		all = append(all, fmt.Sprintf("%s may not be read, the first: %s", words.Count(len(unread), "file"), unread[0]))
	}
	if len(all) == 0 {
		return paths, ""
	}
	return paths, fmt.Sprintf("%s: %s; name what you need with --symbols FILE", b, strings.Join(all, ", "))
}

// fileSize is 0 for what cannot be looked at.
func fileSize(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// symbolsArg reads what --symbols takes, FILE or NAME=FILE; name is "" for the
// former. Folders and files have = in their names, too: what exists is a file, and
// a component's name has no slash.
func symbolsArg(arg string) (name, path string) {
	name, path, ok := strings.Cut(arg, "=")
	if !ok || strings.Contains(name, "/") {
		return "", arg
	}
	if _, err := os.Stat(arg); err == nil {
		return "", arg
	}
	return name, path
}
