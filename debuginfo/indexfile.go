package debuginfo

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"strings"

	"thaw/debuginfo/elffile"
)

// The form in which an index is kept in a file (all numbers little-endian):
//
//	8 bytes   indexMagic, which holds the form's version
//	16 bytes  the key: what file it is the index of, see indexKey
//	4 bytes   CRC-32C of all that follows
//	then      counts of the lists, and the lists one after the other: nodes (a
//	          scope before what is in it), variables of nodes, named entries,
//	          bodies, units, anonymous types, inlined functions, names' text
//
// A node is referred to by its number; 0 is the outermost scope.
const indexMagic = "thawidx\x01"

// noInlines stands for the number of inlined functions where they were not
// looked for so far.
const noInlines = math.MaxUint32

// indexKey recognises the contents of a file with debug info: its length, two
// checksums, and the length of text that it knows of. Build ids would do, but
// Genode's toolchain writes none.
func indexKey(of *elffile.Image) [16]byte {
	var k [16]byte
	_, raw := of.DebugFile()
	sum := crc32.New(castagnoli)
	for _, r := range of.Text() {
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], r.Start)
		binary.LittleEndian.PutUint64(b[8:], r.End)
		sum.Write(b[:])
	}
	binary.LittleEndian.PutUint32(k[:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(k[4:], crc32.ChecksumIEEE(raw))
	binary.LittleEndian.PutUint32(k[8:], crc32.Checksum(raw, castagnoli))
	binary.LittleEndian.PutUint32(k[12:], sum.Sum32())
	return k
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// indexWriter spells an index.
type indexWriter struct {
	out  []byte
	text []byte
	list []*node // by number
}

func (w *indexWriter) u32(v uint32) { w.out = binary.LittleEndian.AppendUint32(w.out, v) }
func (w *indexWriter) u64(v uint64) { w.out = binary.LittleEndian.AppendUint64(w.out, v) }
func (w *indexWriter) len(n int)    { w.u32(uint32(n)) }

// number gives all nodes their numbers, a scope before what is in it.
func (w *indexWriter) number(root *node) {
	root.number, w.list = 0, append(w.list, root)
	for i := 0; i < len(w.list); i++ {
		first := len(w.list)
		w.list = slices.AppendSeq(w.list, maps.Values(w.list[i].kids))
		slices.SortFunc(w.list[first:], func(a, b *node) int { return strings.Compare(a.name, b.name) })
		for n, k := range w.list[first:] {
			k.number = uint32(first + n)
		}
	}
}

const (
	flagFunc = 1 << iota
	flagEnum
	flagValue
)

func (n *node) flags() (f uint32) {
	if n.isFunc {
		f |= flagFunc
	}
	if n.isEnum {
		f |= flagEnum
	}
	if n.hasValue {
		f |= flagValue
	}
	return f
}

// encode is the file's contents; inlines may be nil, where they are not known.
func (x *index) encode(key [16]byte, inlines []inlined, known bool) []byte {
	w := &indexWriter{}
	w.number(x.root)
	vars := 0
	for _, n := range w.list {
		vars += len(n.vars)
		w.text = append(w.text, n.name...)
	}
	w.len(len(w.list))
	w.len(vars)
	w.len(len(x.byOff))
	w.len(len(x.bodies))
	w.len(len(x.units))
	w.len(len(x.anon))
	if known {
		w.len(len(inlines))
	} else {
		w.u32(noInlines)
	}
	for _, n := range w.list {
		w.len(len(n.name))
		parent := uint32(0)
		if n.parent != nil {
			parent = n.parent.number
		}
		w.u32(parent)
		w.u32(uint32(n.typ))
		w.u32(uint32(n.decl))
		w.len(len(n.vars))
		w.u32(n.flags())
		w.u64(uint64(n.value))
	}
	for _, n := range w.list {
		for _, v := range n.vars {
			w.u32(uint32(v))
		}
	}
	for _, e := range x.byOff {
		w.u32(uint32(e.off))
		w.u32(e.n.number)
	}
	for _, b := range x.bodies {
		w.u64(b.low)
		w.u64(b.high)
		w.u32(uint32(b.off))
		entry := b.n.number << 1
		if b.entry {
			entry |= 1
		}
		w.u32(entry)
	}
	for _, u := range x.units {
		w.u32(uint32(u.off))
		w.u64(u.low)
	}
	anon := make([]dwarf.Offset, 0, len(x.anon))
	for off := range x.anon {
		anon = append(anon, off)
	}
	slices.Sort(anon)
	for _, off := range anon {
		w.u32(uint32(off))
	}
	for _, i := range inlines {
		w.u32(uint32(i.off))
		w.u32(i.fn.number)
		w.u32(i.into.number)
		w.u64(i.entry)
	}
	body := append(w.out, w.text...)
	file := append([]byte(indexMagic), key[:]...)
	file = binary.LittleEndian.AppendUint32(file, crc32.Checksum(body, castagnoli))
	return append(file, body...)
}

var errIndexFile = errors.New("damaged")

// indexReader takes numbers off a file's contents.
type indexReader struct{ cursor }

// bytes each member of the lists takes, in the order of the counts
var memberSizes = [7]int{32, 4, 8, 24, 12, 4, 20}

// decodeIndex reads what encode wrote for the same key. What it says is not
// taken for granted but for places in the debug info, which may be wrong there,
// too.
func decodeIndex(file []byte, key [16]byte) (x *index, inlines []inlined, known bool, err error) {
	const head = len(indexMagic) + len(key) + 4
	if len(file) < head || string(file[:len(indexMagic)]) != indexMagic || [16]byte(file[len(indexMagic):]) != key {
		return nil, nil, false, fmt.Errorf("not an index of this file: %w", errIndexFile)
	}
	body := file[head:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(file[head-4:]) {
		return nil, nil, false, fmt.Errorf("checksums differ: %w", errIndexFile)
	}
	r := &indexReader{cursor{data: body}}
	var counts [7]int
	need := 0
	for i := range counts {
		n := r.u32()
		if known = n != noInlines; i == len(counts)-1 && !known {
			n = 0
		}
		counts[i] = int(n)
		need += counts[i] * memberSizes[i]
	}
	if r.bad || counts[0] == 0 || need > len(r.data) {
		return nil, nil, false, fmt.Errorf("counts of %d bytes: %w", len(body), errIndexFile)
	}
	x, inlines = r.index(counts, string(r.data[need:]))
	if r.bad {
		return nil, nil, false, fmt.Errorf("contents: %w", errIndexFile)
	}
	return x, inlines, known, nil
}

// index reads the lists.
func (r *indexReader) index(counts [7]int, text string) (*index, []inlined) {
	nodes := make([]node, counts[0])
	at := func(n uint32) *node {
		if n >= uint32(len(nodes)) {
			r.bad = true
			return &nodes[0]
		}
		return &nodes[n]
	}
	vars := make([]dwarf.Offset, counts[1])
	left := vars
	for i := range nodes {
		n := &nodes[i]
		name, parent := uint64(r.u32()), r.u32()
		n.typ, n.decl = dwarf.Offset(r.u32()), dwarf.Offset(r.u32())
		mine, flags := uint64(r.u32()), r.u32()
		n.isFunc, n.isEnum, n.hasValue = flags&flagFunc != 0, flags&flagEnum != 0, flags&flagValue != 0
		n.value = int64(r.u64())
		if name > uint64(len(text)) || mine > uint64(len(left)) || i > 0 && parent >= uint32(i) {
			r.bad = true
			return nil, nil
		}
		n.name, text = text[:name], text[name:]
		if mine > 0 {
			n.vars, left = left[:mine:mine], left[mine:]
		}
		if i > 0 {
			n.parent = &nodes[parent]
			if n.parent.kids == nil {
				n.parent.kids = map[string]*node{}
			}
			n.parent.kids[n.name] = n
		}
	}
	for i := range vars {
		vars[i] = dwarf.Offset(r.u32())
	}
	x := &index{root: &nodes[0], byOff: make([]named, counts[2]), bodies: make([]body, counts[3]), units: make([]unit, counts[4])}
	for i := range x.byOff {
		x.byOff[i] = named{dwarf.Offset(r.u32()), at(r.u32())}
		r.bad = r.bad || i > 0 && x.byOff[i].off < x.byOff[i-1].off
	}
	for i := range x.bodies {
		b := body{low: r.u64(), high: r.u64(), off: dwarf.Offset(r.u32())}
		n := r.u32()
		b.entry, b.n = n&1 != 0, at(n>>1)
		x.bodies[i] = b
		r.bad = r.bad || i > 0 && b.low < x.bodies[i-1].low
	}
	for i := range x.units {
		x.units[i] = unit{off: dwarf.Offset(r.u32()), low: r.u64()}
		r.bad = r.bad || i > 0 && x.units[i].off <= x.units[i-1].off
	}
	if counts[5] > 0 {
		x.anon = make(map[dwarf.Offset]bool, counts[5])
	}
	for range counts[5] {
		x.anon[dwarf.Offset(r.u32())] = true
	}
	inlines := make([]inlined, counts[6])
	for i := range inlines {
		inlines[i] = inlined{dwarf.Offset(r.u32()), at(r.u32()), at(r.u32()), r.u64()}
	}
	return x, inlines
}
