// Package servers finds what stands behind gates: the objects that servers keep by the
// gates' labels, by their classes.
//
// It knows which function serves and where that has its objects, as the platform tells,
// and debug info. It must not know what capabilities are compared for.
package servers

import (
	"slices"

	"thaw/containers"
	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/view"
)

// maxObjects bounds the objects of one server.
const maxObjects = 4096

// Behind is the class of the object behind each gate of a task's table, by the gate, as far
// as its server and that one's debug info tell. What cannot be read is left out.
func Behind(cs *components.Set, p *kernel.Platform, s *view.Snapshot, phys memory.Reader, task kernel.ID) map[kernel.ID]string {
	pd := s.System.Object(task)
	if p.Server == nil || pd == nil || pd.PD == nil {
		return nil
	}
	out := map[kernel.ID]string{}
	known := map[kernel.ID]map[uint64]string{} // by server
	for _, c := range pd.PD.Caps {
		gate := s.System.Named(c)
		if gate == nil || len(gate.Values) == 0 {
			continue
		}
		lead, ok := gate.Lead()
		if !ok || lead.To == 0 {
			continue
		}
		if _, ok := known[lead.To]; !ok {
			known[lead.To] = objectsOf(cs, p.Server, s, phys, lead.To)
		}
		if class := known[lead.To][gate.Label()]; class != "" {
			out[gate.ID] = class
		}
	}
	return out
}

// objectsOf lists the classes of a server's objects by their labels.
func objectsOf(cs *components.Set, p *kernel.Server, s *view.Snapshot, phys memory.Reader, thread kernel.ID) map[uint64]string {
	o, task, err := components.UserThread(s, thread)
	if err != nil {
		return nil
	}
	frames, err := cs.Frames(s, o, task, phys)
	if err != nil {
		return nil
	}
	n := slices.IndexFunc(frames, func(f debuginfo.Frame) bool { return f.Func == p.Function })
	if n < 0 {
		return nil
	}
	return classes(frames[n].Scope, p)
}

// classes lists the classes of objects by their labels, in the scope of who has them.
func classes(scope debuginfo.Scope, p *kernel.Server) map[uint64]string {
	tree, err := scope.Eval(p.Objects)
	if err != nil {
		return nil
	}
	all, _ := containers.Walk(tree, maxObjects) // what a broken tree has beyond is not known
	out := map[uint64]string{}
	for _, v := range all {
		id, err := v.Path(p.Label)
		if err != nil {
			continue
		}
		label, err := id.Uint64()
		if err != nil {
			continue
		}
		vptr, err := memory.Uint(scope.Mem, v.Addr, scope.File.PtrSize())
		if err != nil {
			continue
		}
		if class, _, ok := scope.File.VTableAt(vptr); ok {
			out[label] = class
		}
	}
	return out
}
