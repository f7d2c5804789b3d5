package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"thaw/session/view"
)

// What docs/recording.md says that a hostile file costs at most, and what a test
// grants a child that opens one.
const (
	mostResident = 700 << 20
	mostVirtual  = 3 << 20 // KiB, for ulimit: much of it is only reserved
	mostTime     = 60      // seconds of processor time, for ulimit, for all of them
)

// TestOpenBombs is the child: it opens all files of a folder as the debugger does.
func TestOpenBombs(t *testing.T) {
	dir := os.Getenv("THAW_TEST_BOMBS")
	if dir == "" {
		t.Skip("it is started by TestBombs")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".thaw")
		if rec, err := Open(file); err != nil {
			fmt.Printf("<%s> told: %v\n", name, err)
		} else {
			fmt.Printf("<%s> %d views, damage: %s\n", name, replay(t, rec, 1), rec.Damage())
		}
	}
	fmt.Println("resident:", resident(t))
}

// resident is the most memory that this process had so far, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var kib int64
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// repeated is a JSON list of a record's size.
func repeated(elem string) string {
	return "[" + strings.Repeat(elem+",", (maxRecord-4096)/(len(elem)+1)) + elem + "]"
}

// bombs are files that mean harm, in a folder.
type bombs struct {
	t    *testing.T
	dir  string
	enc  *zstd.Encoder
	says map[string]string // what is said about each, a part of it
}

// add adds a recording that goes on with a record.
func (b *bombs) add(name, says string, data []byte, typ string, raw []byte) {
	b.t.Helper()
	data, err := appendRecord(bytes.Clone(data), b.enc, typ, raw)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, name+".thaw"), data, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.says[name] = says
}

// Whatever a file repeats, it is refused before it has taken much memory or time.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes large files")
	}
	whole, ends := written(t)
	data := whole[:ends[2]]
	stop := func(members string) []byte {
		return []byte(`{"number":4,"cpus":[{"registers":[{"name":"rip","value":1}]}],"evidence":{},` + members + `}`)
	}
	evidence := func(members string) []byte { return []byte(`{"number":4,"cpus":[{}],"evidence":{` + members + `}}`) }
	symbols := func(members string) []byte {
		return []byte(`{"component":"kernel","extract":{"ptrSize":8,` + members + `}}`)
	}
	var keys strings.Builder
	for i := range 1 << 20 {
		fmt.Fprintf(&keys, `"%d":{},`, i)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	b := &bombs{t, t.TempDir(), enc, map[string]string{}}
	type bomb struct {
		typ string
		raw func() []byte // made as it is needed: all together are large
	}
	for name, c := range map[string]bomb{
		"writes":           {typeStop, func() []byte { return evidence(`"Threads":[{"Requests":[{}],"Writes":` + repeated("{}") + `}]`) }},
		"requests":         {typeStop, func() []byte { return evidence(`"Threads":[{"Requests":` + repeated("{}") + `}]`) }},
		"another spelling": {typeStop, func() []byte { return evidence(`"\u0054HREADS":[{"rEQUESTS":` + repeated("{}") + `}]`) }},
		"threads":          {typeStop, func() []byte { return evidence(`"Threads":` + repeated("{}")) }},
		"stored":           {typeStop, func() []byte { return evidence(`"Stored":` + repeated("{}")) }},
		"waits":            {typeStop, func() []byte { return evidence(`"Waits":` + repeated("{}")) }},
		"differing pages":  {typeStop, func() []byte { return evidence(`"Memory":{"pages":` + repeated("{}") + `}`) }},
		"operations": {typeStop, func() []byte {
			return evidence(`"Operations":{` + keys.String() + `"1":` + "[" + strings.Repeat("{},", 2<<20) + "{}]}")
		}},
		"frames":      {typeStop, func() []byte { return stop(`"frames":` + repeated("{}")) }},
		"breakpoints": {typeStop, func() []byte { return stop(`"breakpoints":` + repeated("{}")) }},
		"phases":      {typeStop, func() []byte { return stop(`"phases":` + repeated("{}")) }},
		"processors":  {typeStop, func() []byte { return []byte(`{"number":4,"evidence":{},"cpus":` + repeated("{}") + `}`) }},
		"registers": {typeStop, func() []byte {
			return []byte(`{"number":4,"evidence":{},"cpus":[{"registers":` + repeated("{}") + `}]}`)
		}},
		"pages of a stop": {typeStop, func() []byte { return stop(`"pages":` + repeated("[]")) }},
		"LOG of a stop":   {typeStop, func() []byte { return stop(`"log":` + repeated(`""`)) }},
		"types":           {typeSyms, func() []byte { return symbols(`"types":` + repeated("{}")) }},
		"fields":          {typeSyms, func() []byte { return symbols(`"types":[{"fields":` + repeated("{}") + `}]`) }},
		"enumerators":     {typeSyms, func() []byte { return symbols(`"types":[{"values":` + repeated("{}") + `}]`) }},
		"functions":       {typeSyms, func() []byte { return symbols(`"functions":{` + keys.String() + `"0":{}}`) }},
		"notes":           {typeNotes, func() []byte { return []byte(repeated("{}")) }},
		"LOG":             {typeLog, func() []byte { return []byte(repeated(`""`)) }},
		"nested":          {typeNotes, func() []byte { return []byte(strings.Repeat("[", maxRecord-10)) }},
		"unknown":         {typeStop, func() []byte { return stop(`"new":` + repeated("{}")) }},
	} {
		says := "MiB of memory"
		switch name {
		case "unknown":
			says = "not ended in order"
		case "nested":
			says = "max depth"
		}
		b.add(name, says, data, c.typ, c.raw())
	}
	b.add("as much as is taken", "damage: it was not ended in order", data, typeNotes, []byte("["+strings.Repeat("{},", 2_500_000)+"{}]"))
	b.cutLog()
	for name, text := range map[string]string{
		"brackets": "phases: " + strings.Repeat("[", 200_000), "braces": strings.Repeat("{a: ", 50_000), "entries": "phases: \n" + strings.Repeat("- ", 100_000),
		"keys": strings.Repeat("? ", 100_000), "phases": "phases: " + strings.Repeat("[{phases: ", 20_000), "closed": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"aliases": "a: &a []\n" + strings.Repeat("b: [*a, *a, *a]\n", 1000), "many": strings.Repeat("- a\n", 60_000),
	} {
		raw, err := json.Marshal(metadata{Scenario: text})
		if err != nil {
			t.Fatal(err)
		}
		b.add("scenario of "+name, "told: ", header(), typeMeta, raw)
	}
	b.open()
}

// cutLog is a recording that goes on with 1.5 million empty lines, of which 500
// stops keep all.
func (b *bombs) cutLog() {
	const lines = 1_500_000
	rec := wholeRecording(b.t)
	data, err := os.ReadFile(filepath.Join("..", "scenarios", "recordings", "overwritten.thaw"))
	if err != nil {
		b.t.Fatal(err)
	}
	data = data[:bytes.LastIndex(data, []byte(typeDone))]
	var all stop
	s := *rec.records[len(rec.records)-1]
	all.StopRecord = &s
	for n, ref := range rec.maps[len(rec.records)-1] {
		all.Pages, all.Known = append(all.Pages, [2]uint64{n, ref.page}), append(all.Known, ref.mask)
	}
	s.Log = make([]string, lines)
	for range 500 {
		s.Number++
		raw, err := json.Marshal(all)
		if err != nil {
			b.t.Fatal(err)
		}
		if data, err = appendRecord(data, b.enc, typeStop, raw); err != nil {
			b.t.Fatal(err)
		}
		s.Log, s.LogCut, s.LogKept = nil, true, lines
	}
	b.add("LOG that is cut", "2 views, damage: it was not ended", data, typeNotes, []byte("[]"))
}

// open has a child open all files, under limits.
func (b *bombs) open() {
	t := b.t
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute) // of a machine that has other work, too
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -v %d && ulimit -t %d && exec "$0" -test.run='^TestOpenBombs$'`, mostVirtual, mostTime), os.Args[0])
	cmd.Env = append(os.Environ(), "THAW_TEST_BOMBS="+b.dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("opening %d files: %v\n%.4000s", len(b.says), err, out.String())
	}
	for name, says := range b.says {
		_, line, _ := strings.Cut(out.String(), "<"+name+"> ")
		if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, says) {
			t.Errorf("%s: want %q, got %.300q", name, says, line)
		}
	}
	var used int64
	_, rest, _ := strings.Cut(out.String(), "resident: ")
	if _, err := fmt.Sscan(rest, &used); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	t.Logf("%d files: %d MiB, %v of processor time", len(b.says), used>>20, cmd.ProcessState.UserTime())
	if used > mostResident {
		t.Errorf("the files take %d MiB", used>>20)
	}
}

// A measure is what decoding takes, roughly and never much less.
func TestMeasure(t *testing.T) {
	var b budget
	var s stop
	raw := []byte(`{"number":1,"cpus":[{"registers":[{"name":"rip","value":1},{"name":"rsp","value":2}]}],"pages":[[1,2],[3,4]],"log":["one","two \" three"]}`)
	if err := b.decode(raw, &s, 1); err != nil || s.StopRecord == nil || len(s.Pages) != 2 || s.Log[1] != `two " three` {
		t.Fatalf("%v, %+v", err, s)
	}
	if b.spent < 300 || b.spent > 4096 {
		t.Errorf("a small stop takes %d bytes", b.spent)
	}
	before := b.spent
	var notes []view.Note
	if err := b.decode([]byte(` [ {"stop" : 1 , "text":"a"} , null,[ 1,2 ],{"stop":{"x":[{}]}} ] `), &notes, 2); err == nil {
		t.Error("a list is no note")
	}
	if err := b.decode([]byte(`[{]`), &notes, 1); err == nil || b.spent < before {
		t.Errorf("what is no JSON: %v", err)
	}
	if err := b.decode([]byte(repeated("{}")), &notes, 1); err == nil || !strings.Contains(err.Error(), "MiB of memory") {
		t.Errorf("ten million notes: %v", err)
	}
}

// A measure knows what each member of a record takes: none is for values of any type.
func TestMeasuredTypes(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			walk(typ.Elem(), path)
		case reflect.Map:
			walk(typ.Elem(), path+".*")
		case reflect.Struct:
			for _, f := range reflect.VisibleFields(typ) {
				if f.IsExported() && f.Tag.Get("json") != "-" {
					walk(f.Type, path+"."+f.Name)
				}
			}
		case reflect.Interface:
			t.Errorf("%s is a %s: measure would take it for nothing", path, typ)
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[metadata](), reflect.TypeFor[symbols](), reflect.TypeFor[stop](), reflect.TypeFor[more](), reflect.TypeFor[[]view.Note](), reflect.TypeFor[[]view.Question](),
	} {
		walk(typ, typ.String())
	}
	if len(seen) < 20 {
		t.Errorf("only %d types are measured", len(seen))
	}
}
