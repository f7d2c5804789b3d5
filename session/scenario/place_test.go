package scenario

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ place, want string }{
		{"component: c, function: f", ""},
		{"log: '*sheep'", ""}, // a LOG is nobody's
		{"component: c, line: 'a/b.cc:12'", ""},
		{"component: c, address: 0x10-0x1f", ""},
		{"component: c, address: 0x1014faa", ""},
		{"component: c, functions: 'A::b*'", ""},
		{"component: c", "phase p names no function"},
		{"line: 'a.cc:1'", "phase p names no component"},
		{"component: d, line: 'a.cc:1'", `"d", which is not among its components`},
		{"component: c, function: f, log: x", "phase p has function and log: give one"},
		{"component: c, functions: f", `"f" is no pattern`},
		{"component: c, functions: 'f*', phases: [{name: q, log: x}]", "which have no phases inside"},
		{"component: c, line: a.cc", "write file.cc:123"},
		{"component: c, line: 'a.cc:0'", "write file.cc:123"},
		{"component: c, line: ':7'", "write file.cc:123"},
		{"component: c, address: '12'", "write 0x1000"},
		{"component: c, address: 0x20-0x10", "ends before it begins"},
		{"component: c, function: f, once: true, phases: [{name: q, log: x}]", ""},
		{"component: c, function: f, once: true", "has no phases inside, which `once` is about"},
		{"log: '* *'", "every line of the LOG holds"},
	} {
		_, err := Parse("places", []byte(strings.Replace(minimal, "component: c, function: f}\ncomplete", c.place+"}\ncomplete", 1)))
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.place, err, c.want)
		}
	}
}

func TestExpanded(t *testing.T) {
	in := []PhaseSpec{{Name: "a", Function: "f"}, {Name: "outer", Function: "g", Phases: []PhaseSpec{{Name: "b", Component: "c", Functions: "A::*"}, {Name: "d", Log: "x"}}}, {Name: "e", Functions: "none*"}}
	out, err := Expanded(in, func(p *PhaseSpec) ([]string, error) {
		if p.Functions == "none*" {
			return nil, nil
		}
		return []string{"A::_do_it", "A::B<C::D>::_other"}, nil
	})
	if err != nil || len(out) != 2 || len(out[1].Phases) != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	for i, want := range []PhaseSpec{{Name: "do it", Component: "c", Function: "A::_do_it", Group: 1}, {Name: "other", Component: "c", Function: "A::B<C::D>::_other", Group: 1}, {Name: "d", Log: "x"}} {
		if got := out[1].Phases[i]; got.Name != want.Name || got.Function != want.Function || got.Component != want.Component || got.Group != want.Group || got.Log != want.Log {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if in[1].Phases[0].Functions == "" {
		t.Error("what was given has changed")
	}
	if _, err := Expanded(in, func(*PhaseSpec) ([]string, error) { return nil, errors.New("no") }); err == nil || err.Error() != "phase b: no" {
		t.Error(err)
	}
}

// What a pattern matches is what the regular expression with .* for each * does.
func FuzzMatches(f *testing.F) {
	for _, s := range [][2]string{{"A::*", "A::b"}, {"*", ""}, {"a*b*c", "axxbyyc"}, {"**a", "ba"}, {"a", "ab"}, {"*ab*ab", "ababab"}, {"", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 100 || len(text) > 1000 {
			return
		}
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		re, err := regexp.Compile(`(?s)^` + strings.Join(parts, ".*") + `$`)
		if err != nil {
			return // not UTF-8
		}
		if strings.ToValidUTF8(text, "") != text {
			return
		}
		if got := Matches(pattern, text); got != re.MatchString(text) {
			t.Errorf("%q against %q: %v", pattern, text, got)
		}
	})
}
