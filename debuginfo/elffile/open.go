// Package elffile reads ELF files: segments, symbols, build ids, and where the debug
// info of a program stands, which may be a second file. It knows ELF; DWARF is no more
// to it than sections in a form that is read or not.
package elffile

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"thaw/readfile"
)

// ErrNoDebugInfo is wrapped by every error that says a file has no DWARF.
var ErrNoDebugInfo = errors.New("no debug info: build with -g")

// maxFile bounds the files that Load reads, in bytes.
const maxFile = 1 << 31

// IsELF says whether a file begins as an ELF file does. Nothing else of it is
// read.
func IsELF(path string) (bool, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return false, fmt.Errorf("looking at %s: %w", path, err)
	}
	defer f.Close()
	return hasMagic(f), nil
}

func hasMagic(f io.ReaderAt) bool {
	magic := make([]byte, len(elf.ELFMAG))
	_, err := f.ReadAt(magic, 0)
	return err == nil && string(magic) == elf.ELFMAG
}

// readELF reads a file whole if it begins as an ELF file does.
func readELF(path string) ([]byte, error) {
	f, err := readfile.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, errors.New("no such file")
	case errors.Is(err, readfile.ErrKind):
		return nil, fmt.Errorf("%w, not an ELF file", err)
	case err != nil:
		return nil, err
	}
	defer f.Close()
	if !hasMagic(f) {
		return nil, errors.New("not an ELF file")
	}
	return readfile.All(f, maxFile)
}

// openELF reads a file whole and parses its ELF headers.
func openELF(path string) (*elf.File, []byte, error) {
	raw, err := readELF(path)
	if err != nil {
		return nil, nil, fmt.Errorf("loading %s: %w", path, err)
	}
	e, err := elf.NewFile(bytes.NewReader(raw))
	if err != nil {
		return nil, nil, fmt.Errorf("loading %s: the ELF file is damaged: %w", path, err)
	}
	for _, s := range e.Sections {
		if s.Type != elf.SHT_NOBITS && s.Type != elf.SHT_NULL && s.Offset+s.FileSize > uint64(len(raw)) {
			return nil, nil, fmt.Errorf("loading %s: the file is truncated: section %s ends at byte %d of %d", path, s.Name, s.Offset+s.FileSize, len(raw))
		}
	}
	for _, p := range e.Progs {
		// A separate debug file keeps the program headers without the bytes.
		if p.Type == elf.PT_LOAD && p.Off+p.Filesz > uint64(len(raw)) && len(e.Sections) == 0 {
			return nil, nil, fmt.Errorf("loading %s: the file is truncated: a segment ends at byte %d of %d", path, p.Off+p.Filesz, len(raw))
		}
	}
	return e, raw, nil
}

// Open reads an ELF file whole and finds its debug info: in debugPath where one is
// given, else in itself or in the places that Load names. It refuses debug info in a
// form that is not read.
func Open(path, debugPath string) (*Image, error) {
	e, raw, err := openELF(path)
	if err != nil {
		return nil, err
	}
	f := &Image{path: path, imagePath: path, image: e, debug: e, raw: raw, debugRaw: raw, order: e.ByteOrder, ptr: 4, buildID: BuildID(e)}
	if e.Class == elf.ELFCLASS64 {
		f.ptr = 8
	}
	if err := f.findDebug(debugPath); err != nil {
		return nil, err
	}
	f.text = textRanges(f.image)
	if f.debugPath != "" {
		if err := f.refuseForms(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// findDebug settles which files are the image and the debug info.
func (f *Image) findDebug(given string) error {
	if given != "" {
		d, raw, err := openELF(given)
		if err != nil {
			return err
		}
		if err := f.sameBuild(d, given); err != nil {
			return err
		}
		if !hasDebug(d) {
			return fmt.Errorf("loading %s: %w", given, ErrNoDebugInfo)
		}
		f.debug, f.debugRaw, f.debugPath = d, raw, given
		return nil
	}
	if hasDebug(f.image) {
		f.debugPath = f.path
		return f.findImage()
	}
	if err := refuseDwo(f.image, f.path); err != nil {
		return err
	}
	link, crc := debugLink(f.image)
	for _, c := range append(debugCandidates(f.path, link), idCandidates(f.path, f.buildID)...) {
		d, raw, err := openELF(c)
		if err != nil || !hasDebug(d) {
			continue
		}
		if err := f.sameBuild(d, c); err != nil {
			f.why = err.Error()
			continue
		}
		if filepath.Base(c) == link && f.buildID == "" && crc32.ChecksumIEEE(raw) != crc {
			f.why = fmt.Sprintf("%s is not the debug file of %s: checksums differ", c, f.path)
			continue
		}
		f.debug, f.debugRaw, f.debugPath = d, raw, c
		return nil
	}
	return nil
}

// findImage looks for the program beside a file that holds debug info only.
func (f *Image) findImage() error {
	text := f.image.Section(".text")
	if text == nil || text.Type != elf.SHT_NOBITS {
		return nil
	}
	base := strings.TrimSuffix(filepath.Base(f.path), ".debug")
	dir := filepath.Dir(f.path)
	for _, c := range []string{filepath.Join(dir, base), filepath.Join(dir, "..", "bin", base), filepath.Join(dir, "..", base)} {
		if c == f.path {
			continue
		}
		e, raw, err := openELF(c)
		if err != nil || f.sameBuild(e, c) != nil {
			continue
		}
		if t := e.Section(".text"); t != nil && t.Type != elf.SHT_NOBITS {
			f.image, f.raw, f.imagePath = e, raw, c
			return nil
		}
	}
	return nil
}

// sameBuild compares machine and build id of a second file.
func (f *Image) sameBuild(d *elf.File, path string) error {
	if d.Machine != f.image.Machine || d.Class != f.image.Class {
		return fmt.Errorf("%s is for %v, %s for %v: they are not of one build", path, d.Machine, f.path, f.image.Machine)
	}
	if id := BuildID(d); id != "" && f.buildID != "" && id != f.buildID {
		return fmt.Errorf("%s is of another build than %s: build ids differ", path, f.path)
	}
	return nil
}

func debugCandidates(path, link string) []string {
	dir, base := filepath.Dir(path), filepath.Base(path)
	var out []string
	for _, name := range []string{link, base + ".debug", base} {
		if name == "" || name != filepath.Base(name) {
			continue
		}
		for _, d := range []string{dir, filepath.Join(dir, ".debug"), filepath.Join(dir, "..", "debug")} {
			if c := filepath.Join(d, name); c != filepath.Clean(path) {
				out = append(out, c)
			}
		}
	}
	return out
}

// idCandidates are the places of debug info by build id: .build-id/ab/cdef….debug in
// the program's folder, the one above it, and the system's.
func idCandidates(path, id string) []string {
	if len(id) < 3 {
		return nil
	}
	var out []string
	dir := filepath.Dir(path)
	for _, d := range []string{dir, filepath.Join(dir, ".."), filepath.Join(dir, "..", "debug"), "/usr/lib/debug"} {
		out = append(out, filepath.Join(d, ".build-id", id[:2], id[2:]+".debug"))
	}
	return out
}

func hasDebug(e *elf.File) bool {
	for _, s := range e.Sections {
		if (s.Name == ".debug_info" || s.Name == ".zdebug_info") && s.Type != elf.SHT_NOBITS && s.Size > 0 {
			return true
		}
	}
	return false
}

// debugLink reads .gnu_debuglink: a file name, padding, and its CRC-32.
func debugLink(e *elf.File) (string, uint32) {
	s := e.Section(".gnu_debuglink")
	if s == nil {
		return "", 0
	}
	data, err := s.Data()
	if err != nil {
		return "", 0
	}
	name, _, ok := bytes.Cut(data, []byte{0})
	if !ok || len(data) < 4 {
		return "", 0
	}
	return string(name), e.ByteOrder.Uint32(data[len(data)-4:])
}

// BuildID reads the GNU build-id note: sizes of name and contents, a type, the
// name "GNU\0", then the id.
func BuildID(e *elf.File) string {
	s := e.Section(".note.gnu.build-id")
	if s == nil || s.Type == elf.SHT_NOBITS {
		return ""
	}
	data, err := s.Data()
	if err != nil || len(data) < 16 {
		return ""
	}
	size := uint64(e.ByteOrder.Uint32(data[4:]))
	if 16+size > uint64(len(data)) {
		return ""
	}
	return hex.EncodeToString(data[16 : 16+size])
}
