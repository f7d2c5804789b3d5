package kernel

import "slices"

// Platform is what is true of a kernel, beside its objects, as data: its decoder
// brings it along.
type Platform struct {
	Name   string       // of the kernel
	Places []*PlaceKind // where it keeps user states, the usual place first
	Kept   string       // these places in a sentence, with "or" before the last

	// Chronological says that ids of objects grow in the order in which they are made, and
	// that none is used twice.
	Chronological bool

	// Selector is the register with the capability selector of the invoked object at a
	// system call, under GDB's name; "" where that is not known.
	Selector string

	// How requests for a thread's state arrive, and what becomes of them. Of what
	// differs between generations of Genode there is one of each: debug info decides.
	// Component is "core", or "" for the kernel's own file.
	Requests   []Request
	Operations []Operation
	Cancel     *Cancel
	Attached   *Attached
	Server     *Server // nil: what stands behind a gate cannot be told
	Slots      *Slots  // nil: which slots a program uses cannot be told

	// Entries are where processors come into the kernel: patterns (path.Match) of symbols of
	// its file, nil where that is not known.
	Entries []string

	// Saves are the functions of the kernel that save a thread's live registers as it comes
	// into the kernel: to a request that was written meanwhile they do what they do to all.
	Saves []string

	Causes Causes
}

// Server is how Genode's servers keep the objects behind their gates: members of the
// function that serves, and of an object.
type Server struct {
	Function string // that a server's thread is in
	Objects  string // a container of them, in that function
	Label    string // an object's number, which is its gate's label
}

// Slots is how Genode's programs note which slots of their capability tables they use. One
// that is given back may stay filled in the kernel's table until it is used again.
type Slots struct {
	Notes string   // a variable of the program
	List  string   // member of that: an array by slot, or what leads to one
	ID    string   // member of an element: the label of the gate in that slot
	None  []string // what ID is where there is none: of a slot that is free, or kept for what comes next
	First string   // of the variable: the first slot that the program itself gives out
}

// Causes are a kernel's words for the causes of verdicts, by the session's name of
// the cause. What a cause does not say of itself is taken from there.
type Causes map[string]Cause

// Cause is what a kernel adds to a cause.
type Cause struct {
	Name   string // "" for the session's
	Why    string // end of the sentence that tells the cause
	Advice string // what to try
	Lab    string // bug of the lab guest that shows it
}

// NoEffect is what an operation says of itself, see Operation.
func (p *Platform) NoEffect(operation string) string {
	if i := slices.IndexFunc(p.Operations, func(o Operation) bool { return o.Name == operation }); i >= 0 {
		return p.Operations[i].NoEffect
	}
	return ""
}

// Place is a kind of places by its name; one of that name alone where the kernel
// has none such.
func (p *Platform) Place(name Source) *PlaceKind {
	if i := slices.IndexFunc(p.Places, func(k *PlaceKind) bool { return k.Name == name }); i >= 0 {
		return p.Places[i]
	}
	return &PlaceKind{Name: name, Text: string(name)}
}

// Request is a function that asks for a thread's state to be set, with
// expressions over its arguments.
type Request struct {
	Component string `yaml:"component"`
	Function  string `yaml:"function"`
	Selector  string `yaml:"selector"` // capability selector of the thread in that component
	Object    string `yaml:"object"`   // or the address of the thread object
	IP        string `yaml:"ip"`
	SP        string `yaml:"sp"`
	Registers string `yaml:"registers"`
	RegionMap string `yaml:"region_map"` // pointer to what is attached to the thread's task, see Attached
	Copy      *Copy  `yaml:"copy"`
	Thread    string `yaml:"-"` // the thread's name, and
	Missing   string `yaml:"-"` // what it means that a selector names nothing, for a kernel that may not have the thread
	Has       Member `yaml:"-"` // what the component's debug info must have for it to be this generation
}

// Member is a member of a type, which debug info has or has not. The zero value is
// none.
type Member struct{ Type, Path string }

// Copy is a place where a request is kept.
type Copy struct {
	Name string `yaml:"name"`
	IP   string `yaml:"ip"`
	SP   string `yaml:"sp"`
}

// Operation is a kernel operation that sets a thread's state.
type Operation struct {
	Name      string `yaml:"name"`
	Component string `yaml:"component"`
	Function  string `yaml:"function"`
	Object    string `yaml:"object"` // address of the thread object
	IP        string `yaml:"ip"`
	SP        string `yaml:"sp"`
	Flags     string `yaml:"flags"`
	Unset     int64  `yaml:"unset"`   // value that leaves ip or sp alone
	Cancel    string `yaml:"cancel"`  // flag that cancels IPC
	Trigger   string `yaml:"trigger"` // flag that triggers an exception
	// NoEffect says why a thread in an exception is left as it is unless the Cancel flag
	// is given, as the end of a sentence about the operation; "" where it is set, too.
	NoEffect string `yaml:"-"`
}

// Attached tells how the region maps that requests name look: lists or trees of
// regions with the dataspaces that are attached there. What is attached and not mapped
// so far is read where the dataspace stands.
type Attached struct {
	List      string `yaml:"list"`      // Genode::List in a region map
	Region    string `yaml:"region"`    // pointer in an element of it
	Tree      string `yaml:"tree"`      // or a Genode::Avl_tree in it: its elements are regions
	Element   string `yaml:"element"`   // their class
	Used      string `yaml:"used"`      // member of one: whether anything is attached there
	Base      string `yaml:"base"`      // members of a region: address in the map,
	Size      string `yaml:"size"`      // bytes,
	Writable  string `yaml:"writable"`  // whether it may be written,
	Dataspace string `yaml:"dataspace"` // pointer,
	Offset    string `yaml:"offset"`    // in the dataspace
	Physical  string `yaml:"physical"`  // members of a dataspace: address of its memory,
	Managed   string `yaml:"managed"`   // whether it is a region map itself:
	Nested    string `yaml:"nested"`    // this member of one
}

// Cancel tells how a thread's wait in IPC is ended in the kernel's own way: a
// flag is set in its state, and a function of it makes it ready.
type Cancel struct {
	Component string `yaml:"component"`
	Function  string `yaml:"function"` // member function without parameters
	Thread    string `yaml:"thread"`   // class of thread objects
	State     string `yaml:"state"`    // its member with flags
	Flag      string `yaml:"flag"`
	Like      string `yaml:"-"` // what else ends a wait so, in words
}
