package recording

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// maxMemory is what everything that a recording holds may take in memory, in
// bytes. A legitimate one takes some megabytes.
const maxMemory = 256 << 20

// budget is what was drawn so far of maxMemory. Whoever makes something out of a
// file draws before it is made.
type budget struct{ spent int64 }

func (b *budget) draw(n int64) error {
	if b.spent += n; b.spent > maxMemory {
		return fmt.Errorf("it takes more than %d MiB of memory", maxMemory>>20)
	}
	return nil
}

// decode decodes JSON, after it has drawn what that takes so many times: elements
// by their size in memory, since two characters may become hundreds of bytes.
func (b *budget) decode(raw []byte, to any, times int64) error {
	if !json.Valid(raw) {
		return json.Unmarshal(raw, to) // says what is wrong, and makes nothing
	}
	m := measure{raw: raw, left: (maxMemory - b.spent) / times}
	room := m.left
	if !m.value(reflect.TypeOf(to).Elem()) {
		return b.draw(maxMemory + 1)
	}
	b.spent += (room - m.left) * times
	return json.Unmarshal(raw, to)
}

// measure walks through valid JSON, which is nested 10,000 deep at most, beside
// the type that it is for. No record has a member that takes values of any type.
type measure struct {
	raw  []byte
	at   int
	left int64 // bytes of memory
}

// What things take besides their contents: a string or a piece of memory that is
// pointed to, an entry of a map, a page that a stop refers to.
const (
	perPiece = 16
	perEntry = 32
	perRef   = 2*24 + perEntry // a page of a stop
)

func (m *measure) take(n int64) bool {
	m.left -= n
	return m.left >= 0
}

var ownText = reflect.TypeFor[encoding.TextUnmarshaler]()

// value passes a value, for a type or, if that is nil, for nothing. It says false
// as soon as nothing is left.
func (m *measure) value(t reflect.Type) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		if t = t.Elem(); !m.take(int64(t.Size()) + perPiece) {
			return false
		}
	}
	m.space()
	switch m.raw[m.at] {
	case '{':
		return m.object(t)
	case '[':
		return m.array(t)
	case '"':
		n := len(m.quoted())
		return t == nil || m.take(int64(n)+perPiece)
	}
	for m.at < len(m.raw) && !bytes.ContainsRune([]byte(",]} \t\r\n"), rune(m.raw[m.at])) {
		m.at++
	}
	return true
}

func (m *measure) space() {
	for m.at < len(m.raw) && m.raw[m.at] <= ' ' {
		m.at++
	}
}

// quoted passes a string and gives what stands between its quotes.
func (m *measure) quoted() []byte {
	m.at++
	begin := m.at
	for m.raw[m.at] != '"' {
		if m.raw[m.at] == '\\' {
			m.at++
		}
		m.at++
	}
	m.at++
	return m.raw[begin : m.at-1]
}

// next says whether another element follows, before which there is a comma, or
// else passes the end.
func (m *measure) next(end byte) bool {
	m.space()
	switch m.raw[m.at] {
	case end:
		m.at++
		return false
	case ',':
		m.at++
		m.space()
	}
	return true
}

// array passes an array. A list that grows is copied, so that its elements are
// there about twice.
func (m *measure) array(t reflect.Type) bool {
	var elem reflect.Type
	size := int64(0)
	if t != nil {
		switch t.Kind() {
		case reflect.Slice:
			elem = t.Elem()
			size = 2 * int64(elem.Size())
		case reflect.Array:
			elem = t.Elem()
		}
	}
	for m.at++; m.next(']'); {
		if !m.take(size) || !m.value(elem) {
			return false
		}
	}
	return true
}

// object passes an object.
func (m *measure) object(t reflect.Type) bool {
	of := func([]byte) reflect.Type { return nil }
	entry := int64(0)
	// What has its own way to be read, as evidence has for its formats, takes no less
	// than its members.
	if t != nil && !reflect.PointerTo(t).Implements(ownText) {
		switch t.Kind() {
		case reflect.Struct:
			of = membersOf(t).typeOf
		case reflect.Map:
			entry = 2*int64(t.Key().Size()+t.Elem().Size()) + perEntry
			of = func([]byte) reflect.Type { return t.Elem() }
		}
	}
	for m.at++; m.next('}'); {
		key := m.quoted()
		if entry > 0 && !m.take(entry+int64(len(key))) {
			return false
		}
		m.space()
		m.at++ // the colon
		if !m.value(of(key)) {
			return false
		}
	}
	return true
}

// members are the types of a structure's members by their names in JSON.
type members map[string]reflect.Type

var knownMembers sync.Map // by type

func membersOf(t reflect.Type) members {
	if known, ok := knownMembers.Load(t); ok {
		return known.(members)
	}
	out := members{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		out[name] = f.Type
	}
	knownMembers.Store(t, out)
	return out
}

// typeOf finds a member as encoding/json does: by its name, or one that differs in
// upper and lower case. The name may have escapes.
func (ms members) typeOf(key []byte) reflect.Type {
	if t, ok := ms[string(key)]; ok {
		return t
	}
	name := string(key)
	if bytes.ContainsRune(key, '\\') {
		if json.Unmarshal([]byte(`"`+name+`"`), &name) != nil {
			return nil
		}
	}
	for known, t := range ms {
		if strings.EqualFold(known, name) {
			return t
		}
	}
	return nil
}
