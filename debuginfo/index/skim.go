package index

import (
	"bytes"
	"debug/dwarf"
	"math"
	"strings"
)

// skimmer reads of all entries just what the index wants. debug/dwarf makes a list
// of all values of each, which takes three quarters of the time that indexing takes;
// of a kernel's entries the most are passed over. It knows the forms that compilers
// write, in little-endian files; whatever else it meets is errUnusual.
type skimmer struct {
	info, abbrev []byte
	str, lineStr string // names are parts of them

	units  []skimUnit
	unit   int
	at     cursor
	shapes []shape
	tables map[tableKey][]shape

	children bool         // of the entry read last
	sibling  dwarf.Offset // that it tells, 0 if it does not
}

// sections are those that a skimmer reads.
type sections struct {
	info, abbrev, str, lineStr []byte
}

// skimUnit is a unit's header.
type skimUnit struct {
	base, first, end int // offsets in .debug_info: of the header, the first entry and the end
	version          int
	addr, offset     int // bytes of an address and of an offset
	abbrev           uint64
}

// tableKey is what the shapes of a table of abbreviations depend on.
type tableKey struct {
	abbrev                uint64
	version, addr, offset int
}

// newSkimmer reads the headers of all units (DWARF 2 to 5, section 7.5.1).
func newSkimmer(s sections) (*skimmer, error) {
	w := &skimmer{info: s.info, abbrev: s.abbrev, str: string(s.str), lineStr: string(s.lineStr), unit: -1, tables: map[tableKey][]shape{}}
	if uint64(len(w.info)) > math.MaxUint32 { // dwarf.Offset ends there
		return nil, errUnusual
	}
	for r := (&cursor{Data: s.info}); len(r.Data) > 0; {
		u := skimUnit{base: len(w.info) - len(r.Data), offset: 4}
		length := r.fixed(4)
		if length == 0xffffffff {
			u.offset, length = 8, r.fixed(8)
		}
		body := &cursor{Data: r.take(length)}
		u.end = len(w.info) - len(r.Data)
		if length == 0 && !r.bad {
			continue // filled up between units
		}
		u.header(body)
		if u.first = u.end - len(body.Data); r.bad || body.bad || u.version < 2 || u.version > 5 || u.addr != 4 && u.addr != 8 {
			return nil, errUnusual
		}
		w.units = append(w.units, u)
	}
	return w, nil
}

// header reads what follows a unit's length.
func (u *skimUnit) header(r *cursor) {
	const typeUnit, skeleton, splitCompile, splitType = 2, 4, 5, 6
	u.version = int(r.fixed(2))
	kind := byte(0)
	if u.version >= 5 {
		kind, u.addr = r.byte(), int(r.byte())
	}
	u.abbrev = r.fixed(u.offset)
	if u.version < 5 {
		u.addr = int(r.byte())
	}
	switch kind {
	case skeleton, splitCompile:
		r.take(8)
	case typeUnit, splitType:
		r.take(8 + uint64(u.offset))
	}
}

// open goes to the next unit; false at the end.
func (w *skimmer) open() (bool, error) {
	if w.unit++; w.unit >= len(w.units) {
		return false, nil
	}
	u := &w.units[w.unit]
	w.at = cursor{Data: w.info[u.first:u.end]}
	key := tableKey{u.abbrev, u.version, u.addr, u.offset}
	known, ok := w.tables[key]
	if !ok {
		if u.abbrev > uint64(len(w.abbrev)) {
			return false, errUnusual
		}
		var err error
		if known, err = u.shapes(w.abbrev[u.abbrev:]); err != nil {
			return false, err
		}
		w.tables[key] = known
	}
	w.shapes = known
	return true, nil
}

// next implements walker. Entries that are not in the index are left out, with what
// is in them.
func (w *skimmer) next() (e entry, done bool, err error) {
	for {
		for len(w.at.Data) == 0 {
			if more, err := w.open(); !more {
				return entry{}, true, err
			}
		}
		if e, err = w.read(); err != nil || e.tag == 0 || indexed[e.tag] {
			return e, false, err
		}
		if err := w.skip(); err != nil {
			return entry{}, false, err
		}
	}
}

// skip implements walker.
func (w *skimmer) skip() error {
	if !w.children {
		return nil
	}
	for depth := 1; depth > 0; {
		u := &w.units[w.unit]
		if here := dwarf.Offset(u.end - len(w.at.Data)); w.children && w.sibling >= here {
			if int(w.sibling) >= u.end {
				return errUnusual
			}
			w.at.Data, w.children = w.info[w.sibling:u.end], false
			depth--
			continue
		}
		if len(w.at.Data) == 0 {
			return errUnusual
		}
		e, err := w.read()
		if err != nil {
			return err
		}
		if e.tag == 0 {
			depth--
		} else if e.children {
			depth++
		}
	}
	w.children = false
	return nil
}

// read reads an entry.
func (w *skimmer) read() (entry, error) {
	u := &w.units[w.unit]
	off := dwarf.Offset(u.end - len(w.at.Data))
	code := w.at.uleb()
	if w.children, w.sibling = false, 0; code == 0 && !w.at.bad {
		return entry{}, nil
	}
	if code >= uint64(len(w.shapes)) || w.shapes[code].entry.tag == 0 {
		return entry{}, errUnusual
	}
	s := &w.shapes[code]
	e := s.entry
	e.off = off
	for i := range s.steps {
		if st := &s.steps[i]; st.what != takeNothing {
			w.take(u, &e, st)
		} else if st.size > 0 {
			w.at.take(uint64(st.size))
		} else {
			w.pass(st.form)
		}
	}
	if w.at.bad {
		return entry{}, errUnusual
	}
	w.children = e.children
	return e, nil
}

// pass goes past a value that tells its size.
func (w *skimmer) pass(form uint64) {
	switch form {
	case formBlock1:
		w.at.take(w.at.fixed(1))
	case formBlock2:
		w.at.take(w.at.fixed(2))
	case formBlock4:
		w.at.take(w.at.fixed(4))
	case formBlock, formExprloc:
		w.at.take(w.at.uleb())
	case formString:
		w.text()
	default:
		w.at.uleb() // signed or not
	}
}

// take takes a value over.
func (w *skimmer) take(u *skimUnit, e *entry, st *step) {
	switch st.what {
	case takeName:
		e.name = w.name(u, st)
	case takeDeclared:
		e.declared = w.at.fixed(st.size) == 1 && st.form == formFlag
	case takeValue:
		w.value(e, st)
	case takeSibling:
		w.sibling, _ = w.reference(u, st)
	case takeOrigin:
		if ref, ok := w.reference(u, st); ok {
			e.ref, e.hasRef = ref, true
			e.instance = true
		}
	case takeSpecification:
		if ref, ok := w.reference(u, st); ok && !e.instance {
			e.ref, e.hasRef = ref, true
		}
	}
}

// name is a name's text.
func (w *skimmer) name(u *skimUnit, st *step) string {
	table := w.str
	switch st.form {
	case formString:
		return string(w.text())
	case formLineStrp:
		table = w.lineStr
	case formStrp:
	default:
		w.at.bad = true
		return ""
	}
	off := min(w.at.fixed(st.size), uint64(len(table)))
	name, _, ends := strings.Cut(table[off:], "\x00")
	w.at.bad = w.at.bad || !ends
	return name
}

// text is text with a zero at its end that stands in the entry.
func (w *skimmer) text() []byte {
	n := bytes.IndexByte(w.at.Data, 0)
	if n < 0 {
		w.at.bad = true
		return nil
	}
	return w.at.take(uint64(n) + 1)[:n]
}

// reference is another entry; false where it is none of this file's.
func (w *skimmer) reference(u *skimUnit, st *step) (dwarf.Offset, bool) {
	switch {
	case st.form == formRefUdata:
		return dwarf.Offset(w.at.uleb()) + dwarf.Offset(u.base), true
	case st.form == formRefAddr:
		return dwarf.Offset(w.at.fixed(st.size)), true
	case formRef1 <= st.form && st.form <= formRef8:
		return dwarf.Offset(w.at.fixed(st.size)) + dwarf.Offset(u.base), true
	}
	w.at.bad = true // of a type unit, or of a second file
	return 0, false
}

// value is a constant, if it is an integer.
func (w *skimmer) value(e *entry, st *step) {
	switch {
	case st.form == formSdata:
		e.value, e.hasValue = w.at.sleb(), true
	case st.form == formUdata:
		e.value, e.hasValue = int64(w.at.uleb()), true
	case st.form == formData1 || st.form == formData2 || st.form == formData4 || st.form == formData8:
		e.value, e.hasValue = int64(w.at.fixed(st.size)), true
	case st.size > 0:
		w.at.take(uint64(st.size))
	default:
		w.pass(st.form)
	}
}
