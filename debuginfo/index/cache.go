package index

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Cache keeps what one pass over a file's debug info finds in a folder, so that
// the next start needs no pass. Files there are recognised by what they are the
// index of; one that is damaged, or not the user's own, is passed over and
// written anew. A cache that cannot be used costs time and nothing else, so its
// errors are nobody's. The nil *Cache keeps nothing.
type Cache struct {
	dir  string
	most int64
}

// cacheBytes bounds a cache folder; the index of a kernel of 16 MB takes 4 MB.
const cacheBytes = 256 << 20

// maxIndex bounds an index file.
const maxIndex = 128 << 20

const indexSuffix = ".idx"

// UserCache is the cache in the user's cache folder ($XDG_CACHE_HOME, else
// ~/.cache); nil where there is none.
func UserCache() *Cache {
	dir, err := os.UserCacheDir()
	if err != nil || !filepath.IsAbs(dir) {
		return nil
	}
	return NewCache(filepath.Join(dir, "thaw", "index"))
}

// NewCache is the cache in a folder, which is made when it is needed.
func NewCache(dir string) *Cache { return &Cache{dir, cacheBytes} }

func (c *Cache) path(key [16]byte) string {
	return filepath.Join(c.dir, hex.EncodeToString(key[:])+indexSuffix)
}

// errForeign is a file that another user could have written.
var errForeign = errors.New("not the user's own file")

// read returns the contents of the index file with a key.
func (c *Cache) read(key [16]byte) ([]byte, error) {
	f, err := os.OpenFile(c.path(key), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	own, ok := st.Sys().(*syscall.Stat_t)
	if !ok || int(own.Uid) != os.Getuid() || !st.Mode().IsRegular() || st.Mode().Perm()&0o022 != 0 {
		return nil, errForeign
	}
	if st.Size() > maxIndex {
		return nil, fmt.Errorf("an index of %d bytes: %w", st.Size(), errIndexFile)
	}
	data := make([]byte, st.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	now := time.Now()
	os.Chtimes(f.Name(), now, now) // what was not used for longest goes first
	return data, nil
}

// write keeps an index, and makes room for it. It appears whole or not at all.
func (c *Cache) write(key [16]byte, data []byte) error {
	if int64(len(data)) > min(maxIndex, c.most) {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, "new-*"+indexSuffix) // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.path(key))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return c.evict()
}

// evict removes the index files that were used longest ago, until the rest is
// within bounds.
func (c *Cache) evict() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	var files []fs.FileInfo
	total := int64(0)
	for _, e := range entries {
		if st, err := e.Info(); err == nil && st.Mode().IsRegular() && strings.HasSuffix(e.Name(), indexSuffix) {
			files = append(files, st)
			total += st.Size()
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= c.most {
			break
		}
		if err := os.Remove(filepath.Join(c.dir, f.Name())); err != nil {
			return err
		}
		total -= f.Size()
	}
	return nil
}

// load takes a file's index from the cache; false where it has none that is
// good.
func (c *Cache) load(f *File) bool {
	if c == nil || f.Data == nil {
		return false
	}
	f.cache, f.key = c, indexKey(f.Image)
	data, err := c.read(f.key)
	if err != nil {
		return false
	}
	x, inlines, known, err := decodeIndex(data, f.key)
	if err != nil || !f.findUnits(x) {
		return false
	}
	f.Names = x
	if known {
		f.inlines.once.Do(func() { f.inlines.all = inlines })
	}
	return true
}

// findUnits reads the entries of an index's compilation units.
func (f *File) findUnits(x *Names) (ok bool) {
	var err error
	defer func() { ok = ok && err == nil }()
	defer f.Guard(&err)
	r := f.Entries()
	for i := range x.units {
		u := &x.units[i]
		r.Seek(u.Off)
		if u.Entry, err = r.Next(); err != nil || u.Entry == nil || u.Entry.Offset != u.Off || !isUnit(u.Entry.Tag) {
			return false
		}
	}
	return true
}

// keep puts a file's index into the cache it was looked for in.
func (f *File) keep(inlines []inlined, known bool) {
	if f.cache != nil {
		_ = f.cache.write(f.key, f.Names.encode(f.key, inlines, known)) // see Cache
	}
}
