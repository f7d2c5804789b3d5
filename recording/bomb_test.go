package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"thaw/session"
)

// What docs/recording.md says that a hostile file costs at most, and what a test
// grants a child that opens one.
const (
	mostResident = 700 << 20
	mostVirtual  = 3 << 20 // KiB, for ulimit: much of it is only reserved
	mostTime     = 60 * time.Second
)

// TestOpenBomb is the child: it opens a file as the debugger does.
func TestOpenBomb(t *testing.T) {
	file := os.Getenv("THAW_TEST_BOMB")
	if file == "" {
		t.Skip("it is started by TestBombs")
	}
	defer func() { fmt.Println("resident:", resident(t)) }()
	rec, err := Open(file)
	if err != nil {
		fmt.Println("told:", err)
		return
	}
	fmt.Println("damage:", rec.Damage())
	fmt.Println(replay(t, rec, 1), "views")
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
		t.Run(name, func(t *testing.T) { open(t, appended(t, data, c.typ, c.raw())) })
	}
	t.Run("as much as is taken", func(t *testing.T) {
		raw := "[" + strings.Repeat("{},", 2_500_000) + "{}]"
		if out := open(t, appended(t, data, typeNotes, []byte(raw))); strings.Contains(out, "MiB of memory") {
			t.Errorf("it is refused: %s", out)
		}
	})
	t.Run("LOG that is cut", func(t *testing.T) {
		if out := open(t, cutLog(t)); !strings.Contains(out, "2 views") {
			t.Errorf("it does not replay: %s", out)
		}
	})
	for name, text := range map[string]string{
		"brackets": "phases: " + strings.Repeat("[", 200_000), "braces": strings.Repeat("{a: ", 50_000), "entries": "phases: \n" + strings.Repeat("- ", 100_000),
		"keys": strings.Repeat("? ", 100_000), "phases": "phases: " + strings.Repeat("[{phases: ", 20_000), "closed": strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"aliases": "a: &a []\n" + strings.Repeat("b: [*a, *a, *a]\n", 1000), "many": strings.Repeat("- a\n", 60_000),
	} {
		t.Run("scenario of "+name, func(t *testing.T) {
			raw, err := json.Marshal(metadata{Scenario: text})
			if err != nil {
				t.Fatal(err)
			}
			if out := open(t, appended(t, header(), typeMeta, raw)); !strings.Contains(out, "told: ") || !strings.Contains(out, "scenario of the recording") {
				t.Errorf("it is not told: %s", out)
			}
		})
	}
}

// cutLog is a recording that goes on with 1.5 million empty lines, of which 500
// stops keep all.
func cutLog(t *testing.T) []byte {
	const lines = 1_500_000
	rec := wholeRecording(t)
	data, err := os.ReadFile(filepath.Join("..", "scenarios", "recordings", "overwritten.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	data = data[:bytes.LastIndex(data, []byte(typeDone))]
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	s := *rec.records[len(rec.records)-1]
	var pages [][2]uint64
	for n, ref := range rec.maps[len(rec.records)-1] {
		pages = append(pages, [2]uint64{n, ref.page})
	}
	add := func() {
		s.Number++
		raw, err := json.Marshal(stop{StopRecord: &s, Pages: pages})
		if err != nil {
			t.Fatal(err)
		}
		if data, err = appendRecord(data, enc, typeStop, raw); err != nil {
			t.Fatal(err)
		}
	}
	s.Log = make([]string, lines)
	add()
	for s.Log, s.LogCut, s.LogKept = nil, true, lines; s.Number < 536; {
		add()
	}
	return data
}

// open has a child open a file, under limits, and gives what it says.
func open(t *testing.T, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bomb.thaw")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), mostTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf(`ulimit -v %d && exec "$0" -test.run='^TestOpenBomb$'`, mostVirtual), os.Args[0])
	cmd.Env = append(os.Environ(), "THAW_TEST_BOMB="+file)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("a file of %d bytes: %v after %v\n%.2000s", len(data), err, time.Since(begin), out.String())
	}
	var used int64
	_, rest, _ := strings.Cut(out.String(), "resident: ")
	if _, err := fmt.Sscan(rest, &used); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	t.Logf("%d bytes: %d MiB, %v of processor time: %.200s", len(data), used>>20, cmd.ProcessState.UserTime(), out.String())
	if used > mostResident {
		t.Errorf("a file of %d bytes takes %d MiB", len(data), used>>20)
	}
	return out.String()
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
	var notes []session.Note
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
