package elffile

import (
	"debug/elf"
	"fmt"
	"sort"
	"strings"
	"sync"

	"thaw/debuginfo/cxx"
)

// Symbol is an entry of the ELF symbol table.
type Symbol struct {
	Name string // demangled, with the parameters of functions
	Raw  string // as in the file
	Addr uint64
	Size uint64 // bytes, 0 where the file does not say
	Func bool
}

// symbolTable is made when the first question about symbols is asked.
type symbolTable struct {
	once    sync.Once
	byAddr  []Symbol // without demangled names
	special []Symbol // functions among them, see Specials
	byRaw   map[string]int
	demOnce sync.Once
	byName  map[string]int // demangled, as a whole and without parameters
}

func (f *Image) table() *symbolTable {
	t := &f.symbols
	t.once.Do(func() {
		var err error
		defer f.Guard(&err) // a damaged table is none
		for _, e := range []*elf.File{f.image, f.debug} {
			syms, err := e.Symbols()
			if err != nil || len(syms) == 0 {
				continue
			}
			t.byAddr = f.keep(syms)
			break
		}
		sort.SliceStable(t.byAddr, func(i, j int) bool { return t.byAddr[i].Addr < t.byAddr[j].Addr })
		t.byRaw = make(map[string]int, len(t.byAddr))
		for i, s := range t.byAddr {
			if _, ok := t.byRaw[s.Raw]; !ok {
				t.byRaw[s.Raw] = i
			}
			if s.Func && strings.HasPrefix(s.Raw, "_ZT") {
				t.special = append(t.special, s)
			}
		}
	})
	return t
}

// Symbols lists functions and objects by address, without demangled names. The list
// must not be changed.
func (f *Image) Symbols() []Symbol { return f.table().byAddr }

// Specials lists the functions that compilers of C++ make for virtual calls, by address.
// The list must not be changed.
func (f *Image) Specials() []Symbol { return f.table().special }

// keep drops sections, files, undefined symbols and ARM's $a, $t, $d.
func (f *Image) keep(syms []elf.Symbol) []Symbol {
	var out []Symbol
	for _, s := range syms {
		typ := elf.ST_TYPE(s.Info)
		isFunc := typ == elf.STT_FUNC || typ == elf.STT_GNU_IFUNC
		if s.Section == elf.SHN_UNDEF || s.Name == "" || !isFunc && typ != elf.STT_OBJECT && typ != elf.STT_NOTYPE {
			continue
		}
		if typ == elf.STT_NOTYPE && s.Name[0] == '$' {
			continue
		}
		addr := s.Value
		if isFunc && f.image.Machine == elf.EM_ARM {
			addr &^= 1 // marks Thumb code
		}
		out = append(out, Symbol{Raw: s.Name, Addr: addr, Size: s.Size, Func: isFunc})
	}
	return out
}

func (t *symbolTable) at(i int) Symbol {
	s := t.byAddr[i]
	s.Name = cxx.Demangle(s.Raw)
	return s
}

// Symbol finds a symbol by its raw name, its demangled name ("vtable for
// Root", "Genode::cap_idx_alloc()::alloc") or its demangled name
// without parameters.
func (f *Image) Symbol(name string) (Symbol, error) {
	t := f.table()
	if i, ok := t.byRaw[name]; ok {
		return t.at(i), nil
	}
	t.demOnce.Do(func() {
		t.byName = make(map[string]int, 2*len(t.byAddr))
		for i, s := range t.byAddr {
			d := cxx.Demangle(s.Raw)
			for _, key := range []string{cxx.Key(d), cxx.Key(cxx.StripParams(d))} {
				if _, ok := t.byName[key]; !ok {
					t.byName[key] = i
				}
			}
		}
	})
	if i, ok := t.byName[cxx.Key(name)]; ok {
		return t.at(i), nil
	}
	if len(t.byAddr) == 0 {
		return Symbol{}, fmt.Errorf("no symbol %s: %s has no symbol table", name, f.path)
	}
	return Symbol{}, fmt.Errorf("no symbol %s in %s", name, f.path)
}

// SymbolAt finds the symbol that covers an address, and how far into it the
// address is. A symbol without a size reaches to the next one.
func (f *Image) SymbolAt(addr uint64) (sym Symbol, off uint64, ok bool) {
	t := f.table()
	i := sort.Search(len(t.byAddr), func(i int) bool { return t.byAddr[i].Addr > addr })
	// Symbols overlap rarely: a few steps back find one that is large enough.
	for n := 0; i > 0 && n < 16; n++ {
		i--
		s := t.byAddr[i]
		if off := addr - s.Addr; off < s.Size || s.Size == 0 && n == 0 && f.holds(addr) {
			return t.at(i), off, true
		}
	}
	return Symbol{}, 0, false
}

// holds says whether an address lies in a segment.
func (f *Image) holds(addr uint64) bool {
	for _, s := range f.Segments() {
		if addr-s.VAddr < s.MemSize {
			return true
		}
	}
	return false
}

// VTableAt tells the class whose virtual table a vtable pointer points into,
// and how many bytes into the table. Those of secondary bases point further
// in.
func (f *Image) VTableAt(vptr uint64) (class string, off uint64, ok bool) {
	s, off, ok := f.SymbolAt(vptr)
	if !ok || !strings.HasPrefix(s.Raw, "_ZTV") {
		return "", 0, false
	}
	name := strings.TrimPrefix(s.Name, "vtable for ")
	return strings.ReplaceAll(name, "(anonymous namespace)::", ""), off, true
}
