package recording

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"

	"thaw/debuginfo"
	"thaw/memory"
	"thaw/newfile"
	"thaw/session"
	"thaw/session/view"
)

// Writer writes a recording; it is a session.Recorder. After every stop the
// file is synced, so that it survives what ends the program. When a write fails
// the file ends with its last whole stop, and what comes waits in memory: it is
// written with the next stop, or into another file.
type Writer struct {
	path  string
	file  file
	enc   *zstd.Encoder
	taps  map[string]*debuginfo.Tap
	names []string          // of taps, in order
	kept  map[string][2]int // types and variables of each that are in the file
	pages map[[sha256.Size]byte]uint64
	masks map[memory.Mask]uint64
	size  int64 // of what was written whole
	stops int

	// Records that could not be written so far, and how many stops are among them.
	waiting      []byte
	waitingStops int
	lost         error // why nothing is kept any more
}

// file is what a Writer needs of an *os.File.
type file interface {
	io.Writer
	io.ReaderAt
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
	Sync() error
	Close() error
}

// About is what a recording is about.
type About struct {
	By       string // program and version
	Target   string
	Guest    string // "lab guest", "Genode 16.08, x86_64", "" if not told
	Scenario []byte // text of the scenario file
	Sparse   bool   // of each page only what was read is kept
	Variant  string // expectation of the scenario that it is held against, "" for the default
}

// Create begins a recording in a new file; one that exists is an error, unless
// force is set. Debug info is taken along from files, by component.
func Create(path string, force bool, about About, files map[string]*debuginfo.File) (*Writer, error) {
	f, err := newfile.Create(path, force)
	if err != nil {
		return nil, fmt.Errorf("beginning the recording: %w", err)
	}
	w, err := newWriter(path, f, about, files)
	if err != nil {
		return nil, errors.Join(err, newfile.Discard(f))
	}
	return w, nil
}

func newWriter(path string, f file, about About, files map[string]*debuginfo.File) (*Writer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression))
	if err != nil {
		return nil, fmt.Errorf("setting up zstd: %w", err)
	}
	w := &Writer{path: path, file: f, enc: enc, taps: map[string]*debuginfo.Tap{}, kept: map[string][2]int{}, pages: map[[sha256.Size]byte]uint64{}, masks: map[memory.Mask]uint64{}}
	for name, f := range files {
		w.taps[name] = f.Tap()
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	out := header()
	meta := metadata{Made: time.Now().UTC().Format(time.RFC3339), By: about.By, Target: about.Target, Guest: about.Guest,
		Scenario: string(about.Scenario), Variant: about.Variant, Sparse: about.Sparse}
	if out, err = w.appendJSON(out, typeMeta, meta); err != nil {
		return nil, err
	}
	return w, w.commit(out, 0)
}

func (w *Writer) appendJSON(dst []byte, typ string, v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("%s: writing a %s record: %w", w.path, typ, err)
	}
	return appendRecord(dst, w.enc, typ, raw)
}

// commit adds records to those that wait, and writes them all.
func (w *Writer) commit(b []byte, stops int) error {
	if w.lost != nil {
		return w.lost
	}
	if len(w.waiting)+len(b) > maxWaiting {
		w.lost = fmt.Errorf("%s ends with stop %d: what came since is lost, for it could not be written, and more than %d bytes do not wait in memory", w.path, w.stops, maxWaiting)
		w.waiting = nil
		return w.lost
	}
	w.waiting, w.waitingStops = append(w.waiting, b...), w.waitingStops+stops
	return w.flush()
}

// maxWaiting bounds what is kept in memory of a recording that cannot be written,
// in bytes.
const maxWaiting = 256 << 20

// flush writes and syncs what waits, or takes back what was written of it.
func (w *Writer) flush() error {
	_, err := w.file.Write(w.waiting)
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		back := w.file.Truncate(w.size)
		if _, serr := w.file.Seek(w.size, io.SeekStart); back == nil {
			back = serr
		}
		if back != nil {
			err = fmt.Errorf("%w (and what was half written stays: %w)", err, back)
		}
		return &session.WaitingError{Err: fmt.Errorf("writing to %s, which ends with stop %d: %w", w.path, w.stops, err), Stops: w.waitingStops}
	}
	w.size += int64(len(w.waiting))
	w.stops += w.waitingStops
	w.waiting, w.waitingStops = nil, 0
	return nil
}

// Move goes on in another new file: what the first one holds is copied, and what
// waits is written behind it. The first one stays as it is.
func (w *Writer) Move(path string) error {
	if w.lost != nil {
		return w.lost
	}
	f, err := newfile.Create(path, false)
	if err != nil {
		return fmt.Errorf("recording goes on in another file: %w", err)
	}
	before := *w
	_, err = io.Copy(f, io.NewSectionReader(w.file, 0, w.size))
	if err == nil {
		w.path, w.file = path, f
		if err = w.flush(); err == nil {
			return before.file.Close()
		}
		*w = before
	}
	return fmt.Errorf("recording goes on in another file, %s: %w", path, errors.Join(err, newfile.Discard(f)))
}

// symbols is a component's debug info that became known since the last record.
type symbols struct {
	Component string             `json:"component"`
	Extract   *debuginfo.Extract `json:"extract"`
}

// Stop writes a stop with what it refers to.
func (w *Writer) Stop(s *session.StopRecord, pages []session.Page) error {
	out, err := w.stop(s, pages)
	if err != nil {
		return err
	}
	if s.Aside {
		return w.commit(out, 0)
	}
	return w.commit(out, 1)
}

// stop packs a stop with what it refers to.
func (w *Writer) stop(s *session.StopRecord, pages []session.Page) (out []byte, err error) {
	rec := stop{StopRecord: s}
	if out, rec.pageList, err = w.list(pages); err != nil {
		return nil, err
	}
	if out, err = w.symbols(out); err != nil {
		return nil, err
	}
	return w.appendJSON(out, typeStop, rec)
}

// More writes pages that were looked at after a stop.
func (w *Writer) More(record int, pages []session.Page) error {
	m := more{Record: record}
	out, list, err := w.list(pages)
	if err != nil {
		return err
	}
	m.pageList = list
	if out, err = w.symbols(out); err != nil {
		return err
	}
	if out, err = w.appendJSON(out, typeMore, m); err != nil {
		return err
	}
	return w.commit(out, 0)
}

// list packs pages that are not in the file so far, and says where all of them are.
func (w *Writer) list(pages []session.Page) (out []byte, rec pageList, err error) {
	rec.Pages = make([][2]uint64, 0, len(pages))
	var fresh, masks []byte
	partly := slices.ContainsFunc(pages, func(p session.Page) bool { return p.Known != nil })
	for _, p := range pages {
		ref, added := w.page(p.Data)
		if added {
			sum := sha256.Sum256(p.Data)
			fresh = append(append(fresh, sum[:]...), p.Data...)
		}
		rec.Pages = append(rec.Pages, [2]uint64{p.Addr / session.PageSize, ref})
		if !partly {
			continue
		}
		mask, added := w.mask(p.Known)
		if added {
			masks = append(masks, p.Known[:]...)
		}
		rec.Known = append(rec.Known, mask)
	}
	if len(w.pages) > maxPages || len(w.masks) > maxMasks {
		return nil, rec, fmt.Errorf("%s would hold more than %d pages, or be of more than %d forms", w.path, maxPages, maxMasks)
	}
	if out, err = w.appendPieces(out, typePages, fresh, pageEntry); err != nil {
		return nil, rec, err
	}
	out, err = w.appendPieces(out, typeMasks, masks, len(memory.Mask{}))
	return out, rec, err
}

// symbols packs what became known of debug info.
func (w *Writer) symbols(out []byte) (_ []byte, err error) {
	for _, name := range w.names {
		tap, n := w.taps[name], w.kept[name]
		x := tap.Extract()
		if kept := tap.Kept(n[0], n[1]); kept != nil {
			if x == nil {
				x = tap.Bare()
			}
			x.Kept = kept
			w.kept[name] = [2]int{n[0] + len(kept.Types), n[1] + len(kept.Variables)}
		}
		if x != nil {
			if out, err = w.appendJSON(out, typeSyms, symbols{name, x}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// page is the number of a page's contents, 0 for zeros; added says that they
// are new.
func (w *Writer) page(data []byte) (n uint64, added bool) {
	if !slices.ContainsFunc(data, func(b byte) bool { return b != 0 }) {
		return 0, false
	}
	sum := sha256.Sum256(data)
	if n, ok := w.pages[sum]; ok {
		return n, false
	}
	n = uint64(len(w.pages)) + 1
	w.pages[sum] = n
	return n, true
}

// mask is the number of a mask, 0 for none; added says that it is new.
func (w *Writer) mask(m *memory.Mask) (n uint64, added bool) {
	if m == nil {
		return 0, false
	}
	if n, ok := w.masks[*m]; ok {
		return n, false
	}
	n = uint64(len(w.masks)) + 1
	w.masks[*m] = n
	return n, true
}

// appendPieces packs pieces of one size into records that are not too large.
func (w *Writer) appendPieces(dst []byte, typ string, pieces []byte, size int) ([]byte, error) {
	most := maxRecord / size * size
	for len(pieces) > 0 {
		n := min(len(pieces), most)
		var err error
		if dst, err = appendRecord(dst, w.enc, typ, pieces[:n]); err != nil {
			return nil, err
		}
		pieces = pieces[n:]
	}
	return dst, nil
}

// Notes writes all notes of the user.
func (w *Writer) Notes(notes []view.Note) error { return w.write(typeNotes, notes) }

// Questions writes all origins that were asked for.
func (w *Writer) Questions(all []view.Question) error { return w.write(typeAsked, all) }

// Log writes LOG lines that came after the last stop.
func (w *Writer) Log(lines []string) error { return w.write(typeLog, lines) }

func (w *Writer) write(typ string, v any) error {
	out, err := w.appendJSON(nil, typ, v)
	if err != nil {
		return err
	}
	return w.commit(out, 0)
}

// Size is how large the file is, in bytes, and how many stops it holds.
func (w *Writer) Size() (bytes int64, stops int) { return w.size, w.stops }

// Path is the file's name.
func (w *Writer) Path() string { return w.path }

// Close ends the recording in order.
func (w *Writer) Close() error {
	out, err := appendRecord(nil, w.enc, typeDone, nil)
	if err == nil {
		err = w.commit(out, 0)
	}
	return errors.Join(err, w.file.Close(), w.enc.Close())
}
