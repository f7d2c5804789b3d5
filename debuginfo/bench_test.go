package debuginfo

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLoad loads the files that DEBUGINFO_BENCH names (as PATH names
// folders), a kernel and components say, one after the other.
func BenchmarkLoad(b *testing.B) {
	files := filepath.SplitList(os.Getenv("DEBUGINFO_BENCH"))
	if len(files) == 0 {
		b.Skip("set DEBUGINFO_BENCH to ELF files, with : between them")
	}
	for b.Loop() {
		var dwarf uint64
		for _, path := range files {
			f, err := Load(path)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range f.debug.Sections {
				if len(s.Name) > 6 && s.Name[:6] == ".debug" {
					dwarf += s.Size
				}
			}
		}
		b.ReportMetric(float64(dwarf)/1e6, "MB-of-DWARF")
		b.ReportMetric(float64(len(files)), "files")
	}
}
