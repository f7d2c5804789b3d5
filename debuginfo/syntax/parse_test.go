package syntax_test

import (
	"errors"
	"strings"
	"testing"

	"thaw/debuginfo/syntax"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"s.ip", "a->b[3].c", "(T*)x + 1", "*&x", "A<B, 3>::c", "sizeof(T)", "1 << 2 >= 3 && !x", "$rip", "'a'", "((((", "a<b>c", "::x", "-~!x", "f'\\",
		// Every form, and what is missing of it.
		"sizeof x", "sizeof(x + 1)", "sizeof ]", "(T<1, 2>*)x", "(T)]", "(1)", "($r)", "((T))x", "(x", "()", "(x]", "a + ]", "a[", "a[1", "a[]]", "a.1", "a->::b", "a.::", "::", "a::", "*]",
		"A<B<1>>::c", "T<1>(x)", "T<B", "a<b && c>d", "A<1>>", "'\\n' + '\\''", "'\\x'", "1_0", "0x", "99999999999999999999", "08", "1uL", "a ? b", "x y"} {
		f.Add(s)
	}
	f.Add(strings.Repeat("1+", 2047) + "1")
	f.Add("a" + strings.Repeat(".a", 2047))
	f.Add(strings.Repeat(" ", 4096) + "x")
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
