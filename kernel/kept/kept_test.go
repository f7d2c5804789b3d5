package kept

import (
	"errors"
	"testing"

	"thaw/kernel"
	"thaw/memory"
)

// ram is memory of a guest.
type ram []byte

func (r ram) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		copy(reqs[i].Buf, r[reqs[i].Addr:])
	}
	return nil
}

// flat maps every page to itself.
type flat struct{ memory.Paging }

func (flat) PageSize() uint64 { return 4096 }

func (flat) Walk(_ memory.Reader, _, virt uint64) (memory.Mapping, error) {
	page := virt &^ 4095
	return memory.Mapping{Virt: page, Phys: page, Size: 4096}, nil
}

// TestTurns decodes stops of a guest in which one thing after the other is not what it was.
func TestTurns(t *testing.T) {
	guest := make(ram, 8192)
	mirror := memory.NewMirror(guest)
	var turns Turns[byte]
	asked, got := 0, byte(0)
	fails := errors.New("it cannot be read")
	m := kernel.Machine{Phys: mirror, Paging: flat{}, CPUs: []kernel.CPU{{IP: 1, Registers: []kernel.Register{{Name: "rax", Value: 1}}}}}
	stop := func() (*kernel.System, error) {
		if err := mirror.Refresh(); err != nil {
			t.Fatal(err)
		}
		return turns.Decode(m, func(m kernel.Machine) (*memory.Space, error) { return memory.NewSpace(m.Phys, m.Paging, 0), nil },
			func(s *Space, old byte) (*kernel.System, byte, error) {
				asked, got = asked+1, old
				var b [1]byte
				if err := s.ReadMemory(100, b[:]); err != nil || b[0] == 0xff {
					return nil, 0, fails
				}
				sys := kernel.NewSystem([]*kernel.Object{{ID: 1, Addr: uint64(b[0]), Thread: &kernel.Thread{IP: m.CPUs[0].IP}}}, []string{"a problem"})
				sys.Anew = 1
				return sys, b[0], nil
			})
	}
	guest[100] = 7
	for _, c := range []struct {
		name   string
		change func()
		asked  bool
		old    byte // what is kept
	}{
		{"the first", func() {}, true, 0},
		{"as it was", func() {}, false, 0},
		{"as it was again", func() {}, false, 0},
		{"what nobody has read", func() { guest[5000]++ }, false, 0},
		{"a processor goes on", func() { m.CPUs = []kernel.CPU{{IP: 2, Registers: m.CPUs[0].Registers}} }, true, 7},
		{"a register", func() { m.CPUs = []kernel.CPU{{IP: 2, Registers: []kernel.Register{{Name: "rax", Value: 2}}}} }, true, 7},
		{"as it was with that", func() {}, false, 0},
		{"it runs", func() { m.Running = true }, true, 7},
		{"memory", func() { guest[100] = 8 }, true, 7},
		{"as it was with that, too", func() {}, false, 0},
		{"what cannot be decoded", func() { guest[100] = 0xff }, true, 8},
		{"after that", func() { guest[100] = 9 }, true, 0},
	} {
		c.change()
		before := asked
		sys, err := stop()
		if (asked > before) != c.asked || c.asked && got != c.old {
			t.Errorf("%s: decoded %v, with %d kept, want %v, %d", c.name, asked > before, got, c.asked, c.old)
		}
		if err != nil {
			if !errors.Is(err, fails) || guest[100] != 0xff {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if o := sys.Objects[0]; o.Addr != uint64(guest[100]) || o.Thread.IP != m.CPUs[0].IP || len(sys.Problems) != 1 || (sys.Anew == 1) != c.asked {
			t.Errorf("%s: %+v, thread %+v, %q, %d anew", c.name, o, o.Thread, sys.Problems, sys.Anew)
		}
		sys.Own(uint64(guest[100])).Thread.IP = 99 // what is given out is changed in copies of objects
	}
}
