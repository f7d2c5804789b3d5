package cxx_test

import (
	"strings"
	"testing"

	"thaw/debuginfo/cxx"
)

func TestStripParams(t *testing.T) {
	for in, want := range map[string]string{
		"Genode::cap_idx_alloc()::alloc": "Genode::cap_idx_alloc::alloc",
		"a::b(int, c<d(e)>) const":       "a::b",
		"A<void (int)>::f(x)":            "A<void (int)>::f",
		"A::operator()(int)":             "A::operator()",
		"operator<<(A&, B)":              "operator<<",
		"vtable for Thread":              "vtable for Thread",
		"A::operator->() const":          "A::operator->",
		"f":                              "f",
	} {
		if got := cxx.StripParams(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"A<B::C>::d": "A<B::C> d", "::a::b": "a b", "x::operator<<": "x operator<<", "f(a::b)::c": "f(a::b) c", "(anonymous namespace)::a": "a"} {
		if got := strings.Join(cxx.Split(in), " "); got != want {
			t.Errorf("split %s: %s, want %s", in, got, want)
		}
	}
}
