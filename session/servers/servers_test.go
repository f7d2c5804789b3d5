package servers

import (
	"maps"
	"os/exec"
	"path/filepath"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
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
// where that has other bases first. What is broken takes nothing from the rest.
func TestClasses(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip(err)
	}
	prog := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("g++", "-g", "-O1", "-std=c++20", "-no-pie", "-fno-pie", "-o", prog, "testdata/server.cc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := debuginfo.Load(prog)
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Variable("all")
	if err != nil {
		t.Fatal(err)
	}
	p := &kernel.Server{Objects: "all.pool._tree", Label: "_cap._data->_id"}
	scope := debuginfo.Scope{File: f, Mem: data{v.Addr, out}}
	want := map[uint64]string{0xd48: "Genode::Dataspace_component", 0x10: "Genode::Dataspace_component", 0xd50: "Genode::Session_component"}
	if got := classes(scope, p); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := classes(scope, &kernel.Server{Objects: "all.pool._tre", Label: p.Label}); len(got) > 0 {
		t.Errorf("%v of a tree that is not there", got)
	}
	if got := classes(debuginfo.Scope{File: f, Mem: data{v.Addr, out[:16]}}, p); len(got) > 0 {
		t.Errorf("%v of memory that is not there", got)
	}
}
