package gdbremote

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
)

// Bounds on a target description. QEMU's largest has about 400 registers in
// 60 KB.
const (
	maxXMLBytes     = 1 << 20 // of all documents together
	maxXMLDocuments = 64
	maxXMLDepth     = 4 // of documents including documents
	maxRegisters    = 4096
	maxRegisterBits = 1 << 14
	maxRegisterNum  = 1 << 16
)

// Register is one register as the target description has it.
type Register struct {
	Name   string
	Number int    // the protocol's number
	Bits   int    // size
	Offset int    // in the g packet's bytes
	Type   string // "int64", "data_ptr", "i386_eflags", ...; not resolved
	Group  string // "general", "float", ... or ""
}

// Size is the register's size in the g packet, in bytes.
func (r Register) Size() int { return (r.Bits + 7) / 8 }

// Description is a stub's target description.
type Description struct {
	Architecture string     // "i386:x86-64", "i386", "arm", ...; may be empty
	Registers    []Register // by number, which is the order of the g packet
	ByteOrder    binary.ByteOrder

	byName map[string]int
}

// Register finds a register by its name.
func (d *Description) Register(name string) (Register, bool) {
	if d == nil {
		return Register{}, false
	}
	i, ok := d.byName[name]
	if !ok {
		return Register{}, false
	}
	return d.Registers[i], true
}

// Size is the length of a g packet that holds all registers, in bytes.
func (d *Description) Size() int {
	if d == nil || len(d.Registers) == 0 {
		return 0
	}
	last := d.Registers[len(d.Registers)-1]
	return last.Offset + last.Size()
}

// bigEndian has the architectures (up to the colon) whose stubs send
// registers with the highest byte first.
var bigEndian = map[string]bool{
	"powerpc": true, "rs6000": true, "s390": true, "sparc": true, "m68k": true,
	"or1k": true, "hppa": true, "mips": true,
}

func byteOrder(arch string) binary.ByteOrder {
	family, _, _ := strings.Cut(arch, ":")
	if bigEndian[family] {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// ParseDescription reads a target description; open fetches the documents it
// includes, by the names they are included with.
func ParseDescription(document []byte, open func(name string) ([]byte, error)) (*Description, error) {
	p := descriptionParser{open: open, desc: &Description{byName: map[string]int{}}}
	if err := p.document(document, 0); err != nil {
		return nil, fmt.Errorf("target description: %w", err)
	}
	return p.finish()
}

type descriptionParser struct {
	open       func(string) ([]byte, error)
	desc       *Description
	documents  int
	bytes      int
	nextNumber int
}

// document reads one document, and those it includes where it does.
func (p *descriptionParser) document(doc []byte, depth int) error {
	p.documents++
	p.bytes += len(doc)
	if p.documents > maxXMLDocuments || p.bytes > maxXMLBytes || depth > maxXMLDepth {
		return fmt.Errorf("too large, or documents that include each other: %w", ErrProtocol)
	}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		switch el.Name.Local {
		case "architecture":
			var text string
			if err := dec.DecodeElement(&text, &el); err != nil {
				return fmt.Errorf("%w: %w", ErrProtocol, err)
			}
			if p.desc.Architecture == "" {
				p.desc.Architecture = shorten([]byte(strings.TrimSpace(text)), 100)
			}
		case "include":
			if err := p.include(attribute(el, "href"), depth); err != nil {
				return err
			}
		case "reg":
			if err := p.register(el); err != nil {
				return err
			}
		}
	}
}

func (p *descriptionParser) include(name string, depth int) error {
	if name == "" || len(name) > 200 || strings.ContainsAny(name, ":;,#$") {
		return fmt.Errorf("include of %q: %w", shorten([]byte(name), 60), ErrProtocol)
	}
	doc, err := p.open(name)
	if err != nil {
		return fmt.Errorf("including %q: %w", name, err)
	}
	return p.document(doc, depth+1)
}

func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (p *descriptionParser) register(el xml.StartElement) error {
	r := Register{
		Name:   attribute(el, "name"),
		Number: p.nextNumber,
		Type:   attribute(el, "type"),
		Group:  attribute(el, "group"),
	}
	bits, err := strconv.Atoi(attribute(el, "bitsize"))
	if err != nil || bits < 1 || bits > maxRegisterBits || r.Name == "" || len(r.Name) > 64 {
		return fmt.Errorf("register %q of %q bits: %w", shorten([]byte(r.Name), 64),
			shorten([]byte(attribute(el, "bitsize")), 20), ErrProtocol)
	}
	r.Bits = bits
	if s := attribute(el, "regnum"); s != "" {
		if r.Number, err = strconv.Atoi(s); err != nil {
			return fmt.Errorf("register %q: number %q: %w", r.Name, shorten([]byte(s), 20), ErrProtocol)
		}
	}
	if r.Number < 0 || r.Number > maxRegisterNum || len(p.desc.Registers) >= maxRegisters {
		return fmt.Errorf("register %q: number %d, or too many registers: %w", r.Name, r.Number, ErrProtocol)
	}
	p.nextNumber = r.Number + 1
	p.desc.Registers = append(p.desc.Registers, r)
	return nil
}

// finish lays out the g packet: registers follow each other by number.
func (p *descriptionParser) finish() (*Description, error) {
	d := p.desc
	sort.SliceStable(d.Registers, func(i, j int) bool { return d.Registers[i].Number < d.Registers[j].Number })
	offset := 0
	for i := range d.Registers {
		r := &d.Registers[i]
		if i > 0 && d.Registers[i-1].Number == r.Number {
			return nil, fmt.Errorf("target description: registers %q and %q have number %d: %w",
				d.Registers[i-1].Name, r.Name, r.Number, ErrProtocol)
		}
		r.Offset = offset
		offset += r.Size()
		if _, twice := d.byName[r.Name]; !twice {
			d.byName[r.Name] = i
		}
	}
	d.ByteOrder = byteOrder(d.Architecture)
	return d, nil
}

// fetchDescription gets the stub's target description; doc is its first document, of
// which a part may be there. QEMU answers p packets only after this.
func (c *registerFile) fetchDescription(ctx context.Context, doc *document) error {
	text, err := c.rest(ctx, doc)
	if err != nil {
		return fmt.Errorf("reading the target description: %w", err)
	}
	c.desc, err = ParseDescription(text, func(name string) ([]byte, error) {
		return c.rest(ctx, &document{name: name})
	})
	if err != nil {
		return c.requestError("qXfer:features:read", nil, err)
	}
	return nil
}

// document is a part of the target description, which is read piece by piece.
type document struct {
	name  string
	text  []byte
	whole bool // nothing follows
}

// rest reads what is missing of a document.
func (c *exchange) rest(ctx context.Context, d *document) ([]byte, error) {
	for !d.whole {
		if err := c.askAll(ctx, c.pieces(d, piecesAhead)); err != nil {
			return nil, err
		}
	}
	return d.text, nil
}

// piecesAhead is how many pieces of a document are asked for at once: QEMU's documents
// mostly have fewer.
const piecesAhead = 8

// pieces asks for the next n pieces of a document. What lies behind its end is no part of
// it, whatever the stub says of that; so is what follows a piece that was cut short.
func (c *exchange) pieces(d *document, n int) []ask {
	size := max(c.features.PacketSize/2-16, 32) // QEMU gives no more at once
	asks := make([]ask, n)
	for i := range asks {
		at := len(d.text) + i*size
		packet := fmt.Sprintf("qXfer:features:read:%s:%x,%x", d.name, at, size)
		asks[i] = ask{packet, func(p []byte) error {
			if d.whole || at != len(d.text) {
				return nil
			}
			return c.addPiece(d, packet, p)
		}}
	}
	return asks
}

// addPiece takes over the next piece of a document.
func (c *exchange) addPiece(d *document, packet string, p []byte) error {
	if len(p) == 0 || p[0] != 'm' && p[0] != 'l' {
		return c.unexpected(packet, p)
	}
	d.text, d.whole = append(d.text, p[1:]...), p[0] == 'l'
	switch {
	case len(d.text) > maxXMLBytes:
		return c.requestError(packet, nil, fmt.Errorf("more than %d bytes: %w", maxXMLBytes, ErrProtocol))
	case len(p) == 1 && !d.whole:
		return c.requestError(packet, p, fmt.Errorf("an empty piece that is not the last: %w", ErrProtocol))
	}
	return nil
}
