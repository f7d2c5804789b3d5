package syntax_test

import (
	"errors"
	"strings"
	"testing"

	"thaw/debuginfo/syntax"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"s.ip", "a->b[3].c", "(T*)x + 1", "*&x", "A<B, 3>::c", "sizeof(T)", "1 << 2 >= 3 && !x", "$rip", "'a'", "((((", "a<b>c", "::x", "-~!x", "f'\\"} {
		f.Add(s)
	}
	for _, s := range []string{"(", "*", "A<", "a[", "-", "(T*)", "!~", "T<T<"} { // recursion without an end
		f.Add(strings.Repeat(s, 100_000))
	}
	f.Fuzz(func(t *testing.T, expr string) {
		e, err := syntax.Parse(expr, func(name string) bool { return strings.HasPrefix(name, "T") || strings.Contains(name, "<") })
		if (e == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", expr, e, err)
		}
		var s *syntax.Error
		if errors.As(err, &s) && (s.Column < 1 || s.Column > len(expr)+1 || s.Want == "") {
			t.Errorf("%q: column %d", expr, s.Column)
		}
	})
}
