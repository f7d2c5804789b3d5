package hw_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/kernel/hw"
	"thaw/recording"
)

// without is debug info in which a class lacks members.
type without struct {
	kernel.Symbols
	class   string
	members []string
}

func (w without) Type(name string) (*debuginfo.Type, error) {
	t, err := w.Symbols.Type(name)
	if err != nil || name != w.class {
		return t, err
	}
	lacks := func(f debuginfo.Field) bool { return slices.Contains(w.members, f.Name) }
	return &debuginfo.Type{Kind: t.Kind, Name: t.Name, Size: t.Size, Fields: slices.DeleteFunc(slices.Clone(t.Fields), lacks)}, nil
}

// A member that a kernel needs and its debug info lacks is named, whatever is looked up
// after it.
func TestLayoutNamesWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		file string
		without
		part string
	}{
		{"genode-18.02-x86_64", without{class: "Genode::Cpu_state", members: []string{"trapno", "cpu_exception"}}, "threads"},
		{"genode-18.02-x86_64", without{class: "Genode::Cpu_state", members: []string{"ip"}}, "registers of threads"},
		{"genode-26.02-x86_64", without{class: "Kernel::Thread", members: []string{"_label"}}, "threads"},
		{"genode-26.02-x86_64", without{class: "Kernel::Signal_context", members: []string{"_submits"}}, "signals"},
	} {
		t.Run(c.file+" without "+c.class+"::"+c.members[0], func(t *testing.T) {
			rec, err := recording.Open(filepath.Join("testdata", c.file+".thaw"))
			if err != nil {
				t.Fatal(err)
			}
			symbols, _, err := rec.Kernel()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hw.NewLayout(symbols); err != nil {
				t.Fatal(err)
			}
			c.Symbols = symbols
			_, err = hw.NewLayout(c.without)
			if err == nil || !strings.Contains(err.Error(), "does not describe "+c.part+" (") || !strings.Contains(err.Error(), c.members[len(c.members)-1]) {
				t.Errorf("error %v", err)
			}
		})
	}
}
