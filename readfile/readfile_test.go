package readfile

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("plain"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link": "plain", "loop": "loop", "lost": "nothing", "linked pipe": "pipe"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, says := range map[string]string{
		"plain": "", "link": "", "loop": "too many levels of symbolic links", "lost": "no such file", "nothing": "no such file",
		"pipe": "it is a pipe", "linked pipe": "it is a pipe", "socket": "it is a socket", "/dev/null": "it is a device", ".": "it is a directory",
		"plain/x": "not a directory", "a\x00b": "invalid argument",
	} {
		path := name
		if !filepath.IsAbs(name) {
			path = at(name)
		}
		text, err := Read(path, 4)
		switch {
		case says == "" && (err != nil || string(text) != "text"):
			t.Errorf("%q: %q, %v", name, text, err)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), dir)):
			t.Errorf("%q: %v, not %q", name, err, says)
		}
		if errors.Is(err, ErrKind) != strings.HasPrefix(says, "it is") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Read(at("nothing"), 4); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Read(at("plain"), 3); err == nil || !strings.Contains(err.Error(), "4 bytes, and 3 are the most") {
		t.Error(err)
	}
}

// A size that is not told, and one that is wrong.
func TestReadUntold(t *testing.T) {
	text, err := Read("/proc/self/status", 1<<20)
	if err != nil || !bytes.Contains(text, []byte("Pid:")) {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Read("/proc/self/status", 10); err == nil || !strings.Contains(err.Error(), "more than 10 bytes") {
		t.Error(err)
	}
}

func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	go os.WriteFile(path, []byte("text"), 0)
	f, err := OpenOrPipe(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := All(f, 4); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}
