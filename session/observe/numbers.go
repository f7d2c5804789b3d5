package observe

import (
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
)

// EvalUint evaluates an expression that means a number.
func EvalUint(scope debuginfo.Scope, expr string) (uint64, error) {
	v, err := scope.Eval(expr)
	if err != nil {
		return 0, err
	}
	n, err := v.Uint64()
	if err != nil {
		return 0, fmt.Errorf("evaluating %s: %w", expr, err)
	}
	return n, nil
}

// Numbers reads members.
func Numbers(v debuginfo.Value, members map[string]*uint64) error {
	for path, dst := range members {
		m, err := v.Path(path)
		if err == nil {
			*dst, err = m.Uint64()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// structRegisters takes the members of a struct that hold general registers, as many
// as it has.
func (ob *Observer) structRegisters(v debuginfo.Value) ([]kernel.Register, error) {
	var out []kernel.Register
	for i, name := range ob.m.Arch.General {
		m, err := v.Path(ob.m.Arch.Member(i))
		if err != nil {
			continue
		}
		n, err := m.Uint64()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, kernel.Register{Name: name, Value: n})
	}
	return out, nil
}
