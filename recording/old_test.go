package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/kernel/kernels"
	"thaw/memory"
	"thaw/session"
	"thaw/session/view"
)

var update = flag.Bool("update", false, "write golden files anew")

// oldFiles are recordings of format 1.0: sparse ones, and one with whole pages.
var oldFiles = []string{"testdata/lab-1.0.thaw", "testdata/rtcr-1.0.thaw", "../kernel/foc/testdata/genode-16.08-arm.thaw"}

// openOld opens a recording and prepares its replay.
func openOld(t testing.TB, file string) (*Recording, *session.Replay) {
	t.Helper()
	rec, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := replayOf(t, rec)
	return rec, r
}

// replayOf prepares a recording's replay, and tells how its kernel is decoded.
func replayOf(t testing.TB, rec *Recording) (*session.Replay, kernel.Decoder) {
	t.Helper()
	symbols, core, err := rec.Kernel()
	if err != nil {
		t.Fatal(err)
	}
	decoder, paging, err := kernels.Open(symbols, core)
	if err != nil {
		t.Fatal(err)
	}
	r, err := session.NewReplay(rec, decoder, paging)
	if err != nil {
		t.Fatal(err)
	}
	return r, decoder
}

// told is what the model says of all stops of a recording, in short.
func told(t testing.TB, r *session.Replay) string {
	t.Helper()
	var b strings.Builder
	for n := 1; n <= r.Stops(); n++ {
		v, err := r.View(n)
		if err != nil {
			t.Fatal(err)
		}
		sys := v.Snapshot.System
		sum := crc32.NewIEEE()
		for _, o := range sys.Objects {
			fmt.Fprintln(sum, o.ID, o.Addr, o.Class, o.Name)
			if o.Thread != nil {
				fmt.Fprintln(sum, o.Thread.IP, o.Thread.SP, o.Thread.State, o.Thread.PD, o.Thread.Wait.For, o.Thread.Registers)
			}
			if o.PD != nil {
				fmt.Fprintln(sum, o.PD.Root, numbered(t, o.PD.Caps))
			}
		}
		fmt.Fprintf(&b, "stop %d: %d objects, %d capabilities, %d problems, %08x\n", n, len(sys.Objects), sys.Capabilities(), len(sys.AllProblems()), sum.Sum32())
		for _, verdict := range v.Verdicts {
			fmt.Fprintf(&b, "  %s %s %s\n", verdict.Thread, verdict.Name, verdict.Verdict)
		}
	}
	return b.String()
}

// numbered is a capability table as the model held it when these recordings were
// made, with rights and flags as numbers.
func numbered(t testing.TB, caps []kernel.Capability) (out []struct {
	Slot          uint64
	Object        kernel.ID
	Pointer       uint64
	Rights, Flags uint8
}) {
	t.Helper()
	for _, c := range caps {
		flags, err := strconv.ParseUint(c.More, 0, 8)
		rights := slices.Index([]string{"--", "-W", "S-", "SW"}, c.Rights)
		if err != nil || rights < 0 {
			t.Fatalf("slot %x has rights %q, flags %q", c.Slot, c.Rights, c.More)
		}
		out = append(out, struct {
			Slot          uint64
			Object        kernel.ID
			Pointer       uint64
			Rights, Flags uint8
		}{c.Slot, c.Object, c.Pointer, uint8(rights), uint8(flags)})
	}
	return out
}

// Recordings that an older thaw made replay to what they replayed to then.
func TestOldRecordings(t *testing.T) {
	for _, file := range oldFiles {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, r := openOld(t, file)
			got, golden := told(t, r), filepath.Join("testdata", filepath.Base(file)+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("it replays to\n%s\nand once did to\n%s", got, want)
			}
		})
	}
}

// A recording of format 1.0 has zeros for what was not recorded. The model takes
// them for read; nobody else does.
func TestOldZerosAreNotKnown(t *testing.T) {
	for _, file := range oldFiles {
		rec, r := openOld(t, file)
		last := len(rec.Records()) - 1
		zero, rest := 0, 0
		for _, p := range rec.Pages(last) {
			for off := 0; off < session.PageSize; off += memory.Granule {
				q := []memory.Request{{Addr: p.Addr + uint64(off), Buf: make([]byte, memory.Granule)}}
				if err := rec.Memory(last).ReadPhysical(q); err != nil {
					t.Fatal(err)
				}
				isZero := memory.LittleEndian(p.Data[off:off+memory.Granule]) == 0
				if isZero != errors.Is(q[0].Err, memory.ErrNotRecorded) || p.Known.Has(off) == isZero {
					t.Fatalf("%s: %#x, zeros: %v, is read with %v", file, q[0].Addr, isZero, q[0].Err)
				}
				if isZero {
					zero++
				} else {
					rest++
				}
			}
		}
		if zero == 0 || rest == 0 {
			t.Errorf("%s: %d words of zeros and %d others", file, zero, rest)
		}
		// Where no table was recorded, none says that there is no page.
		m, err := r.Machine(r.Stops())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = m.Space(0).Translate(0x3333_3000)
		if fault := (*memory.Fault)(nil); !errors.Is(err, memory.ErrNotRecorded) || errors.As(err, &fault) {
			t.Errorf("%s: an address that nobody has looked up: %v", file, err)
		}
	}
}

// What is known of a page is kept to the byte, whatever its contents.
func TestMasks(t *testing.T) {
	f := &memFile{room: -1}
	w, err := newWriter("x.thaw", f, About{By: "test", Scenario: small(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	some, other := &memory.Mask{}, &memory.Mask{}
	some.Set(0, 3)
	some.Set(8, 16)
	other.Set(4095, 4096)
	partly := func(p session.Page, m *memory.Mask) session.Page {
		p.Known = m
		for i := range p.Data {
			if !m.Has(i) {
				p.Data[i] = 0
			}
		}
		return p
	}
	stops := [][]session.Page{
		{page(0x1000, 7), page(0x2000, 0)},
		{partly(page(0x1000, 7), some), partly(page(0x2000, 0), other), page(0x3000, 9)},
		{partly(page(0x1000, 7), some), partly(page(0x2000, 0), some), partly(page(0x3000, 0), &memory.Mask{})},
	}
	for i, pages := range stops {
		if err := w.Stop(record(i+1), pages); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Read("x.thaw", bytes.NewReader(f.data))
	if err != nil || r.Damage() != "" {
		t.Fatal(err, r.Damage())
	}
	for i, pages := range stops {
		for _, p := range pages {
			for off := range p.Data {
				for _, src := range []memory.Source{r.Memory(i), r.Modelled(i)} {
					q := []memory.Request{{Addr: p.Addr + uint64(off), Buf: []byte{0xff}}}
					if err := src.ReadPhysical(q); err != nil {
						t.Fatal(err)
					}
					if p.Known.Has(off) != (q[0].Err == nil) || q[0].Err == nil && q[0].Buf[0] != p.Data[off] || q[0].Err != nil && !errors.Is(q[0].Err, memory.ErrNotRecorded) {
						t.Fatalf("stop %d, byte %#x: %#x, %v", i+1, q[0].Addr, q[0].Buf, q[0].Err)
					}
				}
			}
		}
		for k, p := range r.Pages(i) {
			if (p.Known == nil) != (pages[k].Known == nil) || p.Known != nil && *p.Known != *pages[k].Known {
				t.Errorf("stop %d, page %d: another mask", i+1, k)
			}
		}
	}
	// A mask that is not there is damage.
	raw, err := json.Marshal(stop{StopRecord: record(4), pageList: pageList{Pages: [][2]uint64{{1, 1}}, Known: []uint64{uint64(len(r.masks)) + 1}}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Read("x.thaw", bytes.NewReader(appended(t, f.data, typeStop, raw))); err != nil || !strings.Contains(r.Damage(), "mask 5 of 4") && !strings.Contains(r.Damage(), "mask 4 of 3") {
		t.Errorf("%v, damage %q", err, r.Damage())
	}
}

// The memory view shows what is not known as such, and why.
func TestMemoryViewOfHoles(t *testing.T) {
	_, r := openOld(t, oldFiles[0])
	p, err := session.NewPlayer(r)
	if err != nil {
		t.Fatal(err)
	}
	p.Continue()
	thread := p.View().Snapshot.System.Threads()[0]
	p.Ask(view.Query{Kind: view.QueryMemory, Addr: thread.Addr})
	known, unknown := 0, 0
	for _, row := range p.View().Peek.Rows {
		for i := range row.Data {
			if row.Known == nil || row.Known[i] {
				known++
			} else if unknown++; row.Data[i] != 0 {
				t.Errorf("byte %#x is not known, and %#x", row.Addr+uint64(i), row.Data[i])
			}
		}
		for i, w := range row.Words {
			if row.Known != nil && !row.Known[8*i] && w.Kind != "" {
				t.Errorf("the word at %#x is not known, and leads to %#x", row.Addr+uint64(8*i), w.Addr)
			}
		}
	}
	if known == 0 || unknown == 0 {
		t.Errorf("of thread %s %d bytes are known, %d are not", thread.ID, known, unknown)
	}
	p.Ask(view.Query{Kind: view.QueryMemory, Addr: 0x3333_3000})
	if rows := p.View().Peek.Rows; len(rows) == 0 || rows[0].Data != nil || rows[0].Why != "not recorded" {
		t.Errorf("where no page table was recorded: %+v", rows[:min(1, len(rows))])
	}
}
