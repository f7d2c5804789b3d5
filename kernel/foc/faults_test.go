package foc

import (
	"bytes"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/report"
	"thaw/session"
	"thaw/session/view"
)

// damage is one way in which memory lies. do damages a copy, of which sys was
// decoded and list is the object list; it says how many objects remain, -1
// where that is left open.
type damage struct {
	name string
	do   func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) (remain int)
	says string // in a problem, of the system or of an object; "|" parts what one of them says
}

// at which place of the list damage is done
func middle(list []uint64) int { return len(list) / 3 }

// named is an object with a name, and its link in the list of extensions.
func named(t testing.TB, f *frozen, list []uint64) (dbg, ext uint64) {
	t.Helper()
	for _, link := range list {
		dbg := link - f.layout.dbg.link
		if ext := f.get(t, dbg+f.layout.dbg.jdbData); ext != 0 {
			return dbg, ext
		}
	}
	t.Fatal("no object has a name")
	return 0, 0
}

func nextOf(v func(f *frozen, list []uint64) uint64) func(testing.TB, *frozen, *kernel.System, []uint64) int {
	return func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		k := middle(list)
		f.set(t, list[k]+f.layout.dbg.next, v(f, list))
		return k + 1
	}
}

var damages = []damage{
	{"list: an item leads to itself", nextOf(func(_ *frozen, list []uint64) uint64 { return list[middle(list)] }), "runs into itself"},
	{"list: an item leads back", nextOf(func(_ *frozen, list []uint64) uint64 { return list[middle(list)/2+1] }), "runs into itself"},
	{"list: wild pointer", nextOf(func(*frozen, []uint64) uint64 { return 0x5a5a5a58 }), "list of kernel objects ends at 0x5a5a5a58"},
	{"list: pointer of ones", nextOf(func(f *frozen, _ []uint64) uint64 { return 1<<(8*f.layout.ptr) - 1 }), "list of kernel objects ends at"},
	{"list: breaks off", nextOf(func(*frozen, []uint64) uint64 { return 0 }), "breaks off"},
	{"list: leads into an object", nextOf(func(f *frozen, list []uint64) uint64 { return list[2] + uint64(f.layout.ptr) }), "points into no vtable"},
	{"list: no first item", func(t testing.TB, f *frozen, _ *kernel.System, _ []uint64) int {
		f.set(t, f.layout.kobjects, 0)
		return 0
	}, ""},
	{"object: no vtable", func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		f.set(t, list[middle(list)]-f.layout.dbg.link, 0)
		return len(list) - 1
	}, "points into no vtable"},
	{"object: vtable of another class", func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		f.set(t, list[1]-f.layout.dbg.link, f.get(t, list[middle(list)]-f.layout.dbg.link))
		return len(list)
	}, ""},
	{"names: no end", func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		_, ext := named(t, f, list)
		name := f.at(t, ext-f.layout.dbg.extLink+f.layout.dbg.name)
		for i := range min(f.layout.dbg.nameLen, len(name)) {
			name[i] = 'A'
		}
		return len(list)
	}, ""},
	{"names: wild extension", func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		dbg, _ := named(t, f, list)
		f.set(t, dbg+f.layout.dbg.jdbData, 0x5a5a5a58)
		return len(list)
	}, "debugger extension at"},
	{"names: extensions in a ring", func(t testing.TB, f *frozen, _ *kernel.System, list []uint64) int {
		_, ext := named(t, f, list)
		// One that is no name, so that the search goes on: with an object's vtable.
		f.set(t, ext-f.layout.dbg.extLink, f.get(t, list[0]-f.layout.dbg.link))
		f.set(t, ext+f.layout.dbg.extNext, ext)
		return len(list)
	}, "more than 16 debugger extensions"},
	{"tasks: wild page directory", func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) int {
		for _, o := range sys.PDs() {
			f.set(t, o.Addr+f.layout.task.dir, 0x5a5a5a58)
		}
		return len(list)
	}, "page directory at 0x5a5a5a58"},
	{"tasks: tables of ones", func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) int {
		eachRoot(t, f, sys, func(table []byte) {
			for i := range table {
				table[i] = 0xff
			}
		})
		return len(list)
	}, "is in the range of the capability table but is none|listing pages, level-"},
	{"tasks: tables lead outside memory", func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) int {
		eachRoot(t, f, sys, func(table []byte) { fill(f, table, 0x7777_7000|f.entry()) })
		return len(list)
	}, "listing pages, level-"},
	{"tasks: one page in all places", func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) int {
		root := f.bomb()
		eachRoot(t, f, sys, func(table []byte) { fill(f, table, root|f.entry()) })
		return len(list)
	}, "its capability table is cut short"},
	{"capabilities: noise", func(t testing.TB, f *frozen, sys *kernel.System, list []uint64) int {
		rnd := rand.New(rand.NewSource(3))
		for _, o := range sys.PDs() {
			space := memory.NewSpace(f.machine().Phys, f.paging, o.PD.Root)
			pages, _, err := space.Mapped(f.layout.caps.start, f.layout.caps.end-1, maxCapPages)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pages {
				rnd.Read(f.page(p.Phys / session.PageSize))
			}
		}
		return len(list)
	}, ""},
	{"all ones", func(_ testing.TB, f *frozen, _ *kernel.System, _ []uint64) int {
		for n := range f.pages {
			f.pages[n] = bytes.Repeat([]byte{0xff}, session.PageSize)
		}
		return 0
	}, ""},
	{"all zeros", func(_ testing.TB, f *frozen, _ *kernel.System, _ []uint64) int {
		for n := range f.pages {
			f.pages[n] = make([]byte, session.PageSize)
		}
		return 0
	}, ""},
}

// entry is the flags of an entry that leads on to a table.
func (f *frozen) entry() uint64 {
	if f.layout.ptr == 4 {
		return 1
	}
	return 3
}

// fill makes all entries of a table the same.
func fill(f *frozen, table []byte, entry uint64) {
	for i := 0; i < len(table); i += f.layout.ptr {
		f.put(table[i:], entry)
	}
}

// bomb makes tables that map one page of noise at every address, and returns
// the one below the root's.
func (f *frozen) bomb() uint64 {
	next := slices.Max(slices.Collect(maps.Keys(f.pages))) + 1
	noise := make([]byte, session.PageSize)
	for i := range noise {
		noise[i] = byte(i) | 4
	}
	f.pages[next] = noise
	entry := next*session.PageSize | f.entry()
	if f.layout.ptr == 4 {
		entry |= 2 // a small page
	}
	levels := 3
	if f.layout.ptr == 4 {
		levels = 1
	}
	for range levels {
		next++
		table := make([]byte, session.PageSize)
		fill(f, table, entry)
		f.pages[next] = table
		entry = next*session.PageSize | f.entry()
	}
	return next * session.PageSize
}

// eachRoot damages the part of every task's root table that covers its
// capability table, but not of the running ones: they map the kernel.
func eachRoot(t testing.TB, f *frozen, sys *kernel.System, do func(table []byte)) {
	t.Helper()
	for _, o := range sys.PDs() {
		root := o.PD.Root
		if root == 0 || slices.ContainsFunc(f.cpus, func(c kernel.CPU) bool { return c.Root>>12 == root>>12 }) {
			continue
		}
		// A root entry covers 1 MiB on ARM, 512 GiB on x86_64.
		at, n := root+f.layout.caps.start>>39&511*8, 1
		if f.layout.ptr == 4 {
			at, n = root+f.layout.caps.start>>20*4, 16
		}
		page := f.page(at / session.PageSize)
		if page == nil {
			t.Fatalf("the tables of %s are not recorded", o.ID)
		}
		do(page[at%session.PageSize:][:n*f.layout.ptr])
	}
}

// However memory lies, decoding ends, tells what is wrong, and shows the rest.
func TestDecodeDamaged(t *testing.T) {
	for _, good := range realSystems(t) {
		whole := good.decode(t)
		list := good.list(t)
		if len(list) != len(whole.Objects) || len(whole.Problems) > 0 {
			t.Fatalf("%s: %d of %d objects, problems %q", good.name, len(whole.Objects), len(list), whole.Problems)
		}
		for _, d := range damages {
			t.Run(good.name+"/"+d.name, func(t *testing.T) {
				bad := good.copy()
				remain := d.do(t, bad, whole, list)
				sys := bad.decode(t)
				if sys == nil {
					if remain > 0 {
						t.Fatalf("%d objects should remain, and nothing does", remain)
					}
					return
				}
				if len(sys.Objects) != remain {
					t.Errorf("%d objects remain, want %d", len(sys.Objects), remain)
				}
				if d.says == "" {
					return
				}
				if !told(sys, d.says) {
					t.Errorf("nobody says %q: %q", d.says, sys.Problems)
				}
				tells(t, sys, d.says)
			})
		}
	}
}

// tells makes sure that users are told, in a printed snapshot.
func tells(t *testing.T, sys *kernel.System, texts string) {
	t.Helper()
	var b strings.Builder
	if err := report.Snapshot(&b, &view.Snapshot{System: sys}, false); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(strings.Split(texts, "|"), func(text string) bool { return strings.Contains(b.String(), text) }) {
		t.Errorf("a printed snapshot does not say %q", texts)
	}
	problems := strings.Join(sys.AllProblems(), "\n")
	for _, o := range sys.Objects {
		if o.Problem != "" && !strings.Contains(problems, o.ID.String()) {
			t.Errorf("no problem names object %s", o.ID)
		}
	}
}

// told says whether a problem holds one of the texts.
func told(sys *kernel.System, texts string) bool {
	all := slices.Clone(sys.Problems)
	for _, o := range sys.Objects {
		all = append(all, o.Problem)
		if o.PD != nil {
			all = append(all, o.PD.Problem)
		}
	}
	said := strings.Join(all, "\n")
	return slices.ContainsFunc(strings.Split(texts, "|"), func(text string) bool { return strings.Contains(said, text) })
}
