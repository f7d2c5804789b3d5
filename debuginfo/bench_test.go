package debuginfo

import (
	"os"
	"testing"
)

// BenchmarkLoad loads the file that DEBUGINFO_BENCH names, a kernel say.
func BenchmarkLoad(b *testing.B) {
	path := os.Getenv("DEBUGINFO_BENCH")
	if path == "" {
		b.Skip("set DEBUGINFO_BENCH to an ELF file")
	}
	for b.Loop() {
		if _, err := Load(path); err != nil {
			b.Fatal(err)
		}
	}
}
