package components

import (
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
)

// Text that was linked with its data elsewhere is the same but for operands that lead
// there; that of another build is not.
func TestDiffering(t *testing.T) {
	for _, how := range []string{"g++", "g++ -mcmodel=large -fPIC", "arm-linux-gnueabi-g++", "aarch64-linux-gnu-g++"} {
		cxx, flags, _ := strings.Cut(how, " ")
		t.Run(how, func(t *testing.T) {
			build := func(args ...string) *Component {
				args = slices.Concat(fixture.Bare, []string{"-O2", "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none", "-Wl,-Ttext-segment=0x1000000"}, strings.Fields(flags), args)
				f, err := debuginfo.Load(fixture.Compile(t, cxx, "testdata/operands.cc", args...), "", nil)
				if err != nil {
					t.Fatal(err)
				}
				c := NewComponent("operands", false, f)
				c.prepared()
				return c
			}
			c := build()
			moved := "-Wl,--section-start=.got=0x1020000,--section-start=.got.plt=0x1020100,--section-start=.data=0x1020240,--section-start=.bss=0x1020400"
			for _, x := range []struct {
				name   string
				other  *Component
				differ bool
			}{
				{"data elsewhere", build(moved), false},
				{"one more function", build("-DLONGER"), true},
				{"one more function, data elsewhere", build("-DLONGER", moved), true},
				{"other offsets of members", build("-DWIDER"), true},
			} {

				part, other := c.proof.parts[0], x.other.proof.parts[0]
				n := min(len(part.code), len(other.code))
				if string(part.code[:n]) == string(other.code[:n]) {
					t.Fatalf("%s: the text is the same: this tests nothing", x.name)
				}
				if pieces := c.differing(part, part.Start, other.code[:n]); (len(pieces) > 0) != x.differ {
					t.Errorf("%s: differs at %#x", x.name, pieces)
				}
				// A kernel's variables must be where its file has them; elsewhere is another
				// fault than another build.
				k := build()
				k.kernel, k.proof = true, proof{}
				k.prepared()
				k.proof.parts = c.proof.parts
				pieces := k.differing(part, part.Start, other.code[:n])
				k.proof.data = append(k.proof.data, k.variables()...)
				left := k.differing(part, part.Start, other.code[:n])
				if cxx == "g++" && len(pieces) == 0 || (len(left) > 0) != x.differ { // ARM's compilers lead to where the variables begin
					t.Errorf("%s: of a kernel %#x differ, with variables elsewhere %#x", x.name, pieces, left)
				}
			}
		})
	}
}
