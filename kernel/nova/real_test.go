package nova_test

import (
	"path/filepath"
	"testing"

	"thaw/oracle"
	"thaw/recording/stub/stubtest"
)

// Memory of real systems decodes to just what an independent reader saw at the same
// stop. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) { stubtest.Real(t, "NOVA", oracle.Rows) }

// Damaged memory is decoded as far as it goes, within bounds, and what is wrong is told.
func TestDecodeNoise(t *testing.T) {
	stubtest.Noise(t, filepath.Join("testdata", "genode-26.02-x86_64.thaw"), 60)
}
