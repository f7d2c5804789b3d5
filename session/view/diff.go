package view

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/session/captables"
	"thaw/words"
)

// SlotCap is a capability slot in words.
type SlotCap struct {
	Slot     uint64
	Object   kernel.ID
	Type     string // "Gate", "IRQ", "Task", …
	Rights   string
	Label    uint64
	Receiver string // "component/thread" that a gate or IRQ leads to
	Behind   string // class of the object behind a gate, "" where its server does not tell
	Called   string // what tells that object from others of its class: a session's label, a dataspace's size and owner
}

// CapChange is a slot that holds something else after the restore.
type CapChange struct {
	Slot          uint64
	Before, After SlotCap
	What          []string // "type", "rights", "receiver", "name" of what stands behind a gate
}

// CapMove is what stands in another slot after the restore.
type CapMove struct {
	Before, After SlotCap
	Certainty     captables.Certainty
	Otherwise     bool // it is called otherwise, and is what is left of its kind
	Replaces      bool // the original has something else in that slot
}

// CapCopy is a further slot for something that another slot of the same child holds,
// too: it is told there.
type CapCopy struct {
	SlotCap
	Of       uint64 // that slot
	Restored bool   // of the restored child, else of the original
}

// UnusedCap is a slot that a child does not use by its own notes, and that the kernel has
// filled: what was there stays until the slot is used again.
type UnusedCap struct {
	SlotCap
	Restored bool // by the restored child, else by the original
}

// CapDiff compares the checkpointed task's capability table with the restored
// one's: see captables for what is paired with what.
type CapDiff struct {
	Original, Restored kernel.ID // tasks
	Checkpoint, After  int       // numbers of the snapshots that were compared
	Same               int
	Moved              []CapMove
	Changed            []CapChange
	Missing            []SlotCap
	Later              []SlotCap // the original was given them later than all that the restored child has: not made yet at this stop
	Extra              []SlotCap
	Copies             []CapCopy
	Unused             []UnusedCap // compared with nothing
}

// CapRow is a slot that differs, as every front end lists it.
type CapRow struct {
	Glyph, Word   string
	Before, After *SlotCap // of the original, of the restored child
	What          []string // what differs, of a slot that changed
	Note          string   // "likely: …", "" if there is nothing to add
}

// Words of what a row tells, in the order of the rows.
const (
	CapMoved   = "moved"
	CapMissing = "missing"
	CapExtra   = "extra"
	CapChanged = "changed"
	CapLater   = "not made yet"
	CapCopied  = "copy"
	CapUnused  = "unused"
)

// certainties say how a move was found.
var certainties = map[captables.Certainty]string{
	captables.Certain:  "certain: the only one of its kind that leads there",
	captables.Likely:   "likely: others are like it, and it was made between the same others",
	captables.Possible: "possible: others are like it, and it is what is left of them",
}

// Rows lists all that differs.
func (d *CapDiff) Rows() []CapRow {
	var out []CapRow
	for i := range d.Moved {
		m := &d.Moved[i]
		note := certainties[m.Certainty]
		if m.Otherwise {
			note = "possible: it is what is left of its kind, and is called otherwise"
		}
		out = append(out, CapRow{"→", CapMoved, &m.Before, &m.After, nil, note})
	}
	for i := range d.Missing {
		out = append(out, CapRow{"-", CapMissing, &d.Missing[i], nil, nil, ""})
	}
	for i := range d.Extra {
		out = append(out, CapRow{"+", CapExtra, nil, &d.Extra[i], nil, ""})
	}
	for i := range d.Changed {
		c := &d.Changed[i]
		out = append(out, CapRow{"≠", CapChanged, &c.Before, &c.After, c.What, ""})
	}
	for i := range d.Later {
		out = append(out, CapRow{"…", CapLater, &d.Later[i], nil, nil, "the original was given it later than all that the restored child has, and the restore made none of these"})
	}
	for i := range d.Copies {
		c := &d.Copies[i]
		row := CapRow{"·", CapCopied, &c.SlotCap, nil, nil, fmt.Sprintf("slot %x of the same child holds it, too", c.Of)}
		if c.Restored {
			row.Before, row.After = nil, row.Before
		}
		out = append(out, row)
	}
	for i := range d.Unused {
		c := &d.Unused[i]
		row := CapRow{"·", CapUnused, &c.SlotCap, nil, nil, "the child has given the slot back, by its own notes: what was there stays in the kernel's table until the slot is used again"}
		if c.Restored {
			row.Before, row.After = nil, row.Before
		}
		out = append(out, row)
	}
	return out
}

// CapCount is how many slots a word is told of.
type CapCount struct {
	Glyph, Word string
	N           int
}

// Counts counts what differs: what is missing, extra and changed always, the rest where
// there is any.
func (d *CapDiff) Counts() []CapCount {
	var out []CapCount
	for _, c := range []CapCount{{"→", CapMoved, len(d.Moved)}, {"-", CapMissing, len(d.Missing)}, {"+", CapExtra, len(d.Extra)}, {"≠", CapChanged, len(d.Changed)},
		{"…", CapLater, len(d.Later)}, {"·", CapCopied, len(d.Copies)}, {"·", CapUnused, len(d.Unused)}} {
		if c.N > 0 || c.Word == CapMissing || c.Word == CapExtra || c.Word == CapChanged {
			out = append(out, c)
		}
	}
	return out
}

// Tally is the counts in words: "1 moved, 0 missing, 0 extra, 0 changed".
func (d *CapDiff) Tally() string {
	var out []string
	for _, c := range d.Counts() {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.Word))
	}
	return strings.Join(out, ", ")
}

// Differ counts what differs, but for further slots of what has its place.
func (d *CapDiff) Differ() int {
	return len(d.Moved) + len(d.Missing) + len(d.Extra) + len(d.Changed) + len(d.Later)
}

// Replaced counts the slots of the original that hold something else in the restored
// child, be it what stood in another one.
func (d *CapDiff) Replaced() int {
	n := len(d.Changed)
	for _, m := range d.Moved {
		if m.Replaces {
			n++
		}
	}
	return n
}

// DescribeSlot puts a capability of a stop in words.
func DescribeSlot(s *Snapshot, c kernel.Capability) SlotCap {
	out := SlotCap{Slot: c.Slot, Object: c.Object, Type: "?", Rights: c.Rights}
	o := s.System.Named(c)
	if o == nil {
		return out
	}
	out.Type = o.Type()
	if l, ok := o.Lead(); ok {
		out.Label, out.Receiver = o.Label(), receiver(s, l.To)
	}
	return out
}

// String is a slot as the kernel debugger shows one, with where it leads.
func (c SlotCap) String() string {
	if c.Type == EmptySlot {
		return fmt.Sprintf("%05x, which is empty", c.Slot)
	}
	s := fmt.Sprintf("%05x %s-%s %s", c.Slot, c.Object, c.Rights, c.Type)
	if c.Receiver != "" {
		s += fmt.Sprintf(" label %x → %s", c.Label, c.Whole())
	}
	return s
}

// To is where a capability leads, with the class of what stands there, if it is known.
func (c SlotCap) To() string {
	if c.Behind == "" {
		return c.Receiver
	}
	return c.Receiver + " (" + c.Behind + ")"
}

// Whole is To with what that is called.
func (c SlotCap) Whole() string {
	if c.Called == "" {
		return c.To()
	}
	return c.Receiver + " (" + c.Behind + " " + c.Called + ")"
}

// receiver names a thread by component and name: ids differ between the two
// children by nature, as do labels, which the kernel never uses twice.
func receiver(s *Snapshot, id kernel.ID) string {
	o := s.System.Object(id)
	if id == 0 || o == nil || o.Thread == nil {
		return "none"
	}
	return s.TaskName(o.Thread.PD) + "/" + o.Title()
}

// WaitChange is a thread of the restored child that waits in the kernel for
// something else than its original did as the checkpoint began. A thread that
// was blocked in the kernel cannot be put into that state again: it must repeat
// its system call, and one that does not hangs.
type WaitChange struct {
	Name     string    `json:"name"`
	Original kernel.ID `json:"original"`
	Restored kernel.ID `json:"restored"`
	Before   string    `json:"before"` // "receives from anybody", "sends to sheep_counter/ep"
	After    string    `json:"after"`
	Stop     int       `json:"stop"` // at which it was seen
}

// String tells a change in a sentence.
func (w WaitChange) String() string {
	return fmt.Sprintf("%s (thread %s) %s; as the checkpoint began its original %s %s", w.Name, w.Restored, w.After, w.Original, w.Before)
}

// MemoryDiff compares the user memory of the original child, as the checkpoint
// took it, with the restored child's as the restore was complete, by page.
// Memory that the kernel keeps for threads (UTCBs) is no part of it.
type MemoryDiff struct {
	Original   kernel.ID  `json:"original"` // tasks
	Restored   kernel.ID  `json:"restored"`
	Checkpoint int        `json:"checkpoint"` // numbers of the stops
	After      int        `json:"after"`
	Same       int        `json:"same"`     // pages that are equal
	Unmapped   int        `json:"unmapped"` // of the original's, that the restored child does not map so far, and that are not known
	Attached   int        `json:"attached"` // compared though not mapped so far: as they are attached to the restored child
	Pages      []PageDiff `json:"pages"`    // that differ, by address
	Code       []CodeDiff `json:"code,omitempty"`
	Problem    string     `json:"problem,omitempty"`
}

// Uncompared says why nothing can be told of some pages, "" if all were compared.
func (d *MemoryDiff) Uncompared() string {
	var why []string
	if d.Unmapped > 0 {
		what := words.Count(d.Unmapped, "page") + " of the original's, which the restored child does not map so far"
		if d.Attached == 0 && d.Problem == "" {
			what += ", and what is attached to it is not known (see `attached` in the scenarios' README)"
		}
		why = append(why, what)
	}
	if d.Problem != "" {
		why = append(why, d.Problem)
	}
	return strings.Join(why, "; ")
}

// Compared says whether anything was compared: Problem tells why not.
func (d *MemoryDiff) Compared() bool { return d.Problem == "" || d.Same+d.Unmapped+len(d.Pages) > 0 }

// CodeDiff is a requested ip at which the restored child has other instructions than the
// checkpoint found there.
type CodeDiff struct {
	IP   uint64 `json:"ip"`
	Page uint64 `json:"page"`
	Like string `json:"like,omitempty"` // what that page is equal to instead
}

// PageDiff is a page with other contents than at the checkpoint.
type PageDiff struct {
	Virt   uint64 `json:"virt"`   // in the child
	Region string `json:"region"` // "data", "bss", "stack of ep", "heap or other dataspace", …
	First  int    `json:"first"`  // offset of the first byte that differs
	Bytes  int    `json:"bytes"`  // how many differ
	Before []byte `json:"before"` // up to 8 bytes from First on, at the checkpoint; none of code
	After  []byte `json:"after"`  // the same, restored
	Like   string `json:"like,omitempty"`
	// Like: what the restored page is equal to instead, "" if nothing known.
}

// Shown is a page's bytes in hex; those of code are not kept.
func Shown(b []byte) string {
	if len(b) == 0 {
		return "code"
	}
	return fmt.Sprintf("%x", b)
}

// String tells in a sentence what stands at a requested ip.
func (c CodeDiff) String() string {
	s := fmt.Sprintf("At the requested ip %x other instructions stand than were checkpointed", c.IP)
	if c.Like != "" {
		s += fmt.Sprintf(": the page at %x is equal to %s", c.Page, c.Like)
	}
	return s + "."
}
