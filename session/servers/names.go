package servers

import (
	"fmt"
	"regexp"
	"strings"

	"thaw/debuginfo"
	"thaw/session/view"
)

// route is how objects of a class are told from others of it.
type route struct {
	class string // without name spaces, which have changed in Genode's core; "" for any
	name  string // members to what it alone is called: a text, a number, or a session's arguments
	trait string // members to a number that others may have, too
	owner string // members to the address of what it belongs to, another object of the server
}

// routes are those of Genode's servers, and of what stands between them and a child. The
// first one whose members a class has counts.
var routes = []route{
	{class: "Dataspace_component", trait: "_size", owner: "_owner"},
	{class: "Rom_session_component", name: "_rom_module->_name"},
	{class: "Cpu_thread_component", name: "_name"},
	{class: "Cpu_thread_component", name: "_parent_state.name"},
	{class: "Signal_context_component", name: "_imprint"},
	{name: "_label"},
	{name: "_parent_state.creation_args"},
}

// texts are members in which Genode's classes for text keep it.
var texts = []string{"_buf", "string"}

const (
	maxName  = 160 // characters of a text
	maxOwner = 3   // objects that belong to each other, or lie in each other
)

// object is one that a server keeps.
type object struct {
	class string
	value debuginfo.Value // of that class; no type if debug info does not have it
}

// holds says whether an address lies in an object.
func (o *object) holds(addr uint64) bool {
	return o.value.Type != nil && o.value.Type.Size > 0 && addr >= o.value.Addr && addr-o.value.Addr < uint64(o.value.Type.Size)
}

// label is a session's, in the arguments that it was asked for with.
var label = regexp.MustCompile(`\blabel="([^"]*)"`)

// behind tells what an object is and is called.
func (s *server) behind(o *object) view.Behind {
	b := view.Behind{Class: o.class}
	b.Name, b.Trait = s.called(o, maxOwner)
	return b
}

// called is an object's name, and what else tells it from others of its class.
func (s *server) called(o *object, depth int) (name, trait string) {
	if o.value.Type == nil {
		return "", ""
	}
	var words []string
	add := func(w string) {
		if w != "" {
			words = append(words, w)
		}
	}
	for _, r := range routes {
		if r.class != "" && r.class != plain(o.class) {
			continue
		}
		n, err := member(o.value, r.name)
		if err != nil {
			continue
		}
		t, err := member(o.value, r.trait)
		if err != nil {
			continue
		}
		add(n)
		trait = t
		if addr := address(o.value, r.owner); addr != 0 && depth > 0 {
			if of := s.around(addr, o); of != nil {
				add(s.of(of, depth))
			}
		}
		break
	}
	if in := s.around(o.value.Addr, o); in != nil && depth > 0 {
		add(path(in.value.Type, o.value.Addr-in.value.Addr, o.value.Type, depth))
		add(s.of(in, depth))
	}
	return strings.Join(words, " "), trait
}

// of names what an object belongs to.
func (s *server) of(o *object, depth int) string {
	name, _ := s.called(o, depth-1)
	return strings.TrimSpace("of " + plain(o.class) + " " + name)
}

// around is the smallest other object that an address lies in.
func (s *server) around(addr uint64, but *object) *object {
	var in *object
	for _, o := range s.objects {
		if o != but && o.holds(addr) && (in == nil || o.value.Type.Size < in.value.Type.Size) {
			in = o
		}
	}
	return in
}

// member is what members say, with their own name if it is a number; "" for no members.
func member(v debuginfo.Value, members string) (string, error) {
	if members == "" {
		return "", nil
	}
	v, err := v.Path(members)
	if err != nil {
		return "", err
	}
	s, err := v.String()
	for i := 0; err != nil && i < len(texts); i++ {
		var m debuginfo.Value
		if m, err = v.Field(texts[i]); err == nil {
			s, err = m.String()
		}
	}
	if err != nil {
		n, err := v.Uint64()
		return fmt.Sprintf("%s %x", strings.Trim(members, "_"), n), err
	}
	if m := label.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	if s == "" {
		return "", nil
	}
	if len(s) > maxName {
		s = s[:maxName] + "…"
	}
	return fmt.Sprintf("%q", s), nil
}

// address is a pointer among an object's members, 0 if there is none.
func address(v debuginfo.Value, members string) uint64 {
	if members == "" {
		return 0
	}
	v, err := v.Path(members)
	if err != nil {
		return 0
	}
	n, _ := v.Uint64()
	return n
}

// path is the members in which an object of a type lies, "" if they cannot be told.
func path(in *debuginfo.Type, off uint64, of *debuginfo.Type, depth int) string {
	u := in.Underlying()
	if !u.IsStruct() || depth == 0 {
		return ""
	}
	for _, f := range u.Fields {
		if f.Static || f.Virtual || f.Type == nil || off < uint64(f.Offset) || f.Type.Size <= 0 || off-uint64(f.Offset) >= uint64(f.Type.Size) {
			continue
		}
		rest := off - uint64(f.Offset)
		switch {
		case f.IsBase:
			return path(f.Type, rest, of, depth)
		case rest == 0 && f.Type.Underlying() == of.Underlying():
			return f.Name
		}
		if p := path(f.Type, rest, of, depth-1); p != "" {
			return f.Name + "." + p
		}
	}
	return ""
}

// plain is a class's name without name spaces and template arguments.
func plain(class string) string {
	class, _, _ = strings.Cut(class, "<")
	return class[strings.LastIndex(class, ":")+1:]
}
