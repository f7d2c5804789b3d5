package testwait

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// receives are the places of a file where tests, and what they call with what they report
// to, receive outside of a select statement.
func receives(set *token.FileSet, f *ast.File) (out []token.Position) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && reports(fn) {
			out = append(out, receivesOf(set, fn)...)
		}
	}
	return out
}

// reports says whether a function has a parameter of package testing.
func reports(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		t := p.Type
		if star, ok := t.(*ast.StarExpr); ok {
			t = star.X
		}
		if s, ok := t.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "testing" {
			return true
		}
	}
	return false
}

func receivesOf(set *token.FileSet, f *ast.FuncDecl) (out []token.Position) {
	chosen := map[ast.Node]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CommClause:
			ast.Inspect(&ast.BlockStmt{List: []ast.Stmt{orEmpty(n.Comm)}}, func(n ast.Node) bool { chosen[n] = true; return true })
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && !chosen[n] {
				out = append(out, set.Position(n.Pos()))
			}
		}
		return true
	})
	return out
}

func orEmpty(s ast.Stmt) ast.Stmt {
	if s == nil {
		return &ast.EmptyStmt{}
	}
	return s
}

// No test waits for a channel without a limit: goroutines of its own may.
func TestEveryWaitHasALimit(t *testing.T) {
	set, files := token.NewFileSet(), 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		f, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool { // what goroutines wait for ends with the test
			if g, ok := n.(*ast.GoStmt); ok {
				g.Call = &ast.CallExpr{Fun: ast.NewIdent("_")}
			}
			return true
		})
		for _, at := range receives(set, f) {
			t.Errorf("%s waits without a limit: testwait.For has one, and says what is waited for", at)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files: %v", files, err)
	}
}

// A wait of that sort is found, others are none.
func TestReceivesAreFound(t *testing.T) {
	const text = "package p\nfunc f(t *testing.T, c chan int) {\n\tselect {\n\tcase v := <-c:\n\t\t_ = v\n\tdefault:\n\t}\n\tc <- 1\n\t<-c\n}\n"
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := receives(set, f); len(got) != 1 || got[0].Line != 9 {
		t.Errorf("found at %v", got)
	}
}
