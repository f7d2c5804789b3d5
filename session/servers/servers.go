// Package servers finds what stands behind gates: the objects that servers keep by the
// gates' labels, by their classes and what they are called. And which slots of its own
// table a program has given back.
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

// Behind is what stands behind each gate of a task's table, by the gate, as far as its
// server and that one's debug info tell. What cannot be read is left out.
func Behind(cs *components.Set, p *kernel.Platform, s *view.Snapshot, phys memory.Reader, task kernel.ID) map[kernel.ID]view.Behind {
	pd := s.System.Object(task)
	if p.Server == nil || pd == nil || pd.PD == nil {
		return nil
	}
	out := map[kernel.ID]view.Behind{}
	for thread, gates := range servedBy(s, pd) {
		server := serverOf(cs, p.Server, s, phys, thread)
		for _, gate := range gates {
			if o := server.objects[gate.Label()]; o != nil {
				out[gate.ID] = server.behind(o)
			}
		}
	}
	return out
}

// servedBy are the gates of a protection domain's table by the threads behind them.
func servedBy(s *view.Snapshot, pd *kernel.Object) map[kernel.ID][]*kernel.Object {
	out := map[kernel.ID][]*kernel.Object{}
	for _, c := range pd.PD.Caps {
		gate := s.System.Named(c)
		if gate == nil || len(gate.Values) == 0 {
			continue
		}
		if lead, ok := gate.Lead(); ok && lead.To != 0 {
			out[lead.To] = append(out[lead.To], gate)
		}
	}
	return out
}

// server is a thread that serves: its objects by their labels.
type server struct{ objects map[uint64]*object }

// serverOf lists a server's objects.
func serverOf(cs *components.Set, p *kernel.Server, s *view.Snapshot, phys memory.Reader, thread kernel.ID) *server {
	o, task, err := components.UserThread(s, thread)
	if err != nil {
		return &server{}
	}
	frames, err := cs.Frames(s, o, task, phys)
	if err != nil {
		return &server{}
	}
	n := slices.IndexFunc(frames, func(f debuginfo.Frame) bool { return f.Func == p.Function })
	if n < 0 {
		return &server{}
	}
	return &server{objectsOf(frames[n].Scope, p)}
}

// objectsOf lists objects by their labels, in the scope of who has them.
func objectsOf(scope debuginfo.Scope, p *kernel.Server) map[uint64]*object {
	tree, err := scope.Eval(p.Objects)
	if err != nil {
		return nil
	}
	all, _ := containers.Walk(tree, maxObjects) // what a broken tree has beyond is not known
	out := map[uint64]*object{}
	types := map[string]*debuginfo.Type{}
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
		class, _, ok := scope.File.VTableAt(vptr)
		if !ok {
			continue
		}
		if _, asked := types[class]; !asked {
			types[class], _ = scope.File.Type(class) // what has no type is told by its class alone
		}
		out[label] = &object{class, whole(v, types[class])}
	}
	return out
}

// whole is the object of which a server keeps one base, no value if it cannot be told.
func whole(base debuginfo.Value, t *debuginfo.Type) debuginfo.Value {
	if t == nil || base.Type.Underlying() == nil {
		return debuginfo.Value{}
	}
	off, ok := t.BaseOffset(base.Type.Underlying().Name)
	if !ok {
		return debuginfo.Value{}
	}
	return base.At(t, base.Addr-uint64(off))
}
