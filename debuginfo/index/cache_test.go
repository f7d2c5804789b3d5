package index

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"thaw/debuginfo/fixture"
)

// spelled is a file's index in the form of the cache, with the inlined
// functions.
func spelled(t testing.TB, f *File) []byte {
	t.Helper()
	inl, err := f.AllInlined()
	if err != nil {
		t.Fatal(err)
	}
	return f.Names.encode(indexKey(f.Image), inl, true)
}

// indexFiles lists a cache's files.
func indexFiles(t testing.TB, c *Cache) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestCache(t *testing.T) {
	for _, flags := range [][]string{{"-gdwarf-4", "-O2"}, {"-gdwarf-5", "-O2"}, {"-gdwarf-5", "-O1", "-gz"}} {
		path := fixture.Build(t, "calls", flags...)
		c := NewCache(filepath.Join(t.TempDir(), "made", "here"))
		plain := open(t, path)
		want := spelled(t, plain)
		for n, start := range []string{"first", "second, without inlined functions", "third"} {
			f, err := Open(path, "", c)
			if err != nil {
				t.Fatal(err)
			}
			if got := spelled(t, f); !bytes.Equal(got, want) {
				t.Errorf("%v: %s start: another index", flags, start)
			}
			if file, line, ok := f.LineAt(f.Entry()); ok {
				if wantFile, wantLine, _ := plain.LineAt(f.Entry()); file != wantFile || line != wantLine {
					t.Errorf("%v: %s start: line %s:%d, want %s:%d", flags, start, file, line, wantFile, wantLine)
				}
			}
			if n == 0 {
				// As a start leaves it that asks for no function.
				f.keep(nil, false)
			}
		}
		files := indexFiles(t, c)
		if len(files) != 1 {
			t.Fatalf("%v: %d files", flags, len(files))
		}
		for path, want := range map[string]os.FileMode{files[0]: 0o600, c.dir: 0o700, filepath.Dir(c.dir): 0o700} {
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
				t.Errorf("%s: mode %v, want %v (%v)", path, st.Mode().Perm(), want, err)
			}
		}
	}
}

// The index is really taken from the cache, and not where it is no good.
func TestCacheIsUsed(t *testing.T) {
	path := fixture.Build(t, "calls", "-O2")
	c := NewCache(t.TempDir())
	if err := os.Chmod(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, "", c)
	if err != nil {
		t.Fatal(err)
	}
	// A cached index with one name more tells where an index came from.
	const mark = "written by the test"
	key := f.key
	plain := f.Names.encode(key, nil, false)
	f.Names.Root.kid(mark).IsFunc = true
	marked := f.Names.encode(key, nil, false)
	file := c.path(key)
	hit := func() bool {
		t.Helper()
		f, err := Open(path, "", c)
		if err != nil {
			t.Fatal(err)
		}
		return f.Names.Root.Kids[mark] != nil
	}
	put := func(data []byte) {
		t.Helper()
		os.Remove(file)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(marked)
	if !hit() {
		t.Fatal("the index in the cache is not used")
	}
	other := key
	other[0]++
	flipped := bytes.Clone(marked)
	flipped[len(flipped)/2] ^= 4
	for name, data := range map[string][]byte{
		"empty": {}, "text": []byte("no index at all"), "cut": marked[:len(marked)/2], "damaged": flipped,
		"older":           append([]byte("thawidx\x00"), marked[8:]...),
		"of another file": f.Names.encode(other, nil, false),
		"units elsewhere": recount(func() []byte {
			f.Names.units[0].Off++
			defer func() { f.Names.units[0].Off-- }()
			return f.Names.encode(key, nil, false)
		}()),
		"without anything": recount(append(bytes.Clone(marked[:28]), make([]byte, 28)...)),
	} {
		put(data)
		if hit() {
			t.Errorf("%s: used", name)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, plain) {
			t.Errorf("%s: not written anew (%v)", name, err)
		}
	}
	put(marked)
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if hit() {
		t.Error("a file is used that anybody may write")
	}
	elsewhere := filepath.Join(t.TempDir(), "index")
	if err := os.WriteFile(elsewhere, marked, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(file)
	if err := os.Symlink(elsewhere, file); err != nil {
		t.Fatal(err)
	}
	if hit() {
		t.Error("a link is followed")
	}
	if st, err := os.Lstat(file); err != nil || !st.Mode().IsRegular() {
		t.Errorf("the link still stands: %v", err)
	}
	if now, err := os.ReadFile(elsewhere); err != nil || !bytes.Equal(now, marked) {
		t.Errorf("what the link led to was written: %v", err)
	}

	put(marked)
	touched, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(copied, append(touched, 0), 0o700); err != nil {
		t.Fatal(err)
	}
	g, err := Open(copied, "", c)
	if err != nil || g.Names.Root.Kids[mark] != nil {
		t.Errorf("another file has the index of this one (%v)", err)
	}
}

// recount gives an index file the checksum of its contents.
func recount(file []byte) []byte {
	binary.LittleEndian.PutUint32(file[24:], crc32.Checksum(file[28:], castagnoli))
	return file
}

// A cache that cannot be written is none.
func TestCacheCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := fixture.Build(t, "calls")
	for _, c := range []*Cache{nil, NewCache(filepath.Join(file, "folder"))} {
		if f, err := Open(path, "", c); err != nil || !f.HasDWARF() {
			t.Errorf("%v", err)
		}
	}
}

// What was used longest ago goes first, and nothing but index files.
func TestCacheBounds(t *testing.T) {
	c := NewCache(t.TempDir())
	c.most = 1000
	other := filepath.Join(c.dir, "README")
	if err := os.WriteFile(other, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range byte(6) {
		if err := c.write([16]byte{i}, make([]byte, 300)); err != nil {
			t.Fatal(err)
		}
		when := time.Now().Add(time.Duration(i)*time.Second - time.Hour)
		if err := os.Chtimes(c.path([16]byte{i}), when, when); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if _, err := c.read([16]byte{0}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range byte(6) {
		_, err := os.Stat(c.path([16]byte{i}))
		if kept := err == nil; kept != (i == 0 || i >= 4) {
			t.Errorf("index %d: kept %v", i, kept)
		}
	}
	if err := c.write([16]byte{9}, make([]byte, 1001)); err != nil || len(indexFiles(t, c)) != 4 {
		t.Errorf("one that is too large: %v, %q", err, indexFiles(t, c))
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}

// FuzzIndex reads an index of any contents with a good checksum.
func FuzzIndex(f *testing.F) {
	prog := open(f, fixture.Build(f, "calls", "-O2"))
	whole := spelled(f, prog)
	key := indexKey(prog.Image)
	f.Add(whole[28:])
	f.Add(prog.Names.encode(key, nil, false)[28:])
	f.Add(make([]byte, 28+32))
	f.Add(bytes.Repeat([]byte{0xff}, 28))
	f.Fuzz(func(t *testing.T, body []byte) {
		file := recount(append(bytes.Clone(whole[:28]), body...))
		x, inl, known, err := decodeIndex(file, key)
		if err != nil {
			if x != nil {
				t.Fatalf("%v, and an index", err)
			}
			return
		}
		if _, _, _, err := decodeIndex(x.encode(key, inl, known), key); err != nil {
			t.Fatalf("written again: %v", err)
		}
	})
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
