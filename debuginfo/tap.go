package debuginfo

import (
	"debug/elf"
	"sync"

	"thaw/debuginfo/elffile"
)

// Tap answers like its File and remembers what was asked, so that the answers
// can be taken along as an Extract. All users of a file share one Tap; it may
// be used by several goroutines.
type Tap struct {
	file *File
	keep *keeper

	mu      sync.Mutex
	asked   questions
	fresh   questions // since the last Extract
	changed bool      // fresh is not empty
}

// questions are what was asked, with the answers.
type questions struct {
	types       map[string]*Type
	variables   map[string]Variable
	enumerators map[string]int64
	vtables     map[uint64]vtablePlace
	functions   map[uint64]functionPlace
	lines       map[uint64]linePlace
}

// Places in words, as they stand in extracts.
type (
	vtablePlace struct {
		Class  string `json:"class"`
		Offset uint64 `json:"offset"`
	}
	functionPlace struct {
		Name   string `json:"name"`
		Offset uint64 `json:"offset"`
	}
	linePlace struct {
		File string `json:"file"`
		Line int    `json:"line"`
	}
)

func newQuestions() questions {
	return questions{types: map[string]*Type{}, variables: map[string]Variable{}, enumerators: map[string]int64{},
		vtables: map[uint64]vtablePlace{}, functions: map[uint64]functionPlace{}, lines: map[uint64]linePlace{}}
}

// Tap is the file's tap.
func (f *File) Tap() *Tap {
	f.tapOnce.Do(func() { f.tap = &Tap{file: f, keep: newKeeper(f), asked: newQuestions(), fresh: newQuestions()} })
	return f.tap
}

// maxAsked bounds what is remembered of each kind; answers beyond are given and
// forgotten.
const maxAsked = 1 << 17

// remember keeps an answer; of returns the map that is meant.
func remember[K comparable, V any](t *Tap, of func(*questions) map[K]V, key K, answer V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := of(&t.asked)
	if _, known := m[key]; known || len(m) >= maxAsked {
		return
	}
	m[key] = answer
	of(&t.fresh)[key] = answer
	t.changed = true
}

// Path is the file's.
func (t *Tap) Path() string { return t.file.Path() }

// Machine is the file's.
func (t *Tap) Machine() elf.Machine { return t.file.Machine() }

// PtrSize is the file's.
func (t *Tap) PtrSize() int { return t.file.PtrSize() }

// Text is the file's.
func (t *Tap) Text() []elffile.Range { return t.file.Text() }

// Keep takes a type along, and what it leads to by so many pointers, for expressions that
// are evaluated without the file.
func (t *Tap) Keep(typ *Type, pointers int) {
	t.keep.mu.Lock()
	defer t.keep.mu.Unlock()
	t.keep.add(typ, pointers)
}

// KeepAround takes the program's variables along, and the types of all names in the
// functions around an address.
func (t *Tap) KeepAround(pc uint64, pointers int) (err error) {
	defer t.file.Guard(&err)
	t.keep.mu.Lock()
	defer t.keep.mu.Unlock()
	t.keep.addAll()
	return t.keep.addAt(pc, pointers)
}

// Type asks the file for a type.
func (t *Tap) Type(name string) (*Type, error) {
	typ, err := t.file.Type(name)
	if err == nil {
		remember(t, func(q *questions) map[string]*Type { return q.types }, name, typ)
	}
	return typ, err
}

// Variable asks the file for a variable.
func (t *Tap) Variable(name string) (Variable, error) {
	v, err := t.file.Variable(name)
	if err == nil {
		remember(t, func(q *questions) map[string]Variable { return q.variables }, name, v)
	}
	return v, err
}

// Enumerator asks the file for an enumerator.
func (t *Tap) Enumerator(name string) (int64, error) {
	v, err := t.file.Enumerator(name)
	if err == nil {
		remember(t, func(q *questions) map[string]int64 { return q.enumerators }, name, v)
	}
	return v, err
}

// VTableAt asks the file for the class behind a vtable pointer.
func (t *Tap) VTableAt(vptr uint64) (class string, off uint64, ok bool) {
	class, off, ok = t.file.VTableAt(vptr)
	if ok {
		remember(t, func(q *questions) map[uint64]vtablePlace { return q.vtables }, vptr, vtablePlace{class, off})
	}
	return class, off, ok
}

// FunctionAt asks the file for the function at an address.
func (t *Tap) FunctionAt(pc uint64) (name string, off uint64, ok bool) {
	name, off, ok = t.file.FunctionAt(pc)
	if ok {
		remember(t, func(q *questions) map[uint64]functionPlace { return q.functions }, pc, functionPlace{name, off})
	}
	return name, off, ok
}

// LineAt asks the file for the source line at an address.
func (t *Tap) LineAt(pc uint64) (file string, line int, ok bool) {
	file, line, ok = t.file.LineAt(pc)
	if ok {
		remember(t, func(q *questions) map[uint64]linePlace { return q.lines }, pc, linePlace{file, line})
	}
	return file, line, ok
}
