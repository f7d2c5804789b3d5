package debuginfo

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"thaw/debuginfo/index"
)

// benchFiles are the files that DEBUGINFO_BENCH names (as PATH names folders): a
// kernel, the restorer, and other components.
func benchFiles(b *testing.B) []string {
	files := filepath.SplitList(os.Getenv("DEBUGINFO_BENCH"))
	if len(files) == 0 {
		b.Skip("set DEBUGINFO_BENCH to ELF files, with : between them")
	}
	return files
}

// asked is of how many files inlined functions are wanted: those in which a
// scenario's functions are looked for, the kernel and the restorer.
const asked = 2

// loadAll loads files, as many at a time as there are processors, as a start does, and lists the inlined
// functions of the first ones.
func loadAll(b *testing.B, c *index.Cache, paths []string) []*File {
	files := make([]*File, len(paths))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, path := range paths {
		g.Go(func() (err error) {
			if files[i], err = Load(path, "", c); err == nil && i < asked {
				_, err = files[i].AllInlined()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return files
}

// cpuTime is what the process has had of all processors, which others' work on
// the machine changes less than the time that passes.
func cpuTime(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkLoad is a start without an index in the cache (first), and with one
// (second). Memory is what is kept after it.
func BenchmarkLoad(b *testing.B) {
	paths := benchFiles(b)
	dir := b.TempDir()
	for _, start := range []string{"first", "second"} {
		b.Run(start, func(b *testing.B) {
			var files []*File
			var best, cpu time.Duration
			for b.Loop() {
				if start == "first" {
					b.StopTimer()
					if err := os.RemoveAll(dir); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				files = nil
				begin, had := time.Now(), cpuTime(b)
				files = loadAll(b, index.NewCache(dir), paths)
				if took := time.Since(begin); best == 0 || took < best {
					best = took
				}
				if had = cpuTime(b) - had; cpu == 0 || had < cpu {
					cpu = had
				}
			}
			var dwarf uint64
			for _, f := range files {
				e, _ := f.DebugFile()
				for _, s := range e.Sections {
					if strings.HasPrefix(s.Name, ".debug") {
						dwarf += s.Size
					}
				}
			}
			runtime.GC()
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			b.ReportMetric(float64(best.Milliseconds()), "best-ms")
			b.ReportMetric(float64(cpu.Milliseconds()), "best-cpu-ms")
			b.ReportMetric(float64(dwarf)/1e6, "MB-of-DWARF")
			b.ReportMetric(float64(len(files)), "files")
			b.ReportMetric(float64(mem.HeapAlloc)/1e6, "MB-kept")
			runtime.KeepAlive(files)
		})
	}
}
