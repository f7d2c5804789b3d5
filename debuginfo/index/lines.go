package index

import (
	"debug/dwarf"
	"io"
	"path/filepath"
	"sort"
	"strings"
	"sync"
)

// lineRow is a row of a line table; it holds up to the next row.
type lineRow struct {
	addr uint64
	file int32 // index in lineTable.files, -1 behind the end of a sequence
	line int32
	stmt bool
}

// lineTable joins the line tables of all units, on the first question.
type lineTable struct {
	once  sync.Once
	rows  []lineRow // by address
	files []string
}

func (f *File) loadLines() *lineTable {
	t := &f.lines
	t.once.Do(func() {
		var err error
		defer f.Guard(&err) // a damaged table leaves the rows read so far
		defer func() {
			// The end of one sequence goes before the start of the next.
			sort.SliceStable(t.rows, func(i, j int) bool {
				if t.rows[i].addr != t.rows[j].addr {
					return t.rows[i].addr < t.rows[j].addr
				}
				return t.rows[i].file < 0 && t.rows[j].file >= 0
			})
		}()
		ids := map[string]int32{}
		for _, u := range f.Names.units {
			t.read(f, u, ids)
		}
	})
	return t
}

// read takes one unit's table in, without code that the linker threw away.
func (t *lineTable) read(f *File, u Unit, ids map[string]int32) {
	lr, err := f.Data.LineReader(u.Entry)
	if err != nil || lr == nil {
		return
	}
	var e dwarf.LineEntry
	var last string
	id, kept := int32(-1), false
	for {
		if err := lr.Next(&e); err == io.EOF || err != nil {
			return
		}
		if e.EndSequence {
			if kept {
				t.rows = append(t.rows, lineRow{addr: e.Address, file: -1})
			}
			kept = false
			continue
		}
		if e.File == nil || !f.InText(e.Address) {
			continue
		}
		if e.File.Name != last || id < 0 {
			last = e.File.Name
			var ok bool
			if id, ok = ids[last]; !ok {
				id = int32(len(t.files))
				ids[last] = id
				t.files = append(t.files, last)
			}
		}
		kept = true
		t.rows = append(t.rows, lineRow{e.Address, id, int32(e.Line), e.IsStmt})
	}
}

// LineAt tells the source file and line of an address.
func (f *File) LineAt(pc uint64) (file string, line int, ok bool) {
	if f.Data == nil || !f.InText(pc) {
		return "", 0, false
	}
	t := f.loadLines()
	i := sort.Search(len(t.rows), func(i int) bool { return t.rows[i].addr > pc })
	for i--; i >= 0 && t.rows[i].file >= 0; i-- {
		// Line 0 is code of no line: the row before tells more.
		if t.rows[i].line > 0 {
			return filepath.Clean(t.files[t.rows[i].file]), int(t.rows[i].line), true
		}
	}
	return "", 0, false
}

// nearLines is how far from a line another one is near it.
const nearLines = 20

// NearLine is the line with code that is next to one, 0 if none is near.
func (f *File) NearLine(file string, line int) int {
	for d := 1; d <= nearLines; d++ {
		for _, n := range []int{line + d, line - d} {
			if n > 0 && len(f.AddrsForLine(file, n)) > 0 {
				return n
			}
		}
	}
	return 0
}

// AddrsForLine lists the addresses where a line's statements begin. The file
// may be given by the end of its path.
func (f *File) AddrsForLine(file string, line int) []uint64 {
	if f.Data == nil {
		return nil
	}
	t := f.loadLines()
	match := make([]bool, len(t.files))
	for i, name := range t.files {
		name = filepath.Clean(name)
		match[i] = name == file || strings.HasSuffix(name, "/"+strings.TrimPrefix(file, "/"))
	}
	var out []uint64
	for i, r := range t.rows {
		if r.file < 0 || !match[r.file] || int(r.line) != line || !r.stmt {
			continue
		}
		// A line goes on over several rows: only its first counts.
		if i > 0 && t.rows[i-1].file == r.file && t.rows[i-1].line == r.line || len(out) > 0 && out[len(out)-1] == r.addr {
			continue
		}
		out = append(out, r.addr)
	}
	return out
}
