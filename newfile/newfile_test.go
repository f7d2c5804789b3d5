package newfile_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"thaw/newfile"
	"thaw/readfile"
)

func fill(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

// holds makes sure of a file's text and that only its owner may read it.
func holds(t *testing.T, path, want string) {
	t.Helper()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want || st.Mode().Perm() != 0o600 {
		t.Errorf("%q with mode %v, %v; want %q", got, st.Mode(), err, want)
	}
}

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := newfile.Write(path, false, fill("first, and longer")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "first, and longer")
	if err := newfile.Write(path, false, fill("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file that exists: %v", err)
	}
	holds(t, path, "first, and longer")
}

// old makes a file as others may have left it.
func old(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old, and longer"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOverwrite(t *testing.T) {
	path := old(t)
	if err := newfile.Write(path, true, fill("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	path = old(t)
	f, err := newfile.Create(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("new"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
}

// Of what could not be written nothing is left, and what was there before stays.
func TestBroken(t *testing.T) {
	broken := errors.New("broken")
	path := old(t)
	for _, path := range []string{path, filepath.Join(filepath.Dir(path), "fresh")} {
		err := newfile.Write(path, true, func(w io.Writer) error { return errors.Join(fill("half")(w), broken) })
		if !errors.Is(err, broken) {
			t.Errorf("what could not be written: %v", err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old, and longer" {
		t.Errorf("%q, %v", text, err)
	}
	if all, err := os.ReadDir(filepath.Dir(path)); err != nil || len(all) != 1 {
		t.Errorf("half a file is left: %v, %v", all, err)
	}
}

// Through a link the file behind it is overwritten, and the link stays.
func TestWriteThroughLink(t *testing.T) {
	path := old(t)
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := newfile.Write(link, true, fill("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	if to, err := os.Readlink(link); err != nil || to != "file" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// What the program reads or writes itself is not overwritten, whatever is asked
// for, and by whatever name, even if it has grown since.
func TestOwnFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.WriteFile(at("read"), []byte("t"), 0o600), os.Symlink(".", at("loop")), os.WriteFile(at("mine"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := readfile.Read(at("read"), 100); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("read"), []byte("text"), 0o600); err != nil { // as a LOG does
		t.Fatal(err)
	}
	if err := newfile.Write(at("made"), false, fill("text")); err != nil {
		t.Fatal(err)
	}
	if err := newfile.Write(at("mine"), true, fill("text")); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, name := range []string{"read", "made", "mine"} {
		if err := errors.Join(os.Link(at(name), at(name+" hard")), os.Symlink(name, at(name+" soft"))); err != nil {
			t.Fatal(err)
		}
		names = append(names, name, name+" hard", name+" soft", filepath.Join("loop", name))
	}
	for _, name := range names {
		path := at(name)
		if err := newfile.Write(path, true, fill("new")); err == nil || !strings.Contains(err.Error(), "in use by this very command") {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := newfile.Create(path, true); err == nil {
			t.Errorf("%s was created", path)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "text" {
			t.Errorf("%s holds %q, %v", path, text, err)
		}
	}
}

// What would be refused is told before the work, and nothing is made for that.
func TestCheck(t *testing.T) {
	path := old(t)
	dir := filepath.Dir(path)
	lost := filepath.Join(dir, "lost")
	if err := os.Symlink("nothing", lost); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		force bool
		says  string
	}{
		{path, false, "exists: give another name"},
		{path, true, ""},
		{filepath.Join(dir, "new"), false, ""},
		{filepath.Join(dir, "none", "new"), true, "its folder: no such file or directory"},
		{filepath.Join(path, "new"), true, "not a directory"},
		{dir, true, "is a directory"},
		{os.DevNull, true, "is a device"},
		{lost, true, "is a link that leads to nothing"},
	} {
		err := newfile.Check(c.path, c.force)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, force %v: %v, not %q", c.path, c.force, err, c.says)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}

// Pipes, sockets and devices are refused at once, whoever reads them.
func TestNoPlainFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, socket := filepath.Join(dir, "pipe"), filepath.Join(dir, "s")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, says := range map[string]string{pipe: "is a pipe", socket: "is a socket", os.DevNull: "is a device", dir: "is a directory"} {
		if err := newfile.Write(path, true, fill("text")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := newfile.Create(path, true); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}

// What somebody else has put there meanwhile stays.
func TestDiscard(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	f, err := newfile.Create(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(path, path+".moved"), os.WriteFile(path, []byte("another's"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := newfile.Discard(f); err != nil {
		t.Error(err)
	}
	holds(t, path, "another's")
}

// Nothing is written through a link whose end does not exist, nor over a
// folder.
func TestOddPlaces(t *testing.T) {
	dir := t.TempDir()
	link, end := filepath.Join(dir, "link"), filepath.Join(dir, "end")
	if err := os.Symlink(end, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, dir, filepath.Join(dir, "none", "file")} {
		if err := newfile.Write(path, false, fill("text")); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	if _, err := os.Lstat(end); err == nil {
		t.Error("the link's end was made")
	}
}
