package kernels

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the tree's, from here.
const root = "../.."

// speak are the files and folders that may speak of one kernel.
var speak = []string{"kernel/foc", "kernel/nova", "kernel/sel4", "oracle", "jdb", "guest", "scenarios", "bench", "cmd/thaw/comparejdb.go", "cmd/thaw/comparegdb.go", "kernel/kernels/kernels.go"}

// sources calls fn with every Go file of the tree that is no test.
func sources(t *testing.T, fn func(path string, text []byte)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil {
			n++
			rel, _ := filepath.Rel(root, path)
			fn(filepath.ToSlash(rel), text)
		}
		return err
	})
	if err != nil || n < 100 {
		t.Fatalf("%d files: %v", n, err)
	}
}

// Every package has a row in the table of docs/architecture.md, by its folder.
func TestRooms(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.SplitSeq(string(doc), "\n") {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for name := range strings.SplitSeq(cells[1], ",") {
				rows[strings.Trim(name, " `")] = true
			}
		}
	}
	sources(t, func(path string, _ []byte) {
		if room := filepath.ToSlash(filepath.Dir(path)); !rows[room] {
			t.Errorf("%s has no row in docs/architecture.md", room)
			rows[room] = true
		}
	})
}

// Words of one kernel stand in its own folder, and where it is spoken of on purpose.
func TestWordsStayHome(t *testing.T) {
	list, err := os.ReadFile(filepath.Join("testdata", "words.txt"))
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`(?i)` + strings.Join(strings.Fields(string(list)), "|"))
	home := false
	sources(t, func(path string, text []byte) {
		known := slices.ContainsFunc(speak, func(s string) bool { return path == s || strings.HasPrefix(path, s+"/") })
		for i, line := range strings.Split(string(text), "\n") {
			word := words.FindString(line)
			home = home || known && word != ""
			if !known && word != "" {
				t.Errorf("%s:%d speaks of one kernel (%s): %s", path, i+1, word, strings.TrimSpace(line))
			}
		}
	})
	if !home {
		t.Error("no word was found at home: the list or the search is broken")
	}
}

// layers are the packages from the left to the right: each may import those of its
// own row and of the rows before it. A folder means all in it that stand in no other
// row.
var layers = [][]string{
	{"fault", "printable", "newfile", "readfile", "words", "cast", "schema", "garbage"},
	{"gdbremote"},
	{"memory"},
	{"debuginfo/elffile", "debuginfo/cxx", "debuginfo/fixture"},
	{"debuginfo/index", "debuginfo/syntax"},
	{"debuginfo"},
	{"containers"},
	{"kernel"},
	{"kernel/foc", "kernel/hw", "kernel/nova", "kernel/sel4", "kernel/kept", "kernel/kernels"},
	{"session/captables"},
	{"session/view"},
	{"session/query", "session/origin"},
	{"session/scenario", "session/target", "session/guestlog"},
	{"session/arch"},
	{"session/evidence", "session/machine"},
	{"session/components"},
	{"session/drive", "session/watch"},
	{"session/observe"},
	{"session/scenario/verify", "session/scenario/propose"},
	{"session/memcompare"},
	{"session/change"},
	{"session"},
	{"session/live", "session/inferiors", "session/beside", "jdb", "scenarios", "recording", "tour", "guest"},
	{"report", "present", "oracle"},
	{"ui", "workshop"},
	{"cmd", "bench"},
}

// layerOf is the row of a package, -1 if it has none: the longest name counts.
func layerOf(pkg string) int {
	best, row := "", -1
	for i, names := range layers {
		for _, n := range names {
			if (pkg == n || strings.HasPrefix(pkg, n+"/")) && len(n) > len(best) {
				best, row = n, i
			}
		}
	}
	return row
}

// No layer imports one to the right of it.
func TestLayers(t *testing.T) {
	imports := 0
	sources(t, func(path string, text []byte) {
		own := layerOf(filepath.ToSlash(filepath.Dir(path)))
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			pkg, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "thaw/")
			if !ours {
				continue
			}
			imports++
			switch to := layerOf(pkg); {
			case own < 0 || to < 0:
				t.Errorf("%s or %s has no layer: add it to the table", path, pkg)
			case to > own:
				t.Errorf("%s imports %s, which is to the right of it", path, pkg)
			}
		}
	})
	if imports < 100 {
		t.Errorf("only %d imports were looked at", imports)
	}
}
