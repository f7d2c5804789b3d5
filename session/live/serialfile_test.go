package live

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string, flag int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// A file that the serial line goes to is followed as it grows, is emptied by the
// next QEMU, and replaced.
func TestSerialFileIsFollowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serial.log")
	write(t, path, "", 0) // the guest is stopped before it boots
	r, err := OpenSerial(path)
	if err != nil {
		t.Fatal(err)
	}
	l := newLogLines(r)
	expect := func(what string, want ...string) {
		t.Helper()
		if got := l.take(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	expect("nothing written")
	write(t, path, "one\r\ntwo\nthr", os.O_APPEND)
	expect("two lines and a half", "one", "two")
	expect("no more")
	write(t, path, "ee\x1b[31m\n", os.O_APPEND)
	expect("the other half, with a control character", "three")
	write(t, path, strings.Repeat("x", maxLine+10)+"\n", os.O_APPEND)
	expect("a line without end", strings.Repeat("x", maxLine), strings.Repeat("x", 10))
	write(t, path, "new\n", os.O_TRUNC)
	expect("emptied", "new")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("removed")
	write(t, path, "another file that is longer\n", 0)
	expect("replaced", "another file that is longer")
	if l.ended() {
		t.Error("a file counts as ended")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	expect("closed")
}

// Of a file with a long past the newest lines are read, and not all at a time.
func TestLongSerialFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "serial.log")
	line := func(n int) string { return fmt.Sprintf("line %d of the past", n) }
	var past strings.Builder
	for n := range 200_000 {
		fmt.Fprintln(&past, line(n))
	}
	write(t, path, past.String(), 0)
	r, err := OpenSerial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l := newLogLines(r)
	got := l.take()
	if n := len(got); n < 10_000 || n > 100_000 || got[n-1] != line(199_999) || got[0] != line(200_000-n) {
		t.Fatalf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
	write(t, path, past.String()+past.String(), os.O_APPEND)
	total := 0
	for more := l.take(); len(more) > 0; more = l.take() {
		if len(strings.Join(more, "\n")) > mostAtOnce+64<<10 {
			t.Errorf("%d lines at once", len(more))
		}
		total += len(more)
	}
	if total != 400_000 {
		t.Errorf("%d lines of 400000 came", total)
	}
}

func TestSerialThatIsNone(t *testing.T) {
	if _, err := OpenSerial(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
}
