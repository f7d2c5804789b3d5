package servers

import (
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// data is a variable's memory.
type data struct {
	at    uint64
	bytes []byte
}

func (d data) ReadMemory(addr uint64, buf []byte) error {
	if addr < d.at || addr+uint64(len(buf)) > d.at+uint64(len(d.bytes)) {
		return memory.ErrNotRecorded
	}
	copy(buf, d.bytes[addr-d.at:])
	return nil
}

// A server's objects are found by their labels, and told by the class that was made, also
// where that has other bases first, and by what they are called: by a member, by what they
// belong to, or by what they lie in. What is broken takes nothing from the rest.
func TestObjects(t *testing.T) {
	f, v, out := compiled(t)
	p := &kernel.Server{Objects: "all.pool._tree", Label: "_cap._data->_id"}
	scope := debuginfo.Scope{File: f, Mem: data{v.Addr, out}}
	const ram = `of Ram_session_component "init -> rtcr -> sheep"`
	want := map[uint64]view.Behind{
		0xd48: {Class: "Genode::Dataspace_component", Name: ram, Trait: "size 8000"},
		0x10:  {Class: "Genode::Dataspace_component", Trait: "size 1000"},
		0xd50: {Class: "Genode::Ram_session_component", Name: `"init -> rtcr -> sheep"`},
		0x18:  {Class: "Genode::Rom_session_component", Name: `"sheep_counter"`},
		0x20:  {Class: "Genode::Dataspace_component", Name: `_ds of Rom_session_component "sheep_counter"`, Trait: "size 23000"},
		0x28:  {Class: "Genode::Signal_context_component", Name: "imprint 401ffc40"},
		0x30:  {Class: "Rtcr::Log_session_component", Name: `"sheep"`},
		0x38:  {Class: "Rtcr::Unnamed"},
	}
	told := func(scope debuginfo.Scope, p *kernel.Server) map[uint64]view.Behind {
		s := server{objectsOf(scope, p)}
		out := map[uint64]view.Behind{}
		for label, o := range s.objects {
			out[label] = s.behind(o)
		}
		return out
	}
	if diff := cmp.Diff(want, told(scope, p)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if got := told(scope, &kernel.Server{Objects: "all.pool._tre", Label: p.Label}); len(got) > 0 {
		t.Errorf("%v of a tree that is not there", got)
	}
	if got := told(debuginfo.Scope{File: f, Mem: data{v.Addr, out[:16]}}, p); len(got) > 0 {
		t.Errorf("%v of memory that is not there", got)
	}
}

// A program's notes tell which of its slots it has given back: those below the first that it
// gives out are not its own, and what is kept for the next one is in use for nothing.
func TestUnused(t *testing.T) {
	f, v, out := compiled(t)
	notes := &kernel.Slots{Notes: "all.notes", List: "_indices", ID: "_id", None: []string{"UNUSED", "INVALID_ID"}, First: "START_IDX"}
	var gates []kernel.Capability
	for slot := range uint64(6) {
		gates = append(gates, kernel.Capability{Slot: slot})
	}
	if got := Unused(debuginfo.Scope{File: f, Mem: data{v.Addr, out}}, notes, gates); !slices.Equal(got, []uint64{3, 4}) {
		t.Errorf("%v", got)
	}
	if got := Unused(debuginfo.Scope{File: f, Mem: data{v.Addr, out[:16]}}, notes, gates); got != nil {
		t.Errorf("%v by notes that cannot be read", got)
	}
}

// compiled is the program, its variable, and what that holds.
func compiled(t *testing.T) (*debuginfo.File, debuginfo.Variable, []byte) {
	t.Helper()
	prog := fixture.Compile(t, "g++", "testdata/server.cc", "-O1", "-std=c++20", "-no-pie", "-fno-pie")
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := debuginfo.Load(prog, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Variable("all")
	if err != nil {
		t.Fatal(err)
	}
	return f, v, out
}
