package index

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
	list []*Node // by number
}

func (w *indexWriter) u32(v uint32) { w.out = binary.LittleEndian.AppendUint32(w.out, v) }
func (w *indexWriter) u64(v uint64) { w.out = binary.LittleEndian.AppendUint64(w.out, v) }
func (w *indexWriter) len(n int)    { w.u32(uint32(n)) }

// number gives all nodes their numbers, a scope before what is in it.
func (w *indexWriter) number(root *Node) {
	root.number, w.list = 0, append(w.list, root)
	for i := 0; i < len(w.list); i++ {
		first := len(w.list)
		w.list = slices.AppendSeq(w.list, maps.Values(w.list[i].Kids))
		slices.SortFunc(w.list[first:], func(a, b *Node) int { return strings.Compare(a.name, b.name) })
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

func (n *Node) flags() (f uint32) {
	if n.IsFunc {
		f |= flagFunc
	}
	if n.isEnum {
		f |= flagEnum
	}
	if n.HasValue {
		f |= flagValue
	}
	return f
}

// encode is the file's contents; inlines may be nil, where they are not known.
func (x *Names) encode(key [16]byte, inlines []inlined, known bool) []byte {
	w := &indexWriter{}
	w.number(x.Root)
	vars := 0
	for _, n := range w.list {
		vars += len(n.Vars)
		w.text = append(w.text, n.name...)
	}
	w.len(len(w.list))
	w.len(vars)
	w.len(len(x.ByOff))
	w.len(len(x.Bodies))
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
		if n.Parent != nil {
			parent = n.Parent.number
		}
		w.u32(parent)
		w.u32(uint32(n.Typ))
		w.u32(uint32(n.Decl))
		w.len(len(n.Vars))
		w.u32(n.flags())
		w.u64(uint64(n.Value))
	}
	for _, n := range w.list {
		for _, v := range n.Vars {
			w.u32(uint32(v))
		}
	}
	for _, e := range x.ByOff {
		w.u32(uint32(e.Off))
		w.u32(e.N.number)
	}
	for _, b := range x.Bodies {
		w.u64(b.Low)
		w.u64(b.high)
		w.u32(uint32(b.Off))
		entry := b.N.number << 1
		if b.Entry {
			entry |= 1
		}
		w.u32(entry)
	}
	for _, u := range x.units {
		w.u32(uint32(u.Off))
		w.u64(u.Low)
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
		w.u32(uint32(i.Off))
		w.u32(i.Fn.number)
		w.u32(i.Into.number)
		w.u64(i.Entry)
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
func decodeIndex(file []byte, key [16]byte) (x *Names, inlines []inlined, known bool, err error) {
	const head = len(indexMagic) + len(key) + 4
	if len(file) < head || string(file[:len(indexMagic)]) != indexMagic || [16]byte(file[len(indexMagic):]) != key {
		return nil, nil, false, fmt.Errorf("not an index of this file: %w", errIndexFile)
	}
	body := file[head:]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(file[head-4:]) {
		return nil, nil, false, fmt.Errorf("checksums differ: %w", errIndexFile)
	}
	r := &indexReader{cursor{Data: body}}
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
	if r.bad || counts[0] == 0 || need > len(r.Data) {
		return nil, nil, false, fmt.Errorf("counts of %d bytes: %w", len(body), errIndexFile)
	}
	x, inlines = r.Names(counts, string(r.Data[need:]))
	if r.bad {
		return nil, nil, false, fmt.Errorf("contents: %w", errIndexFile)
	}
	return x, inlines, known, nil
}

// Names reads the lists.
func (r *indexReader) Names(counts [7]int, text string) (*Names, []inlined) {
	nodes := make([]Node, counts[0])
	at := func(n uint32) *Node {
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
		n.Typ, n.Decl = dwarf.Offset(r.u32()), dwarf.Offset(r.u32())
		mine, flags := uint64(r.u32()), r.u32()
		n.IsFunc, n.isEnum, n.HasValue = flags&flagFunc != 0, flags&flagEnum != 0, flags&flagValue != 0
		n.Value = int64(r.u64())
		if name > uint64(len(text)) || mine > uint64(len(left)) || i > 0 && parent >= uint32(i) {
			r.bad = true
			return nil, nil
		}
		n.name, text = text[:name], text[name:]
		if mine > 0 {
			n.Vars, left = left[:mine:mine], left[mine:]
		}
		if i > 0 {
			n.Parent = &nodes[parent]
			if n.Parent.Kids == nil {
				n.Parent.Kids = map[string]*Node{}
			}
			n.Parent.Kids[n.name] = n
		}
	}
	for i := range vars {
		vars[i] = dwarf.Offset(r.u32())
	}
	x := &Names{Root: &nodes[0], ByOff: make([]named, counts[2]), Bodies: make([]body, counts[3]), units: make([]Unit, counts[4])}
	for i := range x.ByOff {
		x.ByOff[i] = named{dwarf.Offset(r.u32()), at(r.u32())}
		r.bad = r.bad || i > 0 && x.ByOff[i].Off < x.ByOff[i-1].Off
	}
	for i := range x.Bodies {
		b := body{Low: r.u64(), high: r.u64(), Off: dwarf.Offset(r.u32())}
		n := r.u32()
		b.Entry, b.N = n&1 != 0, at(n>>1)
		x.Bodies[i] = b
		r.bad = r.bad || i > 0 && b.Low < x.Bodies[i-1].Low
	}
	for i := range x.units {
		x.units[i] = Unit{Off: dwarf.Offset(r.u32()), Low: r.u64()}
		r.bad = r.bad || i > 0 && x.units[i].Off <= x.units[i-1].Off
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
