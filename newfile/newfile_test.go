package newfile_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"thaw/newfile"
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
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := newfile.Write(path, true, fill("second")); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "second")
	broken := errors.New("broken")
	if err := newfile.Write(path, true, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("what could not be written: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file is left: %v", err)
	}
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
