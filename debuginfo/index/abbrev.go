package index

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
)

// errUnusual is what is left to debug/dwarf, which knows it, or what is wrong with
// it.
var errUnusual = errors.New("debug info of an unusual form")

// shape is how an entry with an abbreviation is read: what is to be taken or passed
// over, one after the other.
type shape struct {
	entry entry // what the abbreviation says already
	steps []step
}

// step is one attribute, or several that are passed over together.
type step struct {
	what take
	form uint64
	size int // bytes, of forms that have a size
}

// take is where an attribute's value goes.
type take uint8

const (
	takeNothing take = iota
	takeName
	takeOrigin // before takeSpecification: an entry can have both
	takeSpecification
	takeSibling
	takeValue
	takeDeclared
)

// takes are the attributes that are wanted.
var takes = map[dwarf.Attr]take{
	dwarf.AttrName: takeName, dwarf.AttrAbstractOrigin: takeOrigin, dwarf.AttrSpecification: takeSpecification,
	dwarf.AttrSibling: takeSibling, dwarf.AttrConstValue: takeValue, dwarf.AttrDeclaration: takeDeclared,
}

// Forms, as DWARF 5 numbers them (section 7.5.6).
const (
	formAddr = 0x01 + iota
	_
	formBlock2
	formBlock4
	formData2
	formData4
	formData8
	formString
	formBlock
	formBlock1
	formData1
	formFlag
	formSdata
	formStrp
	formUdata
	formRefAddr
	formRef1
	formRef2
	formRef4
	formRef8
	formRefUdata
	_ // indirect
	formSecOffset
	formExprloc
	formFlagPresent
	formStrx
	formAddrx
	formRefSup4
	formStrpSup
	formData16
	formLineStrp
	formRefSig8
	formImplicit
	formLoclistx
	formRnglistx
	formRefSup8
	formStrx1
	formStrx2
	formStrx3
	formStrx4
	formAddrx1
	formAddrx2
	formAddrx3
	formAddrx4

	formRefAlt  = 0x1f20 // GNU's, of a second file
	formStrpAlt = 0x1f21
)

// fixedForms are the sizes of forms in bytes.
var fixedForms = map[uint64]int{
	formData1: 1, formData2: 2, formData4: 4, formData8: 8, formData16: 16, formFlag: 1, formFlagPresent: 0, formImplicit: 0,
	formRef1: 1, formRef2: 2, formRef4: 4, formRef8: 8, formRefSup4: 4, formRefSup8: 8, formRefSig8: 8,
	formStrx1: 1, formStrx2: 2, formStrx3: 3, formStrx4: 4, formAddrx1: 1, formAddrx2: 2, formAddrx3: 3, formAddrx4: 4,
}

// selfSized are the forms that tell their size themselves.
var selfSized = map[uint64]bool{
	formBlock: true, formBlock1: true, formBlock2: true, formBlock4: true, formExprloc: true, formString: true,
	formSdata: true, formUdata: true, formRefUdata: true, formLoclistx: true, formRnglistx: true, formStrx: true, formAddrx: true,
}

// sized are forms with a size in the unit: that of an address, or of an offset.
func (u *skimUnit) sized(form uint64) (int, bool) {
	switch form {
	case formAddr:
		return u.addr, true
	case formRefAddr:
		if u.version == 2 {
			return u.addr, true
		}
		return u.offset, true
	case formStrp, formLineStrp, formStrpSup, formSecOffset, formRefAlt, formStrpAlt:
		return u.offset, true
	}
	n, ok := fixedForms[form]
	return n, ok
}

// maxGap is how many codes may be left out: compilers leave none.
const maxGap = 16

// shapes reads a unit's abbreviations, by their codes.
func (u *skimUnit) shapes(abbrev []byte) ([]shape, error) {
	r := &cursor{Data: abbrev}
	var out []shape
	for {
		code := r.uleb()
		if code == 0 || r.bad {
			break
		}
		if code > uint64(len(out))+maxGap {
			return nil, errUnusual
		}
		for uint64(len(out)) <= code {
			out = append(out, shape{})
		}
		s := &out[code]
		*s = shape{entry: entry{tag: dwarf.Tag(r.uleb()), children: r.byte() != 0}}
		for {
			attr, form := dwarf.Attr(r.uleb()), r.uleb()
			if attr == 0 && form == 0 || r.bad {
				break
			}
			implicit := int64(0)
			if form == formImplicit {
				implicit = r.sleb()
			}
			if err := u.add(s, attr, form, implicit); err != nil {
				return nil, err
			}
		}
	}
	if r.bad {
		return nil, errUnusual
	}
	return out, nil
}

// add puts an attribute into a shape.
func (u *skimUnit) add(s *shape, attr dwarf.Attr, form uint64, implicit int64) error {
	what := takes[attr]
	switch attr {
	case dwarf.AttrLowpc, dwarf.AttrRanges:
		s.entry.code = true
	case dwarf.AttrEnumClass:
		s.entry.enumClass = true
	case dwarf.AttrExternal:
		s.entry.static = true
	case dwarf.AttrConstValue:
		s.entry.static = true
		if form == formImplicit {
			s.entry.value, s.entry.hasValue = implicit, true
		}
	case dwarf.AttrDeclaration:
		s.entry.declared = form == formFlagPresent
	}
	size, known := u.sized(form)
	switch {
	case known && size == 0:
		return nil
	case known && what == takeNothing && len(s.steps) > 0 && s.steps[len(s.steps)-1].what == takeNothing && s.steps[len(s.steps)-1].size > 0:
		s.steps[len(s.steps)-1].size += size
		return nil
	case !known && !selfSized[form]:
		return errUnusual
	}
	s.steps = append(s.steps, step{what, form, size})
	return nil
}

// cursor reads little-endian numbers; once something is missing all are 0, and
// bad is set.
type cursor struct {
	Data []byte
	bad  bool
}

func (r *cursor) take(n uint64) []byte {
	if n > uint64(len(r.Data)) {
		r.bad, r.Data = true, nil
		return nil
	}
	out := r.Data[:n:n]
	r.Data = r.Data[n:]
	return out
}

func (r *cursor) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// fixed is a number of 1, 2, 4 or 8 bytes.
func (r *cursor) fixed(size int) uint64 {
	switch size {
	case 1:
		return uint64(r.byte())
	case 2:
		if b := r.take(2); b != nil {
			return uint64(binary.LittleEndian.Uint16(b))
		}
	case 4:
		return uint64(r.u32())
	case 8:
		return r.u64()
	}
	r.bad = true
	return 0
}

func (r *cursor) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *cursor) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *cursor) uleb() uint64 {
	v, n := binary.Uvarint(r.Data)
	if n <= 0 {
		r.bad, r.Data = true, nil
		return 0
	}
	r.Data = r.Data[n:]
	return v
}

func (r *cursor) sleb() (v int64) {
	for shift := uint(0); shift < 64; {
		b := r.byte()
		v |= int64(b&0x7f) << shift
		shift += 7
		if b < 0x80 {
			if b&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
	r.bad = true
	return 0
}
