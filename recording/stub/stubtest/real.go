package stubtest

import (
	"compress/gzip"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/memory"
)

// Real holds the recordings in testdata, which are of a kernel, against the listings
// beside them: what an independent reader saw at the same stop, in rows.
func Real(t *testing.T, kernelName string, rows func(*kernel.System) []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.thaw"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings of real systems: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".thaw")
		t.Run(name, func(t *testing.T) {
			sys := First(t, file, kernelName).Snapshot.System
			if len(sys.Problems) > 0 {
				t.Errorf("problems: %q", sys.Problems)
			}
			want := listing(t, strings.TrimSuffix(file, ".thaw")+".listing.gz")
			if len(want) < 150 {
				t.Errorf("only %d rows were compared", len(want))
			}
			// Of some, not the capabilities of all protection domains were listed.
			listed := map[string]bool{}
			for _, row := range want {
				listed[domain(row)] = true
			}
			mine := slices.DeleteFunc(rows(sys), func(row string) bool { return strings.HasPrefix(row, "cap ") && !listed[domain(row)] })
			slices.Sort(mine)
			slices.Sort(want)
			if !slices.Equal(mine, want) {
				for _, row := range want {
					if _, ok := slices.BinarySearch(mine, row); !ok {
						t.Errorf("not seen: %s", row)
					}
				}
				for _, row := range mine {
					if _, ok := slices.BinarySearch(want, row); !ok {
						t.Errorf("only seen here: %s", row)
					}
				}
				if len(mine) != len(want) {
					t.Errorf("%d rows, listed %d", len(mine), len(want))
				}
			}
		})
	}
}

// domain is the protection domain whose capability a row is.
func domain(row string) string { return strings.Join(strings.Fields(row)[:2], " ") }

// listing reads the rows that the independent reader printed.
func listing(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// noisy is memory in which some words are not what they were.
type noisy struct {
	memory.Reader
	rnd  *rand.Rand
	rate float64
}

func (n noisy) ReadMemory(addr uint64, buf []byte) error {
	err := n.Reader.ReadMemory(addr, buf)
	for i := 0; i+8 <= len(buf) && err == nil; i += 8 {
		if n.rnd.Float64() < n.rate {
			buf[i+n.rnd.IntN(8)] = byte(n.rnd.Uint32())
		}
	}
	return err
}

// Noise decodes the first stop of a recording so often, from damaged memory: that goes as
// far as it goes, within bounds, and most of what is wrong is told.
func Noise(t *testing.T, file string, times int) {
	t.Helper()
	_, dec, r := Open(t, file)
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	good, err := dec.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for seed := range times {
		bad := m
		bad.Phys = noisy{m.Phys, rand.New(rand.NewPCG(uint64(seed), 1)), []float64{0.0002, 0.002, 0.05}[seed%3]}
		sys, err := dec.Decode(bad)
		if err != nil {
			told++
			continue
		}
		if len(sys.Objects) > 4*len(good.Objects) {
			t.Errorf("seed %d: %d objects of %d", seed, len(sys.Objects), len(good.Objects))
		}
		if len(sys.AllProblems()) > 0 {
			told++
		}
		use(sys, dec, bad)
	}
	if told < times*2/3 {
		t.Errorf("only %d of %d damaged systems were told of", told, times)
	}
}

// use asks what front ends ask of a model.
func use(sys *kernel.System, dec kernel.Decoder, m kernel.Machine) {
	for _, o := range sys.Threads() {
		sys.Wait(o.Thread)
		sys.WaitedFor(o.Thread)
	}
	sys.Cycles()
	for i := range m.CPUs {
		dec.CurrentThread(m, i)
	}
	if s, ok := dec.(kernel.SpaceSwitcher); ok {
		_, _ = s.SpaceSwitch(m) // whether it knows is not the question
	}
}
