package observe

import (
	"context"
	"fmt"

	"thaw/containers"
	"thaw/debuginfo"
	"thaw/session/evidence"
	"thaw/session/scenario"
)

// maxStored bounds the containers of stored threads, each.
const maxStored = 4096

// ReadStored reads the checkpointed thread states from the restorer.
func (ob *Observer) ReadStored(ctx context.Context, s *scenario.StoredSpec) error {
	ob.Ev.Stored = nil
	ob.Ev.Forget(evidence.GapStored)
	elems, err := ob.storedElements(ctx, s)
	if err != nil {
		return err
	}
	for _, v := range elems {
		if err := ob.storedThread(ctx, s, v); err != nil {
			return err
		}
	}
	return nil
}

// storedElements walks the containers of stored threads, as far as that can be done.
func (ob *Observer) storedElements(ctx context.Context, s *scenario.StoredSpec) ([]debuginfo.Value, error) {
	elems := []debuginfo.Value{{}}
	scope := ob.m.Scope(ob.programs.ByName[s.Component].File)
	for i, list := range s.Lists {
		var next []debuginfo.Value
		for _, v := range elems {
			var l debuginfo.Value
			var err error
			switch {
			case i == 0:
				l, err = scope.Eval(list)
			case list == "":
				l = v // a container of containers
			default:
				l, err = v.Path(list)
			}
			var members []debuginfo.Value
			if err == nil {
				members, err = containers.Walk(l, maxStored)
			}
			if err != nil {
				if err := ob.missed(ctx, evidence.GapStored, "the list of stored threads "+list, err); err != nil {
					return nil, err
				}
			}
			next = append(next, members...)
		}
		elems = next
	}
	return elems, nil
}

// storedThread takes one of them. Without a name it is nobody's; what else cannot be
// read of it is no number.
func (ob *Observer) storedThread(ctx context.Context, s *scenario.StoredSpec, v debuginfo.Value) error {
	t := evidence.Stored{Addr: v.Addr, At: ob.Now(), Source: fmt.Sprintf("%s's stored state at %#x", s.Component, v.Addr)}
	var err error
	if t.Name, err = ob.storedName(s, &v); err != nil {
		return ob.missed(ctx, evidence.GapStored, fmt.Sprintf("name %s of the stored thread at %#x", s.Name, v.Addr), err)
	}
	if err := ob.storedState(s, v, &t); err != nil {
		t.IP, t.SP, t.Registers = 0, 0, nil
		if t.Problem, err = ob.Unread(ctx, fmt.Sprintf("the stored state of %s at %#x", t.Name, v.Addr), err); err != nil {
			return err
		}
	}
	if t.Name == "" && t.IP == 0 && t.SP == 0 && t.Problem == "" {
		return nil // an element of an array that is not in use
	}
	ob.Ev.Stored = append(ob.Ev.Stored, t)
	return nil
}

// storedName reads a stored thread's name; what the thread is derived from becomes it.
func (ob *Observer) storedName(s *scenario.StoredSpec, v *debuginfo.Value) (string, error) {
	if s.Class != "" {
		as, err := containers.As(*v, ob.programs.ByName[s.Component].File, s.Class)
		if err != nil {
			return "", err
		}
		*v = as
	}
	name, err := v.Path(s.Name)
	if err != nil {
		return "", err
	}
	return name.String()
}

func (ob *Observer) storedState(s *scenario.StoredSpec, v debuginfo.Value, t *evidence.Stored) error {
	if err := Numbers(v, map[string]*uint64{s.IP: &t.IP, s.SP: &t.SP}); err != nil || s.Registers == "" {
		return err
	}
	regs, err := v.Path(s.Registers)
	if err == nil {
		t.Registers, err = ob.structRegisters(regs)
	}
	return err
}
