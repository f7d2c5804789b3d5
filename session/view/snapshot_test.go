package view

import (
	"testing"
)

func TestBareName(t *testing.T) {
	for name, want := range map[string]string{
		"A<B<C>, D>::f<E>":       "A::f",
		"Genode::operator<":      "Genode::operator<",
		"operator<< <char>":      "operator<< ",
		"plain":                  "plain",
		"std::less<int>::x()":    "std::less::x()",
		"cut off in the <middle": "cut off in the ",
	} {
		if got := bareName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestFunctionName(t *testing.T) {
	for name, want := range map[string]string{
		"A::f(int, B (*)(char)) const": "A::f",
		"A::operator()":                "A::operator()",
		"A::operator()(int)":           "A::operator()",
		"plain":                        "plain",
		"f(cut":                        "f(cut",
		"f)":                           "f)",
		"":                             "",
	} {
		if got := (Place{Function: name}).FunctionName(); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
