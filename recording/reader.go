package recording

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"

	"thaw/debuginfo"
	"thaw/memory"
	"thaw/readfile"
	"thaw/session"
	"thaw/session/scenario"
	"thaw/session/view"
)

// Recording is a recording that was read; it never changes.
type Recording struct {
	name     string
	meta     metadata
	scenario *scenario.Scenario
	records  []*session.StopRecord
	maps     []map[uint64]pageRef // by record and number of the physical page
	pages    [][]byte
	masks    []*memory.Mask
	vague    bool                    // of format 1.0, which does not tell zeros from what was not recorded
	guessed  map[uint64]*memory.Mask // of pages in such a file
	notes    []view.Note
	asked    []view.Question
	log      []string
	extracts map[string]*debuginfo.Extract
	programs map[string]*debuginfo.Program
	damage   string
}

// Open reads a recording. One whose end is missing or damaged opens up to its
// last whole stop, and Damage tells. Errors are one sentence with the file's
// name.
func Open(path string) (*Recording, error) {
	f, err := readfile.OpenOrPipe(path)
	if err != nil {
		return nil, fmt.Errorf("opening the recording %s: %w", path, err)
	}
	defer f.Close()
	rec, err := read(filepath.Base(path), f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rec, nil
}

// Read reads a recording from a stream; name is for messages.
func Read(name string, from io.Reader) (*Recording, error) {
	rec, err := read(name, from)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rec, nil
}

func read(name string, from io.Reader) (*Recording, error) {
	r := newReader(name, from)
	if err := r.read(); err != nil {
		return nil, err
	}
	return r.rec, nil
}

func newReader(name string, from io.Reader) *reader {
	rec := &Recording{name: name, extracts: map[string]*debuginfo.Extract{}, programs: map[string]*debuginfo.Program{}, guessed: map[uint64]*memory.Mask{}}
	return &reader{rec: rec, in: bufio.NewReaderSize(from, 1<<16)}
}

// reader is a reading under way.
type reader struct {
	rec *Recording
	in  *bufio.Reader
	dec *zstd.Decoder
	budget
	json int // bytes of JSON so far
	at   int64
	done bool
}

func (r *reader) read() error {
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(r.in, head); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	minor, err := checkHeader(head)
	if err != nil {
		return err
	}
	r.rec.vague = minor < 1
	r.at = headerSize
	if r.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord), zstd.WithDecoderMaxWindow(maxRecord)); err != nil {
		return fmt.Errorf("setting up zstd: %w", err)
	}
	defer r.dec.Close()
	for {
		begin := r.at
		typ, raw, err := r.record()
		if err == nil {
			err = r.take(typ, raw)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.rec.damage = fmt.Sprintf("it is damaged at byte %d (%v): what comes before is shown, up to its last whole stop", begin, err)
			break
		}
	}
	if !r.done && r.rec.damage == "" {
		r.rec.damage = "it was not ended in order: it holds everything up to its last whole stop"
	}
	return r.finish()
}

// record reads one record; io.EOF only between two of them.
func (r *reader) record() (typ string, raw []byte, err error) {
	head := make([]byte, recordHeaderSize)
	switch _, err := io.ReadFull(r.in, head); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "", nil, errors.New("a record breaks off")
	case err != nil:
		return "", nil, err
	}
	length, size := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[8:])
	if length > maxRecord || size > maxRecord {
		return "", nil, fmt.Errorf("a record of %d bytes, and %d are the most", max(length, size), maxRecord)
	}
	record, err := readAll(r.in, head, int(length))
	if err != nil {
		return "", nil, err
	}
	r.at += int64(len(record))
	if binary.LittleEndian.Uint32(head[12:]) != checksum(record) {
		return "", nil, errors.New("a record's checksum is wrong")
	}
	raw, err = r.dec.DecodeAll(record[recordHeaderSize:], make([]byte, 0, min(int(size), 1<<20)))
	if err != nil {
		return "", nil, fmt.Errorf("a record does not unpack: %w", err)
	}
	if len(raw) != int(size) {
		return "", nil, fmt.Errorf("a record unpacks to %d bytes, not to %d", len(raw), size)
	}
	return string(head[:4]), raw, nil
}

// readAll appends n bytes of a stream, without trusting n to be there.
func readAll(in io.Reader, dst []byte, n int) ([]byte, error) {
	dst = slices.Clone(dst)
	for n > 0 {
		part := min(n, 1<<20)
		at := len(dst)
		dst = append(dst, make([]byte, part)...)
		if _, err := io.ReadFull(in, dst[at:]); err != nil {
			return nil, errors.New("a record breaks off")
		}
		n -= part
	}
	return dst, nil
}

// take adds a record; unknown types are skipped.
func (r *reader) take(typ string, raw []byte) error {
	if r.rec.scenario == nil && typ != typeMeta {
		return fmt.Errorf("it begins with a %q record", typ)
	}
	switch typ {
	case typePages:
		return r.takePages(raw)
	case typeMasks:
		return r.takeMasks(raw)
	case typeDone:
		r.done = true
		return nil
	}
	if r.json += len(raw); r.json > maxJSON {
		return fmt.Errorf("more than %d bytes of text", maxJSON)
	}
	switch typ {
	case typeMeta:
		return r.takeMeta(raw)
	case typeSyms:
		return r.takeSymbols(raw)
	case typeStop:
		return r.takeStop(raw)
	case typeMore:
		return r.takeMore(raw)
	case typeNotes:
		r.rec.notes = nil
		return r.decode(typ, raw, &r.rec.notes, 2)
	case typeAsked:
		r.rec.asked = nil
		return r.decode(typ, raw, &r.rec.asked, 2)
	case typeLog:
		var lines []string
		err := r.decode(typ, raw, &lines, 1)
		r.rec.log = append(r.rec.log, lines...)
		return err
	}
	return nil
}

// decode decodes a record's JSON; times is how often what comes of it is there in
// the end.
func (r *reader) decode(typ string, raw []byte, to any, times int64) error {
	if err := r.budget.decode(raw, to, times); err != nil {
		return fmt.Errorf("a %s record: %w", typ, err)
	}
	return nil
}

func (r *reader) takeMeta(raw []byte) error {
	if r.rec.scenario != nil {
		return errors.New("a second META record")
	}
	if err := r.decode(typeMeta, raw, &r.rec.meta, 2); err != nil {
		return err
	}
	s, err := scenario.Parse("of the recording", []byte(r.rec.meta.Scenario))
	r.rec.scenario = s
	return err
}

func (r *reader) takePages(raw []byte) error {
	if len(raw)%pageEntry != 0 {
		return fmt.Errorf("a record of pages has %d bytes", len(raw))
	}
	for ; len(raw) > 0; raw = raw[pageEntry:] {
		if len(r.rec.pages) == maxPages {
			return fmt.Errorf("more than %d pages", maxPages)
		}
		if err := r.draw(session.PageSize + perPiece); err != nil {
			return err
		}
		page := slices.Clone(raw[sha256.Size:pageEntry])
		if sha256.Sum256(page) != [sha256.Size]byte(raw) {
			return fmt.Errorf("page %d is not what its hash says", len(r.rec.pages)+1)
		}
		r.rec.pages = append(r.rec.pages, page)
	}
	return nil
}

func (r *reader) takeMasks(raw []byte) error {
	const size = len(memory.Mask{})
	if len(raw)%size != 0 {
		return fmt.Errorf("a record of masks has %d bytes", len(raw))
	}
	for ; len(raw) > 0; raw = raw[size:] {
		if len(r.rec.masks) == maxMasks {
			return fmt.Errorf("more than %d masks", maxMasks)
		}
		if err := r.draw(int64(size) + perPiece); err != nil {
			return err
		}
		m := memory.Mask(raw[:size])
		r.rec.masks = append(r.rec.masks, &m)
	}
	return nil
}

func (r *reader) takeSymbols(raw []byte) error {
	var s symbols
	if err := r.decode(typeSyms, raw, &s, 3); err != nil {
		return err
	}
	if s.Extract == nil {
		return fmt.Errorf("a SYMS record of component %q is empty", s.Component)
	}
	if known := r.rec.extracts[s.Component]; known != nil {
		known.Merge(s.Extract)
	} else {
		r.rec.extracts[s.Component] = s.Extract
	}
	return nil
}

func (r *reader) takeStop(raw []byte) error {
	var s stop
	if err := r.decode(typeStop, raw, &s, 1); err != nil {
		return err
	}
	switch {
	case s.StopRecord == nil:
		return errors.New("a STOP record is empty")
	case len(r.rec.records) == maxStops:
		return fmt.Errorf("more than %d stops", maxStops)
	case len(s.CPUs) == 0:
		return fmt.Errorf("stop %d has no processor", s.Number)
	case s.CPU < 0 || s.CPU >= len(s.CPUs):
		return fmt.Errorf("stop %d is of processor %d of %d", s.Number, s.CPU, len(s.CPUs))
	}
	pages, err := r.refs(s.pageList)
	if err != nil {
		return fmt.Errorf("stop %d: %w", s.Number, err)
	}
	r.rec.records = append(r.rec.records, s.StopRecord)
	r.rec.maps = append(r.rec.maps, pages)
	return nil
}

// refs are pages by the number of the physical page.
func (r *reader) refs(l pageList) (map[uint64]pageRef, error) {
	if err := r.draw(perRef * int64(len(l.Pages))); err != nil {
		return nil, err
	}
	if len(l.Known) > 0 && len(l.Known) != len(l.Pages) {
		return nil, fmt.Errorf("it has %d pages and tells what is known of %d", len(l.Pages), len(l.Known))
	}
	pages := make(map[uint64]pageRef, len(l.Pages))
	for i, p := range l.Pages {
		ref := pageRef{page: p[1]}
		if len(l.Known) > 0 {
			ref.mask = l.Known[i]
		}
		if ref.page > uint64(len(r.rec.pages)) || ref.mask > uint64(len(r.rec.masks)) {
			return nil, fmt.Errorf("it refers to page %d of %d, mask %d of %d", ref.page, len(r.rec.pages), ref.mask, len(r.rec.masks))
		}
		pages[p[0]] = ref
	}
	return pages, nil
}

// takeMore adds pages to a stop.
func (r *reader) takeMore(raw []byte) error {
	var m more
	if err := r.decode(typeMore, raw, &m, 1); err != nil {
		return err
	}
	if m.Record < 1 || m.Record > len(r.rec.maps) {
		return fmt.Errorf("pages of record %d of %d", m.Record, len(r.rec.maps))
	}
	pages, err := r.refs(m.pageList)
	if err != nil {
		return fmt.Errorf("more of record %d: %w", m.Record, err)
	}
	maps.Copy(r.rec.maps[m.Record-1], pages)
	return nil
}

// finish makes the debug info answer.
func (r *reader) finish() error {
	if r.rec.scenario == nil {
		if r.rec.damage != "" {
			return errors.New(r.rec.damage)
		}
		return errors.New("it is empty")
	}
	for name, x := range r.rec.extracts {
		p, err := x.Use()
		if err != nil {
			return err
		}
		r.rec.programs[name] = p
	}
	return nil
}
