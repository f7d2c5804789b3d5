package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/google/go-cmp/cmp"
	"thaw/debuginfo"

	"thaw/kernel"
	"thaw/memory"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/view"
)

// memFile is a file in memory that may run full.
type memFile struct {
	data   []byte
	room   int // bytes that may still be written; negative: no limit
	synced int
	closed bool
}

func (f *memFile) Write(p []byte) (int, error) {
	n := len(p)
	if f.room >= 0 && n > f.room {
		n = f.room
	}
	f.data = append(f.data, p[:n]...)
	if f.room >= 0 {
		f.room -= n
	}
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}
func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.data).ReadAt(p, off)
}
func (f *memFile) Truncate(size int64) error            { f.data = f.data[:size]; return nil }
func (f *memFile) Seek(off int64, _ int) (int64, error) { return off, nil }
func (f *memFile) Sync() error                          { f.synced = len(f.data); return nil }
func (f *memFile) Close() error                         { f.closed = true; return nil }

// small is a scenario that can be parsed.
func small(t testing.TB) []byte {
	t.Helper()
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// page is a page of one byte's value.
func page(addr uint64, b byte) session.Page {
	return session.Page{Addr: addr, Data: bytes.Repeat([]byte{b}, session.PageSize)}
}

func record(n int) *session.StopRecord {
	return &session.StopRecord{Number: n, Reason: "stop", CPUs: []session.CPURecord{{Registers: []kernel.Register{{Name: "rip", Value: 1<<63 + uint64(n)}}}}, LogRecord: session.LogRecord{Log: []string{"line"}}}
}

// written is a recording of three stops, and its length after each.
func written(t testing.TB) (data []byte, ends []int) {
	t.Helper()
	f := &memFile{room: -1}
	w, err := newWriter("x.thaw", f, About{By: "test", Target: "somewhere", Scenario: small(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		if err := w.Stop(record(n), []session.Page{page(0x1000, byte(n)), page(0x2000, 7), page(0x3000, 0)}); err != nil {
			t.Fatal(err)
		}
		if f.synced != len(f.data) {
			t.Errorf("stop %d is not synced", n)
		}
		ends = append(ends, len(f.data))
	}
	if err := w.Notes([]view.Note{{Stop: 2, Text: "here"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Questions(asked); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !f.closed {
		t.Fatal(err)
	}
	return f.data, ends
}

// asked is what was asked about in the recording that is written.
var asked = []view.Question{{Stop: 3, Word: "the word at 1000 of task 1", Steps: []view.Origin{
	{Position: 1<<63 + 1, Stop: 2, Phase: "restore", Word: "the word at 1000 of task 1", Old: 1, New: 1<<64 - 1, Thread: "ep (thread 52)", Sure: true, End: view.EndComputed, Text: "computed: by add",
		Place: view.Place{Addr: 0x1000, Component: "core", Function: "f", File: "f.cc", Line: 7}, Frames: []view.Frame{{Place: view.Place{Function: "f"}}}}}}}

func TestReadsWhatWasWritten(t *testing.T) {
	data, _ := written(t)
	r, err := Read("x.thaw", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Records()) != 3 || r.Damage() != "" || len(r.pages) != 4 || r.Target() != "somewhere" || r.Scenario().Name != scenarios.Default {
		t.Errorf("%d stops, %d pages, damage %q, of %s", len(r.Records()), len(r.pages), r.Damage(), r.Target())
	}
	if n := r.Notes(); len(n) != 1 || n[0] != (view.Note{Stop: 2, Text: "here"}) {
		t.Errorf("notes %v", n)
	}
	if d := cmp.Diff(asked, r.Questions()); d != "" {
		t.Errorf("origins (-written +read):\n%s", d)
	}
	for i, s := range r.Records() {
		if v := s.CPUs[0].Registers[0].Value; v != 1<<63+uint64(i)+1 {
			t.Errorf("stop %d: rip %#x lost bits", s.Number, v)
		}
		buf := make([]byte, 0x1800)
		q := []memory.Request{{Addr: 0x1800, Buf: buf}, {Addr: 0x3ff0, Buf: make([]byte, 32)}}
		if err := r.Memory(i).ReadPhysical(q); err != nil || q[0].Err != nil {
			t.Fatal(err, q[0].Err)
		}
		if buf[0] != byte(i+1) || buf[0x7ff] != byte(i+1) || buf[0x800] != 7 || buf[0x17ff] != 7 {
			t.Errorf("stop %d: memory of other pages", s.Number)
		}
		if !errors.Is(q[1].Err, memory.ErrNotRecorded) {
			t.Errorf("a page that was not recorded: %v", q[1].Err)
		}
	}
}

// Wherever a file ends, it opens up to its last whole stop and says so.
func TestCutAnywhere(t *testing.T) {
	data, ends := written(t)
	for n := 0; n < len(data); n += 3 {
		want := 0
		for _, end := range ends {
			if n >= end {
				want++
			}
		}
		r, err := Read("x.thaw", bytes.NewReader(data[:n]))
		switch {
		case err != nil && want > 0:
			t.Fatalf("cut at %d of %d: %v", n, len(data), err)
		case err != nil:
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "x.thaw: ") {
				t.Fatalf("cut at %d: %q", n, err)
			}
		case len(r.Records()) != want || r.Damage() == "":
			t.Fatalf("cut at %d: %d stops, want %d; damage %q", n, len(r.Records()), want, r.Damage())
		}
	}
}

// A byte that changed is noticed, wherever it is; what comes before stays.
func TestChangedByte(t *testing.T) {
	data, ends := written(t)
	for n := headerSize; n < len(data); n += 5 {
		bad := bytes.Clone(data)
		bad[n] ^= 0x40
		r, err := Read("x.thaw", bytes.NewReader(bad))
		if err != nil {
			if n > ends[0] {
				t.Fatalf("byte %d changed: %v", n, err)
			}
			continue
		}
		if r.Damage() == "" {
			t.Fatalf("byte %d changed: nobody noticed", n)
		}
		for i, end := range ends {
			if n >= end && len(r.Records()) <= i {
				t.Fatalf("byte %d changed: stop %d is gone, too", n, i+1)
			}
		}
	}
}

// encoder is one for all: to make one takes longer than what it does here.
var encoder = sync.OnceValues(func() (*zstd.Encoder, error) { return zstd.NewWriter(nil) })

// appended is a recording with another record.
func appended(t testing.TB, data []byte, typ string, raw []byte) []byte {
	t.Helper()
	enc, err := encoder()
	if err != nil {
		t.Fatal(err)
	}
	out, err := appendRecord(bytes.Clone(data), enc, typ, raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestHostileFiles(t *testing.T) {
	whole, ends := written(t)
	data := whole[:ends[2]]
	stop := func(change func(m map[string]any)) []byte {
		raw, err := json.Marshal(stop{StopRecord: record(4)})
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if raw, err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	huge := bytes.Clone(data)
	huge = append(huge, typeStop...)
	huge = binary.LittleEndian.AppendUint32(huge, 1<<31)
	huge = binary.LittleEndian.AppendUint32(huge, 1<<31)
	huge = append(huge, 0, 0, 0, 0)
	bomb := appended(t, data, typeLog, append(append([]byte(`["`), bytes.Repeat([]byte{'a'}, maxRecord-4)...), `"]`...))
	for range 3 {
		bomb = append(bomb, bomb[len(data):]...)
	}
	wrongSize := appended(t, data, typeLog, []byte(`["a"]`))
	tail := wrongSize[len(data):]
	binary.LittleEndian.PutUint32(tail[8:], 6)
	binary.LittleEndian.PutUint32(tail[12:], checksum(tail))
	var wrongPage []byte
	sum := sha256.Sum256([]byte("another"))
	wrongPage = append(append(wrongPage, sum[:]...), make([]byte, session.PageSize)...)
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"page that is not there": {appended(t, data, typeStop, stop(func(m map[string]any) { m["pages"] = [][2]int{{1, 99}} })), "page 99 of 4"},
		"no processor":           {appended(t, data, typeStop, stop(func(m map[string]any) { m["cpus"] = nil })), "no processor"},
		"other processor":        {appended(t, data, typeStop, stop(func(m map[string]any) { m["cpu"] = 7 })), "processor 7 of 1"},
		"null":                   {appended(t, data, typeStop, []byte("null")), ""},
		"not JSON":               {appended(t, data, typeStop, []byte("{")), "a STOP record"},
		"wrong hash":             {appended(t, data, typePages, wrongPage), "not what its hash says"},
		"odd pages":              {appended(t, data, typePages, []byte("abc")), "3 bytes"},
		"second META":            {appended(t, data, typeMeta, []byte("{}")), "second META"},
		"empty SYMS":             {appended(t, data, typeSyms, []byte("{}")), "is empty"},
		"too long":               {huge, "are the most"},
		"bomb":                   {bomb, "bytes of text"},
		"wrong size":             {wrongSize, "unpacks to 5 bytes, not to 6"},
	} {
		r, err := Read("x.thaw", bytes.NewReader(c.data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Records()) != 3 || !strings.Contains(r.Damage(), c.says) || r.Damage() == "" {
			t.Errorf("%s: %d stops, damage %q, want %q", name, len(r.Records()), r.Damage(), c.says)
		}
	}
}

// Types that are not known are skipped: a later minor version may add some.
func TestUnknownRecords(t *testing.T) {
	whole, ends := written(t)
	r, err := Read("x.thaw", bytes.NewReader(append(appended(t, whole[:ends[1]], "NEWS", []byte("later")), whole[ends[1]:]...)))
	if err != nil || len(r.Records()) != 3 || r.Damage() != "" {
		t.Errorf("%v; %+v", err, r)
	}
}

func TestForeignFiles(t *testing.T) {
	data, _ := written(t)
	later := bytes.Clone(data)
	binary.LittleEndian.PutUint16(later[8:], Major+1)
	minor := bytes.Clone(data)
	binary.LittleEndian.PutUint16(minor[10:], Minor+3)
	if _, err := Read("x.thaw", bytes.NewReader(minor)); err != nil {
		t.Errorf("a later minor version: %v", err)
	}
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"empty":         {nil, "not a thaw recording"},
		"text":          {[]byte("hello, this is no recording at all"), "not a thaw recording"},
		"converted":     {bytes.Replace(data, []byte("\r\n"), []byte("\n"), 1), "not a thaw recording"},
		"later version": {later, "format 2, and this thaw reads format 1"},
		"header only":   {data[:headerSize], "ended in order"},
	} {
		_, err := Read("x.thaw", bytes.NewReader(c.data))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
}

// A disk that runs full costs the stop that did not fit, nothing before it.
func TestDiskFull(t *testing.T) {
	data, ends := written(t)
	for room := ends[0]; room < len(data); room += 37 {
		f := &memFile{room: room}
		w, err := newWriter("x.thaw", f, About{By: "test", Target: "somewhere", Scenario: small(t)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for n := 1; n <= 3 && failed == nil; n++ {
			failed = w.Stop(record(n), []session.Page{page(0x1000, byte(n)), page(0x2000, 7), page(0x3000, 0)})
		}
		if failed == nil {
			continue // only the end did not fit
		}
		_, stops := w.Size()
		r, err := Read("x.thaw", bytes.NewReader(f.data))
		if err != nil || len(r.Records()) != stops || !strings.Contains(failed.Error(), "no space left") {
			t.Fatalf("room for %d bytes: %v; %d stops said, %v", room, err, stops, failed)
		}
		if strings.Contains(r.Damage(), "damaged") {
			t.Fatalf("room for %d bytes: what was half written stays: %s", room, r.Damage())
		}
		var waiting *session.WaitingError
		if !errors.As(failed, &waiting) || waiting.Stops != 1 {
			t.Fatalf("room for %d bytes: %v", room, failed)
		}
		// Space was made: it goes on, with the stop that waited.
		f.room = -1
		if err := w.Stop(record(stops+2), []session.Page{page(0x1000, byte(stops+1)), page(0x9000, 9)}); err != nil {
			t.Fatal(err)
		}
		if r, err = Read("x.thaw", bytes.NewReader(f.data)); err != nil || len(r.Records()) != stops+2 {
			t.Fatalf("after space was made: %v, %s", err, r.Damage())
		}
		q := []memory.Request{{Addr: 0x1000, Buf: make([]byte, 4)}}
		if r.Memory(stops + 1).ReadPhysical(q); q[0].Err != nil || q[0].Buf[0] != byte(stops+1) {
			t.Fatalf("after space was made: %v, %v", q[0].Err, q[0].Buf)
		}
	}
}

// Another file takes over what the first one holds and what waits in memory.
func TestMove(t *testing.T) {
	f := &memFile{room: -1}
	w, err := newWriter("x.thaw", f, About{By: "test", Target: "somewhere", Scenario: small(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Stop(record(1), []session.Page{page(0x1000, 1)}); err != nil {
		t.Fatal(err)
	}
	f.room = 10
	for n := 2; n <= 3; n++ {
		if err := w.Stop(record(n), []session.Page{page(0x1000, byte(n))}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d stop", n-1)) {
			t.Errorf("stop %d: %v", n, err)
		}
	}
	dir := t.TempDir()
	if err := w.Move(filepath.Join(dir, "none", "y.thaw")); err == nil {
		t.Error("it went on nowhere")
	}
	path := filepath.Join(dir, "y.thaw")
	if err := w.Move(path); err != nil {
		t.Fatal(err)
	}
	if size, stops := w.Size(); stops != 3 || w.Path() != path || size < 100 || !f.closed {
		t.Errorf("%d stops in %d bytes of %s", stops, size, w.Path())
	}
	if err := errors.Join(w.Stop(record(4), []session.Page{page(0x1000, 4)}), w.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil || len(r.Records()) != 4 || r.Damage() != "" {
		t.Fatalf("%v, %v", err, r)
	}
	if r, err = Read("x.thaw", bytes.NewReader(f.data)); err != nil || len(r.Records()) != 1 || strings.Contains(r.Damage(), "damaged") {
		t.Errorf("the first file: %v", err)
	}
}

func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.thaw")
	about := About{Scenario: small(t)}
	w, err := Create(path, false, about, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, false, about, nil); err == nil || !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Error("the file that was there is not what it was")
	}
	old := filepath.Join(t.TempDir(), "old.thaw")
	if err := os.WriteFile(old, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err = Create(old, true, about, nil); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := Create(filepath.Join(t.TempDir(), "no", "dir"), false, about, nil); err == nil {
		t.Error("a recording in a folder that is not there")
	}
}

func FuzzRead(f *testing.F) {
	data, ends := written(f)
	f.Add(data)
	f.Add(data[:ends[0]])
	f.Add(data[:headerSize])
	f.Add(data[:headerSize+7])
	f.Add([]byte{})
	f.Add(append([]byte("x"), data...))
	for at, b := range map[int]byte{8: Major + 1, 10: 0, headerSize + 3: 'x', headerSize + 7: 0x80, headerSize + 4: 0xff, headerSize + recordHeaderSize + 9: 'x'} {
		bad := bytes.Clone(data)
		bad[at] = b
		f.Add(bad)
	}
	known := append([]byte{}, data[:ends[2]]...) // a mask, a page and a stop that knows some bytes of it
	for _, r := range oddRecords(f) {
		f.Add(appended(f, appended(f, data[:ends[2]], r[0], []byte(r[1])), r[0], []byte(r[1])))
	}
	known = appended(f, known, typeMasks, bytes.Repeat([]byte{0xff, 0}, len(memory.Mask{})/2))
	known = appended(f, known, typeStop, []byte(`{"number":4,"evidence":{},"cpus":[{}],"pages":[[1,1],[2,0]],"known":[1,1]}`))
	f.Add(bytes.Clone(known))
	known[10] = 0 // the format that has no masks
	f.Add(known)
	f.Add(appended(f, data[:headerSize], typeMeta, []byte(`{`)))
	f.Add(appended(f, data[:headerSize], typeMeta, []byte(`{"scenario":"name: ["}`)))
	f.Add(appended(f, data[:headerSize], typeDone, nil))
	f.Add(appended(f, data[:ends[1]], typeAsked, []byte(`[{"steps":[`+strings.Repeat("{},", 1<<19)+"{}]}]"))) // more than fits
	f.Add(appended(f, data[:ends[1]], typeSyms, []byte(`{"component":"kernel","extract":{"file":"k","machine":62,"ptrSize":8,"types":[{"kind":2,"name":"T","elem":-1}],"named":{"T":0}}}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read("x.thaw", bytes.NewReader(data))
		if err != nil {
			return
		}
		for i := range r.Records() {
			r.Pages(i)
			q := []memory.Request{{Addr: 0x1000, Buf: make([]byte, 64)}, {Addr: 0x7000, Buf: make([]byte, 1)}}
			r.Memory(i).ReadPhysical(q)
			r.Modelled(i).ReadPhysical(q)
			if !r.SamePage(i, i, 0x1000) {
				t.Fatalf("a page of record %d is not like itself", i)
			}
		}
		for _, c := range r.Components() {
			if p, ok := r.Program(c).(*debuginfo.Program); ok {
				if typ, err := p.Type("T"); err == nil {
					typ.FieldPath("a.b")
					typ.BaseOffset("B")
				}
			}
		}
	})
}

// Pages that were looked at after a stop belong to it; those of a record that is not there are damage.
func TestMore(t *testing.T) {
	f := &memFile{room: -1}
	w, err := newWriter("x.thaw", f, About{By: "test", Scenario: small(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	some := &memory.Mask{}
	some.Set(8, 16)
	partly := page(0x1000, 0)
	partly.Known = some
	for i, pages := range [][]session.Page{{partly, page(0x2000, 3)}, {page(0x2000, 4)}} {
		if err := w.Stop(record(i+1), pages); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.More(1, []session.Page{page(0x1000, 7), page(0x3000, 9)}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Read("x.thaw", bytes.NewReader(f.data))
	if err != nil || r.Damage() != "" {
		t.Fatal(err, r.Damage())
	}
	for i, want := range []int{3, 1} {
		if got := r.Pages(i); len(got) != want {
			t.Errorf("record %d has %d pages, want %d", i, len(got), want)
		}
	}
	if p := r.Pages(0)[0]; p.Known != nil || p.Data[0] != page(0x1000, 7).Data[0] {
		t.Errorf("the page that was known in part: %v, %d", p.Known, p.Data[0])
	}
	for text, raw := range map[string]string{"record 3 of 2": `{"record":3}`, "record 0 of 2": `{}`, "page 99": `{"record":1,"pages":[[1,99]]}`} {
		if r, err = Read("x.thaw", bytes.NewReader(appended(t, f.data, typeMore, []byte(raw)))); err != nil || !strings.Contains(r.Damage(), text) {
			t.Errorf("%v, damage %q, want %s", err, r.Damage(), text)
		}
	}
}
