package kernels_test

import (
	"path"
	"path/filepath"
	"testing"

	"thaw/recording/stub/stubtest"
)

// Each way into a kernel passes just one of the symbols that are told for its entries, in
// the order of the program: two would count an entry twice.
func TestOneEntryOnEachWayIn(t *testing.T) {
	const main2602 = "_ZN6Kernel24main_handle_kernel_entryEPN6Genode9Cpu_stateE"
	for file, ways := range map[string][][]string{
		"hw/testdata/genode-26.02-x86_64.thaw": {
			{"_kernel_entry", main2602, "_ZN6Kernel4Main20_handle_kernel_entryEPN6Genode9Cpu_stateE"},
			{main2602}, // the lab guest
			{"_kernel_entry", "_ZN6Kernel24main_handle_kernel_entryEv"}, // 22.02 to 24.05
		},
		"hw/testdata/genode-18.02-x86_64.thaw": {{"_kernel_entry", "kernel"}},
		"nova/testdata/genode-26.02-x86_64.thaw": {
			{"entry_exc", "entry_exc_error"}, {"entry_exc_error"}, // without and with an error code
			{"entry_gsi"}, {"entry_lvt"}, {"entry_msi"}, {"entry_ipi"}, {"entry_sysenter"}, {"entry_vmx"},
		},
	} {
		_, dec, _ := stubtest.Open(t, filepath.Join("..", filepath.FromSlash(file)))
		for _, way := range ways {
			var passed []string
			for _, symbol := range way {
				for _, pattern := range dec.Platform().Entries {
					if ok, err := path.Match(pattern, symbol); err != nil {
						t.Fatal(err)
					} else if ok {
						passed = append(passed, symbol)
					}
				}
			}
			if len(passed) != 1 {
				t.Errorf("%s: by way of %q the entry is seen at %q", file, way, passed)
			}
		}
	}
}
