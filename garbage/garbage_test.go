package garbage

import (
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
)

// TestSpare has the collector wait for as much as was asked for, in memory that the system
// does not give.
func TestSpare(t *testing.T) {
	goal := func() uint64 {
		runtime.GC()
		s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	if before := goal(); before > Enough {
		t.Fatalf("the collector waits for %d bytes as it is", before)
	}
	before := resident(t)
	defer Spare(Enough)()
	if after := goal(); after < 2*Enough {
		t.Errorf("the collector waits for %d bytes", after)
	}
	if grown := resident(t) - before; grown > Enough/2 {
		t.Errorf("that took %d bytes", grown)
	}
}

// resident is how many bytes of memory the system has given.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
