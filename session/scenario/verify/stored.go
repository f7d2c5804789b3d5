package verify

import (
	"fmt"
	"strings"

	"thaw/containers"
	"thaw/debuginfo"
	"thaw/session/scenario"
)

// somewhere is an address that an element is supposed to stand at.
const somewhere = 0x1000

// Wrong is what is wrong with a key of a scenario's stored states.
type Wrong struct {
	Key string
	Err error
}

// Stored follows the way to the stored states from where their function is entered, and
// tells what is not there.
func Stored(s *scenario.StoredSpec, scope debuginfo.Scope) []Wrong {
	elem, key, err := element(s, scope)
	if err != nil {
		return []Wrong{{key, err}}
	}
	var all []Wrong
	for _, m := range members(s) {
		if m.text == "" {
			continue
		}
		if err := m.check(elem, scope.File); err != nil {
			all = append(all, Wrong{m.key, err})
		}
	}
	return all
}

// element is what the last container holds.
func element(s *scenario.StoredSpec, scope debuginfo.Scope) (v debuginfo.Value, key string, err error) {
	for i, list := range s.Lists {
		key = fmt.Sprintf("lists[%d]", i)
		switch {
		case i == 0:
			v, err = scope.Eval(list)
		case list != "":
			v, err = v.Path(list)
		}
		if err != nil {
			return v, key, err
		}
		elem, ok := containers.Element(v.Type)
		if !ok {
			elem, ok = containers.Chained(v.Type)
		}
		if !ok {
			return v, key, fmt.Errorf("%s is %s, which is no container: %s, an array or a pointer to one is", list, v.Type, containers.Known())
		}
		v = v.At(elem, somewhere)
	}
	if s.Class != "" {
		if v, err = containers.As(v, scope.File, s.Class); err != nil {
			return v, "class", err
		}
	}
	return v, "", nil
}

// memberOf is an expression over a stored state.
type memberOf struct {
	key, text string
	read      func(v debuginfo.Value, f *debuginfo.File) error
}

func members(s *scenario.StoredSpec) []memberOf {
	number := func(v debuginfo.Value, _ *debuginfo.File) error { _, err := v.Uint64(); return err }
	return []memberOf{
		{"name", s.Name, func(v debuginfo.Value, _ *debuginfo.File) error { _, err := v.String(); return err }},
		{"ip", s.IP, number},
		{"sp", s.SP, number},
		{"registers", s.Registers, hasRegisters},
	}
}

func (m memberOf) check(elem debuginfo.Value, f *debuginfo.File) error {
	v, err := elem.Path(m.text)
	if err == nil {
		err = m.read(v, f)
	}
	return err
}

// hasRegisters says whether a struct has a member that is named like a register.
func hasRegisters(v debuginfo.Value, f *debuginfo.File) error {
	for _, r := range registersOf(f) {
		if _, err := v.Path(r); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s has no member that is named like a register (%s)", v.Type, strings.Join(registersOf(f), ", "))
}
