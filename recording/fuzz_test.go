package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel/kernels"
	"thaw/memory"
	"thaw/session"
)

// whole is a recording with everything in it: requests, writes, a capability
// diff, memory, notes.
var whole = sync.OnceValues(func() (*Recording, error) {
	return Open(filepath.Join("..", "scenarios", "recordings", "overwritten.thaw"))
})

func wholeRecording(t testing.TB) *Recording {
	t.Helper()
	r, err := whole()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// replay makes a recording answer as the debugger does, and looks at its stops.
// Of what is wrong with it an error tells, in one sentence.
func replay(t testing.TB, rec *Recording, stops ...int) (views int) {
	t.Helper()
	told := func(err error) bool {
		if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "runtime error")) {
			t.Errorf("not one sentence: %q", err)
		}
		return err != nil
	}
	symbols, core, err := rec.Kernel()
	if told(err) {
		return 0
	}
	decoder, paging, err := kernels.Open(symbols, core)
	if told(err) {
		return 0
	}
	r, err := session.NewReplay(rec, decoder, paging)
	if told(err) {
		return 0
	}
	for _, n := range append(stops, r.Stops()) {
		if v, err := r.View(n); !told(err) && (v.Snapshot == nil || v.Snapshot.System == nil) {
			t.Errorf("stop %d is a view of nothing", n)
		} else if err == nil {
			views++
		}
	}
	return views
}

// with is a copy of a recording, in which one stop is what raw says. A stop
// without pages keeps those that it had.
func (r *Recording) with(n int, raw []byte) (*Recording, error) {
	c := *r
	c.records, c.maps = slices.Clone(r.records[:n]), slices.Clone(r.maps[:n])
	if err := (&reader{rec: &c}).take(typeStop, raw); err != nil {
		return nil, err
	}
	if len(c.maps[n]) == 0 {
		c.maps[n] = r.maps[n]
	}
	return &c, nil
}

// marshalled is a stop as it stands in a file.
func marshalled(f *testing.F, s session.StopRecord) []byte {
	s.Log = nil
	raw, err := json.Marshal(stop{StopRecord: &s})
	if err != nil {
		f.Fatal(err)
	}
	return raw
}

// FuzzStop replays a recording that comes with thaw, by its number, whose last stop is
// any JSON.
func FuzzStop(f *testing.F) {
	recs := []*Recording{wholeRecording(f)}
	names := []string{"missing-caps", "missing-thread", "blocked-receive", "hw-running", "nova-refused", "partial-registers", "wrong-thread", "irq-for-gate", "exregs-in-exception", "stale-page", "sel4-empty", "state-running"}
	for i, name := range names {
		rec, err := Open(filepath.Join("..", "scenarios", "recordings", name+".thaw"))
		if err != nil {
			f.Fatal(err)
		}
		recs = append(recs, rec)
		f.Add(uint8(i+1), marshalled(f, *rec.records[len(rec.records)-1]))
		f.Add(uint8(i+1), []byte(`{"number":`+strconv.Itoa(rec.records[len(rec.records)-1].Number)+`,"cpus":[{}],"evidence":{"Format":0}}`))
	}
	rec := recs[0]
	last := len(rec.records) - 1
	if replay(f, rec, 1) != 2 {
		f.Fatal("the recording does not replay as it is")
	}
	for _, change := range []func(m map[string]any){
		func(map[string]any) {},
		func(m map[string]any) { m["before"], m["after"] = 0, 0 },
		func(m map[string]any) { m["before"], m["after"] = last+1, last+1 },
		func(m map[string]any) { m["before"], m["after"] = 1, last+2 },
		func(m map[string]any) { m["number"] = -1 },
		func(m map[string]any) { m["aside"] = true },
		func(m map[string]any) { m["cpus"] = []any{map[string]any{}} },
		func(m map[string]any) { delete(m, "evidence") },
		inEvidence(func(e map[string]any) { clear(e) }),
		inEvidence(func(e map[string]any) { e["Threads"] = []any{nil} }),
		inEvidence(func(e map[string]any) { e["Threads"] = append(e["Threads"].([]any), map[string]any{"Requests": nil}) }),
		inEvidence(func(e map[string]any) { eachThread(e, func(t map[string]any) { t["Writes"], t["Entered"] = nil, nil }) }),
		inEvidence(func(e map[string]any) {
			eachThread(e, func(t map[string]any) { t["ID"], t["Block"], t["Task"] = 0, 0, 0 })
		}),
		inEvidence(func(e map[string]any) {
			eachThread(e, func(t map[string]any) {
				for _, q := range t["Requests"].([]any) {
					clear(q.(map[string]any))
				}
			})
		}),
		inEvidence(func(e map[string]any) { e["Stored"], e["Operations"] = nil, nil }),
		inEvidence(func(e map[string]any) {
			e["Stored"] = []any{map[string]any{"Name": "ep"}, map[string]any{"Name": "ep"}}
		}),
		inEvidence(func(e map[string]any) { e["Format"] = "new" }),
		inEvidence(func(e map[string]any) { e["Format"] = 0 }),
		inEvidence(func(e map[string]any) { e["Format"], e["Threads"] = 0, []any{map[string]any{"Requests": 1}} }),
		inEvidence(func(e map[string]any) { e["Format"] = 1000 }),
		inEvidence(func(e map[string]any) { e["Complete"], e["Finished"], e["Original"] = false, true, 1<<32 }),
	} {
		m := map[string]any{}
		d := json.NewDecoder(bytes.NewReader(marshalled(f, *rec.records[last])))
		d.UseNumber() // addresses have 64 bits
		if err := d.Decode(&m); err != nil {
			f.Fatal(err)
		}
		change(m)
		raw, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(0), raw)
	}
	for _, r := range oddRecords(f) {
		if r[0] == typeStop {
			f.Add(uint8(0), []byte(r[1]))
		}
	}
	for _, s := range stopSeeds(f, rec, slices.Concat(pending, returned, missing)...) {
		f.Add(uint8(0), marshalled(f, *s))
	}
	hw := slices.Index(names, "hw-running") + 1
	for _, s := range stopSeeds(f, recs[hw], pending...) {
		f.Add(uint8(hw), marshalled(f, *s))
	}
	s := *rec.records[last]
	eachValue(reflect.ValueOf(&s.Evidence).Elem(), "", map[string]bool{}, func() { f.Add(uint8(0), marshalled(f, s)) })
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		rec := recs[int(which)%len(recs)]
		bad, err := rec.with(len(rec.records)-1, raw)
		if err != nil {
			return
		}
		replay(t, bad)
	})
}

// eachValue changes each text, number and truth that v is made of, one at a time: of the
// elements of a list those that come first. It is put back when done has been called.
func eachValue(v reflect.Value, path string, seen map[string]bool, done func()) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachValue(v.Elem(), path, seen, done)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if sf := v.Type().Field(i); sf.IsExported() && sf.Tag.Get("json") != "-" {
				eachValue(v.Field(i), path+"."+sf.Name, seen, done)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachValue(v.Index(i), path, seen, done)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if e := v.MapIndex(key); e.Kind() == reflect.Slice {
				eachValue(e, path, seen, done)
			}
		}
	default:
		if seen[path] || !v.CanSet() {
			return
		}
		seen[path] = true
		old := reflect.ValueOf(v.Interface())
		switch {
		case v.Kind() == reflect.Bool:
			v.SetBool(!v.Bool())
		case v.CanInt():
			v.SetInt(v.Int() ^ 1<<20)
		case v.CanUint():
			v.SetUint(v.Uint() ^ 1)
		case v.Kind() == reflect.String:
			v.SetString("x")
		}
		done()
		v.Set(old)
	}
}

func inEvidence(change func(e map[string]any)) func(map[string]any) {
	return func(m map[string]any) { change(m["evidence"].(map[string]any)) }
}

func eachThread(e map[string]any, do func(t map[string]any)) {
	for _, t := range e["Threads"].([]any) {
		do(t.(map[string]any))
	}
}

// FuzzSymbols replays a recording in whose debug info numbers are others: sizes
// and offsets of types, what they refer to, enumerators, addresses; and names are
// missing. The first byte says of which recording, then come the edits.
func FuzzSymbols(f *testing.F) {
	recs := []*Recording{wholeRecording(f)}
	for _, file := range []string{"rtcr-2016-arm.thaw"} {
		r, err := Open(filepath.Join("..", "scenarios", "recordings", file))
		if err != nil {
			f.Fatal(err)
		}
		recs = append(recs, r)
	}
	good := make([][]byte, len(recs))
	for i, rec := range recs {
		var err error
		if good[i], err = json.Marshal(rec.extracts[rec.Scenario().KernelName()]); err != nil {
			f.Fatal(err)
		}
		f.Add([]byte{byte(i)})
		x := rec.extracts[rec.Scenario().KernelName()]
		// Every name that is asked for is missing once, and of one kernel every member.
		for n := range uint16(len(x.Named) + len(x.Variables) + len(x.Enumerators)) {
			f.Add(appendEdit([]byte{byte(i)}, 8, n, 0, 0))
		}
		for _, name := range slices.Sorted(maps.Keys(x.Named)) {
			for part := range x.Types[x.Named[name]].Fields {
				if i > 0 {
					break
				}
				f.Add(appendEdit([]byte{byte(i)}, 9, uint16(x.Named[name]), uint16(part), 0))
			}
		}
		// Sizes of the frame, of a table's entry and of what a name takes, that do not fit.
		for _, name := range []string{"Entry_frame", "Obj::Entry", "Jdb_kobject_name", "Thread_state"} {
			for _, size := range []uint64{0, 1, 5000, 1 << 40} {
				f.Add(appendEdit([]byte{byte(i)}, 0, uint16(x.Named[name]), 0, size))
			}
			f.Add(appendEdit([]byte{byte(i)}, 10, uint16(x.Named[name]), 0, 0))
		}
	}
	// Members of the types that are asked for by name, out of their type.
	x := recs[0].extracts[recs[0].Scenario().KernelName()]
	for _, name := range []string{"Obj::Entry", "Kobject_dbg", "Jdb_kobject_name", "Thread", "Task", "Entry_frame"} {
		which, ok := x.Named[name]
		if !ok {
			f.Fatalf("%s is not in the recording", name)
		}
		for part := range x.Types[which].Fields {
			for _, v := range []uint64{4000, 1 << 40, 1<<64 - 8} {
				f.Add(appendEdit([]byte{0}, 3, uint16(which), uint16(part), v))
			}
		}
	}
	for what := range byte(8) {
		for _, v := range []uint64{0, 1, 1 << 31, 1<<63 - 1, 1 << 63, 1<<64 - 1, 4097} {
			data := []byte{0}
			for n := range uint16(40) {
				data = appendEdit(data, what, n*7, n, v)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		of := int(data[0]) % len(recs)
		data = data[1:]
		var x debuginfo.Extract
		if err := json.Unmarshal(good[of], &x); err != nil {
			t.Fatal(err)
		}
		for n := 0; len(data) >= editSize && n < 64; n++ {
			edit(&x, data)
			data = data[editSize:]
		}
		p, err := x.Use()
		if err != nil {
			return
		}
		bad := *recs[of]
		bad.programs = maps.Clone(bad.programs)
		bad.programs[bad.Scenario().KernelName()] = p
		replay(t, &bad, 1)
	})
}

// editSize is an edit in the input: what, which, which part of it, the number.
const editSize = 1 + 2 + 2 + 8

func appendEdit(data []byte, what byte, which, part uint16, v uint64) []byte {
	data = append(data, what)
	data = binary.LittleEndian.AppendUint16(data, which)
	data = binary.LittleEndian.AppendUint16(data, part)
	return binary.LittleEndian.AppendUint64(data, v)
}

// edit changes a number of an extract.
func edit(x *debuginfo.Extract, data []byte) {
	which, part, v := binary.LittleEndian.Uint16(data[1:]), binary.LittleEndian.Uint16(data[3:]), binary.LittleEndian.Uint64(data[5:])
	typ := &x.Types[int(which)%len(x.Types)]
	field := &debuginfo.ExtractField{}
	if len(typ.Fields) > 0 {
		field = &typ.Fields[int(part)%len(typ.Fields)]
	}
	switch data[0] % 11 {
	case 0:
		typ.Size = int64(v)
	case 1:
		typ.Count = int64(v)
	case 2:
		typ.Elem = int(v)
	case 3:
		field.Offset = int64(v)
	case 4:
		field.Type = int(v)
	case 5:
		if names := slices.Sorted(maps.Keys(x.Enumerators)); len(names) > 0 {
			x.Enumerators[names[int(which)%len(names)]] = int64(v)
		}
	case 6:
		if names := slices.Sorted(maps.Keys(x.Variables)); len(names) > 0 {
			name := names[int(which)%len(names)]
			variable := x.Variables[name]
			variable.Addr, variable.Type = v, int(part)
			x.Variables[name] = variable
		}
	case 7:
		x.PtrSize, typ.Kind = int(v%8)+1, debuginfo.Kind(part%32)
	case 8:
		names := slices.Concat(slices.Sorted(maps.Keys(x.Named)), slices.Sorted(maps.Keys(x.Variables)), slices.Sorted(maps.Keys(x.Enumerators)))
		if name := names[int(which)%len(names)]; len(names) > 1 {
			delete(x.Named, name)
			delete(x.Variables, name)
			delete(x.Enumerators, name)
		}
	case 9:
		field.Name = ""
	case 10:
		typ.Enumerators = nil
	}
}

// zeroPage is a page of zeros as it stands in a file.
func zeroPage() string {
	sum := sha256.Sum256(make([]byte, session.PageSize))
	return string(sum[:]) + string(make([]byte, session.PageSize))
}

// oddRecords are records that may stand behind a whole recording of three stops: every
// type, as it may be and as it may not.
func oddRecords(t testing.TB) (out [][2]string) {
	raw, err := json.Marshal(stop{StopRecord: record(2), pageList: pageList{Pages: [][2]uint64{{1, 1}, {2, 0}, {1 << 60, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	add := func(typ string, raws ...string) {
		for _, raw := range raws {
			out = append(out, [2]string{typ, raw})
		}
	}
	zeros := zeroPage()
	add(typePages, "", zeros, zeros+zeros, "abc", zeros[:len(zeros)-1]+"x")
	add(typeMasks, "", string(bytes.Repeat([]byte{0x55}, len(memory.Mask{}))), "abc")
	stopOf := func(members string) string { return `{"number":4,"evidence":{},` + members + `}` }
	add(typeStop, string(raw), "null", "{", `{"number":4}`, stopOf(`"cpus":[{}],"cpu":1`), stopOf(`"cpus":[{}],"cpu":-1`), stopOf(`"cpus":[{}],"pages":[[1,99]]`),
		stopOf(`"cpus":[{}],"pages":[[1,1],[2,0],[3,1]],"known":[0,0,0]`), stopOf(`"cpus":[{}],"pages":[[1,1]],"known":[0,1]`), stopOf(`"cpus":[{}],"pages":[[1,1]],"known":[9]`),
		stopOf(`"CPUS" : [ { "\u0052egisters":[{"\"":1,"name":"r\"ip" , "value":18446744073709551615}]} ],"new":{"a":[1,{},"b"]},"stacks":{"1":[{}],"x":[]},"pages":[]`))
	add(typeMore, `{"record":1,"pages":[[1,1]]}`, `{"record":4}`, `{}`, `{"record":1,"pages":[[1,99]]}`, `[]`)
	add(typeSyms, `{"component":"kernel","extract":{"ptrSize":8}}`, `{}`, `{"component":"kernel","extract":{"ptrSize":3}}`, `{"extract":7}`,
		`{"component":"kernel","extract":{"ptrSize":8,"enumerators":{"a":1},"types":[{"kind":2,"name":"T","elem":-1}],"named":{"T":0},"vtables":{"1":{}},"lines":{"4096":{}},"kept":{}}}`)
	add(typeNotes, `[{"stop":1,"text":"here"},{"stop":-1}]`, `{`, `{}`)
	add(typeAsked, `[{"stop":1,"steps":[{"frames":[{}]}]}]`, `[[]]`)
	add(typeLog, `["a",""]`, `[1]`)
	add(typeMeta, `{}`)
	add(typeDone, "")
	add("NEWS", "x")
	return out
}

// FuzzRecords reads whole files: a header, META, a stop, debug info, and any further
// record, with a checksum that is right, which finds so many bytes left of what a
// recording may take in memory.
func FuzzRecords(f *testing.F) {
	head := header()
	for _, r := range [][2]string{
		{typeMeta, `{"scenario":"{name: n, components: {kernel: {kernel: true, files: [k]}}}"}`}, // a small one: it is read each time
		{typeSyms, `{"component":"kernel","extract":{"ptrSize":8,"enumerators":{"b":2}}}`},
		{typePages, zeroPage()},
		{typeStop, `{"number":1,"evidence":{},"cpus":[{}],"pages":[[1,1],[2,0]]}`},
	} {
		head = appended(f, head, r[0], []byte(r[1]))
	}
	open := func(t testing.TB, typ string, payload []byte, room int64) (*reader, error) {
		r := newReader("x.thaw", bytes.NewReader(appended(t, head, typ, payload)))
		r.spent = maxMemory - room
		return r, r.read()
	}
	empty, err := open(f, typeDone, nil, maxMemory)
	if err != nil || empty.rec.damage != "" {
		f.Fatal(err, empty.rec.damage)
	}
	for _, rec := range oddRecords(f) {
		typ, payload := rec[0], []byte(rec[1])
		f.Add(typ, payload, uint32(1<<32-1))
		r, _ := open(f, typ, payload, maxMemory)
		takes := uint32(r.spent - empty.spent)
		for _, left := range []uint32{takes, takes - 1, takes / 2, 0} {
			if left < takes {
				f.Add(typ, payload, left)
			}
		}
	}
	f.Fuzz(func(t *testing.T, typ string, payload []byte, left uint32) {
		if len(typ) != 4 || len(payload) > 1<<16 {
			return
		}
		r, err := open(t, typ, payload, min(empty.spent+int64(left), maxMemory))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %q", err)
			}
			return
		}
		rec := r.rec
		if len(rec.Records()) == 0 || rec.Records()[0].Number != 1 {
			t.Fatalf("the stop before the %q record is gone: %s", typ, rec.Damage())
		}
		for i := range rec.Records() {
			rec.Pages(i)
		}
	})
}
