package elffile

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// Segment is a part of the image that is loaded.
type Segment struct {
	VAddr, PAddr uint64
	FileSize     uint64 // bytes that the file holds
	MemSize      uint64 // bytes in memory; what the file lacks is zero
	Flags        elf.ProgFlag
}

// Range is the addresses from Start up to, not including, End.
type Range struct {
	Start uint64 `json:"start"`
	End   uint64 `json:"end"`
}

// Contains says whether addr lies in the range.
func (r Range) Contains(addr uint64) bool { return addr >= r.Start && addr < r.End }

// Segments lists the loadable segments in the order of the file.
func (f *Image) Segments() []Segment {
	var out []Segment
	for _, p := range f.image.Progs {
		if p.Type == elf.PT_LOAD {
			out = append(out, Segment{p.Vaddr, p.Paddr, p.Filesz, p.Memsz, p.Flags})
		}
	}
	return out
}

// ReadFile fills buf with the bytes that the image has at a virtual address
// before it runs. It fails where the file holds no such bytes.
func (f *Image) ReadFile(vaddr uint64, buf []byte) error {
	n := uint64(len(buf))
	for _, p := range f.image.Progs {
		if p.Type != elf.PT_LOAD || vaddr < p.Vaddr || vaddr-p.Vaddr >= p.Memsz || n > p.Memsz-(vaddr-p.Vaddr) {
			continue
		}
		off := vaddr - p.Vaddr
		clear(buf)
		if off >= p.Filesz {
			return nil
		}
		if _, err := p.ReadAt(buf[:min(n, p.Filesz-off)], int64(off)); err != nil {
			return fmt.Errorf("reading %d bytes at %#x of %s: %w", n, vaddr, f.path, err)
		}
		return nil
	}
	return fmt.Errorf("reading %d bytes at %#x of %s: no segment holds them", n, vaddr, f.path)
}

// ReadMemory makes the image as it is before it runs usable as a Memory.
func (f *Image) ReadMemory(addr uint64, buf []byte) error { return f.ReadFile(addr, buf) }

// Text lists the ranges that hold machine code, by address.
func (f *Image) Text() []Range { return append([]Range(nil), f.text...) }

// InText says whether an address is code of this file. Code that the linker
// threw away keeps its debug info, at addresses around 0.
func (f *Image) InText(addr uint64) bool {
	i := sort.Search(len(f.text), func(i int) bool { return f.text[i].End > addr })
	return i < len(f.text) && f.text[i].Contains(addr)
}

func textRanges(e *elf.File) []Range {
	var out []Range
	for _, s := range e.Sections {
		if s.Flags&elf.SHF_EXECINSTR != 0 && s.Flags&elf.SHF_ALLOC != 0 && s.Size > 0 {
			out = append(out, Range{s.Addr, s.Addr + s.Size})
		}
	}
	if len(out) == 0 {
		for _, p := range e.Progs {
			if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 {
				out = append(out, Range{p.Vaddr, p.Vaddr + p.Filesz})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Start < out[j].Start })
	return out
}

// EachSection calls fn for the sections with these names and contents, of the program
// and of a separate debug file.
func (f *Image) EachSection(names []string, fn func(s *elf.Section, data []byte)) {
	files := []*elf.File{f.image}
	if f.debug != f.image {
		files = append(files, f.debug)
	}
	for _, e := range files {
		for _, name := range names {
			s := e.Section(name)
			if s == nil || s.Type == elf.SHT_NOBITS {
				continue
			}
			if data, err := s.Data(); err == nil {
				fn(s, data)
			}
		}
	}
}

// Image is an ELF file, and the one that its debug info stands in.
type Image struct {
	path      string
	imagePath string // file with the code: path, or the program that path is the debug info of
	debugPath string // file that the debug info was read from, "" if none
	image     *elf.File
	debug     *elf.File // the same as image, or the separate debug file
	order     binary.ByteOrder
	ptr       int
	buildID   string
	text      []Range
	why       string // why there is no debug info

	raw, debugRaw []byte // contents of image and debug

	symbols symbolTable
}

// Named is an image of which no more is known than its path and the size of its
// pointers, in bytes.
func Named(path string, ptr int) *Image {
	return &Image{path: path, debugPath: path, ptr: ptr, order: binary.LittleEndian} // as all machines are that are known
}

// DebugFile is the file with the debug info, parsed and as it is.
func (f *Image) DebugFile() (*elf.File, []byte) { return f.debug, f.debugRaw }

// Path is the file that was loaded.
func (f *Image) Path() string { return f.path }

// Program is the file for a debugger that takes one: that with the code and the call frame
// information, if its link leads to the debug info, else the one with the debug info.
func (f *Image) Program() string {
	if f.debug == f.image || f.debugPath == "" {
		return f.path
	}
	if link, _ := debugLink(f.image); link != "" && link == filepath.Base(link) {
		dir := filepath.Dir(f.imagePath)
		for _, d := range []string{dir, filepath.Join(dir, ".debug")} {
			if sameFile(filepath.Join(d, link), f.debugPath) {
				return f.imagePath
			}
		}
	}
	return f.debugPath
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// DebugPath is the file that holds the debug info, "" if there is none.
func (f *Image) DebugPath() string { return f.debugPath }

// WhyNoDebug says why debug info that was found was not taken, "" if none was found.
func (f *Image) WhyNoDebug() string { return f.why }

// BuildID is the GNU build id in hex, "" where the linker wrote none.
func (f *Image) BuildID() string { return f.buildID }

// Machine is the processor that the file is for.
func (f *Image) Machine() elf.Machine { return f.image.Machine }

// PtrSize is the number of bytes of a pointer.
func (f *Image) PtrSize() int { return f.ptr }

// ByteOrder is that of the file and of the memory it describes.
func (f *Image) ByteOrder() binary.ByteOrder { return f.order }

// Entry is the address where the program starts.
func (f *Image) Entry() uint64 { return f.image.Entry }

// Guard turns a panic of a parser that reads damaged debug info into an error.
func (f *Image) Guard(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the debug info of %s is damaged (%v)", f.debugPath, r)
	}
}

// Section returns a section's contents from the debug file, else from the
// image, nil where neither has it. They must not be changed.
func (f *Image) Section(name string) []byte {
	for _, in := range []struct {
		e   *elf.File
		raw []byte
	}{{f.debug, f.debugRaw}, {f.image, f.raw}} {
		s := in.e.Section(name)
		if s == nil || s.Type == elf.SHT_NOBITS {
			continue
		}
		if end := s.Offset + s.FileSize; s.Flags&elf.SHF_COMPRESSED == 0 && end >= s.Offset && end <= uint64(len(in.raw)) {
			return in.raw[s.Offset:end:end]
		}
		if data, err := s.Data(); err == nil {
			return data
		}
	}
	return nil
}
