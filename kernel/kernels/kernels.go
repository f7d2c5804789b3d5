// Package kernels is the table of the kernels that thaw knows. A new one is a
// folder beside this one, and a line here.
package kernels

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/kernel/foc"
	"thaw/kernel/hw"
	"thaw/kernel/nova"
	"thaw/kernel/sel4"
	"thaw/memory"
)

// table is in the order in which debug info is asked. base-hw's file goes by a name that
// core has on the others, too.
var table = []kernel.Known{
	foc.Kernel,
	nova.Kernel,
	sel4.Kernel,
	hw.Kernel,
}

// Open finds the kernel that debug info describes, and makes its decoder: of that and of
// the debug info of Genode's core, nil where there is none. The error says what to give
// instead.
func Open(f, core kernel.Symbols) (kernel.Decoder, memory.Paging, error) {
	var give []string
	for _, k := range table {
		if !k.Describes(f) {
			give = append(give, k.Give)
			continue
		}
		dec, err := k.New(f, core)
		if err != nil {
			return nil, nil, err
		}
		paging, err := kernel.Paging(f.Machine())
		return dec, paging, err
	}
	return nil, nil, fmt.Errorf("%s describes no kernel that thaw knows: give %s", f.Path(), strings.Join(give, ", or "))
}

// Causes are the words for the causes of verdicts of the kernel that comes first.
func Causes() kernel.Causes { return table[0].Causes }

// Files are the names that kernels have in build directories.
func Files() (names []string) {
	for _, k := range table {
		names = append(names, k.Files...)
	}
	return names
}

// Folders are those of build directories that may hold a kernel.
func Folders() (patterns []string) {
	for _, k := range table {
		patterns = append(patterns, k.Folders...)
	}
	return patterns
}
