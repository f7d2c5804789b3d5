package gdbremote

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const targetXML = `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">
<target><architecture>i386:x86-64</architecture><xi:include href="core.xml"/><xi:include href="more.xml"/></target>`

const coreXML = `<?xml version="1.0"?><!DOCTYPE feature SYSTEM "gdb-target.dtd">
<feature name="org.gnu.gdb.i386.core">
<flags id="f" size="4"><field name="CF" start="0" end="0"/></flags>
<reg name="rax" bitsize="64" type="int64" regnum="0"/>
<reg name="rip" bitsize="64" type="code_ptr"/>
<reg name="eflags" bitsize="32" type="f"/>
<reg name="st0" bitsize="80" type="i387_ext" group="float"/>
</feature>`

const moreXML = `<feature name="more"><reg name="xtra" bitsize="16" regnum="9"/></feature>`

func testFiles(name string) ([]byte, error) {
	switch name {
	case "core.xml":
		return []byte(coreXML), nil
	case "more.xml":
		return []byte(moreXML), nil
	}
	return nil, fmt.Errorf("no %s", name)
}

func TestParseDescription(t *testing.T) {
	d, err := ParseDescription([]byte(targetXML), testFiles)
	if err != nil {
		t.Fatal(err)
	}
	if d.Architecture != "i386:x86-64" || d.ByteOrder.String() != "LittleEndian" || d.Size() != 8+8+4+10+2 {
		t.Errorf("%q, %v, %d bytes", d.Architecture, d.ByteOrder, d.Size())
	}
	want := []Register{
		{"rax", 0, 64, 0, "int64", ""},
		{"rip", 1, 64, 8, "code_ptr", ""},
		{"eflags", 2, 32, 16, "f", ""},
		{"st0", 3, 80, 20, "i387_ext", "float"},
		{"xtra", 9, 16, 30, "", ""},
	}
	if len(d.Registers) != len(want) {
		t.Fatalf("%d registers", len(d.Registers))
	}
	for i, w := range want {
		if d.Registers[i] != w {
			t.Errorf("%+v, want %+v", d.Registers[i], w)
		}
		if r, ok := d.Register(w.Name); !ok || r != w {
			t.Errorf("by name: %+v, %v", r, ok)
		}
	}
	if _, ok := d.Register("nope"); ok {
		t.Error("a register out of nothing")
	}
}

// hostileDescriptions are target descriptions that are refused.
var hostileDescriptions = map[string]string{
	"includes itself":    `<t><include href="self"/></t>`,
	"include of nothing": `<t><include/></t>`,
	"include unknown":    `<t><include href="nope"/></t>`,
	"include a packet":   `<t><include href="x:0,10#"/></t>`,
	"huge register":      `<t><reg name="a" bitsize="99999999"/></t>`,
	"negative size":      `<t><reg name="a" bitsize="-8"/></t>`,
	"no size":            `<t><reg name="a"/></t>`,
	"no name":            `<t><reg bitsize="8"/></t>`,
	"huge number":        `<t><reg name="a" bitsize="8" regnum="99999999"/></t>`,
	"negative number":    `<t><reg name="a" bitsize="8" regnum="-1"/></t>`,
	"same number":        `<t><reg name="a" bitsize="8" regnum="1"/><reg name="b" bitsize="8" regnum="1"/></t>`,
	"too many":           "<t>" + strings.Repeat(`<reg name="r" bitsize="8"/>`, maxRegisters+1) + "</t>",
	"cut off":            `<t><reg name="a" bitsize="8"/`,
	"unknown entity":     `<t>&lol;</t>`,
	"too large":          strings.Repeat(" ", maxXMLBytes+1),
	"cut-off arch":       `<t><architecture>i386`,
}

func TestHostileDescriptions(t *testing.T) {
	for name, doc := range hostileDescriptions {
		opened := 0
		_, err := ParseDescription([]byte(doc), func(n string) ([]byte, error) {
			if opened++; opened > maxXMLDocuments {
				t.Fatalf("%s: opens without end", name)
			}
			if n == "self" {
				return []byte(doc), nil
			}
			return nil, errors.New("no such document")
		})
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// FuzzTargetXML looks for documents that make the parser fail or break its bounds.
func FuzzTargetXML(f *testing.F) {
	for _, s := range []string{targetXML, coreXML, moreXML, `<t><include href="a"/></t>`, `<reg name="a" bitsize="8" regnum="7"/>`} {
		f.Add(s, coreXML)
	}
	for _, s := range hostileDescriptions {
		if len(s) <= 1<<16 {
			f.Add(s, s)
		}
	}
	f.Add(`<architecture>powerpc:common</architecture><reg name="a" bitsize="24" regnum="2"/><reg name="a" bitsize="8" regnum="0"/>`, "")
	f.Add(`<reg name="a" bitsize="8" regnum="x"/>`, "")
	f.Add(`<include href="a"/>`, `<reg name="a" bitsize="1"/>`)
	f.Fuzz(func(t *testing.T, doc, included string) {
		d, err := ParseDescription([]byte(doc), func(string) ([]byte, error) { return []byte(included), nil })
		if err != nil {
			return
		}
		end := 0
		if _, ok := (*Description)(nil).Register(doc); ok || (*Description)(nil).Size() != 0 {
			t.Fatal("no description has registers")
		}
		for i, r := range d.Registers {
			if r.Offset != end || r.Bits < 1 || i > 0 && r.Number <= d.Registers[i-1].Number {
				t.Fatalf("register %d is %+v after byte %d", i, r, end)
			}
			end += r.Size()
			if _, ok := d.Register(r.Name); !ok {
				t.Fatalf("register %d is not found by its name", i)
			}
		}
		if _, ok := d.Register(""); ok || d.Size() != end {
			t.Fatalf("%d bytes, want %d, or a register without a name", d.Size(), end)
		}
		regs := NewRegisters(d, make([]byte, end/2))
		for _, n := range regs.Names() {
			if _, ok := regs.Bytes(n); !ok {
				t.Fatalf("%s has a name and no content", n)
			}
			regs.Uint64(n)
			regs.SetUint64(n, 1)
		}
	})
}
