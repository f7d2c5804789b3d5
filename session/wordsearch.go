package session

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/machine"
	"thaw/session/target"
	"thaw/session/view"
)

// wordSearch finds where in a recorded run a piece of physical memory was written last. It
// watches the addresses at which the page tables of all tasks map it, and holds what it
// sees against the memory itself: where that became something else and nothing that is
// watched was written, it halves the way by moving the replay and reading memory, down to
// one instruction. So every writer counts, through whatever mapping, a device too.
//
// What the processor itself may push, a kernel's stacks, is not watched at all (see
// drive.Guard): there the value alone tells.
type wordSearch struct {
	*replayer
	sites     []uint64 // where the kernel, or who asks it, sets states of threads
	told      []uint64 // positions before stops at which evidence tells of writes
	unwatched string   // why nothing was watched in a part of the run, "" if all was
	steps     int      // of the way that were found
}

func newSearch(tr *traveller) *wordSearch { return &wordSearch{replayer: newReplayer(tr)} }

// physical is a piece of physical memory with its value.
type physical struct {
	addr  uint64
	value []byte
}

// arrival is where a piece of memory got its value.
type arrival struct {
	from, to uint64 // positions before and behind
	old      []byte
	by       view.Place
	thread   *kernel.Object // that ran, nil if it is not known
	virt     uint64         // address through which it was written, 0 if that is not known
	pushed   bool           // the processor pushed it as it entered the kernel
	entry    *machine.Visit // by an interrupt, which is no instruction: where it came to
	device   bool           // no instruction wrote it
	ordered  bool           // the instruction may have told a device to do something
	frames   []view.Frame   // backtrace of the instruction
	unsure   string         // why the instruction may not have written it, "" if it did
}

// unfoundError is why a write is not found, while the target is all right.
type unfoundError struct{ error }

func unfound(format string, args ...any) error { return &unfoundError{fmt.Errorf(format, args...)} }

// searched says how far back a search for writes goes.
func searched(saves []save) string {
	from := uint64(0)
	for i, s := range saves {
		if i == 0 || s.position < from {
			from = s.position
		}
	}
	if from == 0 {
		return "before"
	}
	return fmt.Sprintf("since instruction %d, where the oldest VM snapshot is; what came before that was not searched: attach where the recorded run begins", from)
}

// always says since when memory has had its value, where no write was found.
func (s *wordSearch) always() string {
	text := searched(s.saves)
	if text == "before" {
		text = "since the recorded run began"
	}
	if s.unwatched != "" {
		return "at every VM snapshot, " + text + " (" + s.unwatched + "): what became something else in between, and then this again, is not seen"
	}
	return text + ": nothing was seen to write it"
}

// has says whether memory has the value now, and what it has.
func (s *wordSearch) has(p physical) (bool, []byte, error) {
	buf := make([]byte, len(p.value))
	req := []memory.Request{{Addr: p.addr, Buf: buf}}
	if err := s.m.ReadPhysical(req); err != nil {
		return false, nil, err
	}
	if req[0].Err != nil {
		return false, nil, unfound("reading physical memory at %#x: %w", p.addr, req[0].Err)
	}
	return bytes.Equal(buf, p.value), buf, nil
}

// find tells where memory got the value that it has at a position, or was last written
// with it; nil if it had it since the earliest place that can be gone to, or if the user
// gave up. It looks at what lies between two VM snapshots at once, the last ones first.
func (s *wordSearch) find(ctx context.Context, p physical, before uint64) (*arrival, error) {
	known, _, _, err := s.views(ctx, p, nil) // mappings that were made since the last VM snapshot
	if err != nil {
		return nil, err
	}
	for end := before; end > 0 && !s.drive.Asked.Load(); {
		if err := s.begin(ctx, end-1); err != nil {
			return nil, err
		}
		from := s.at
		s.say(s.far(from, before))
		if from >= end {
			return nil, nil
		}
		a, err := s.findIn(ctx, p, known, from, end)
		if a != nil || err != nil {
			return a, err
		}
		if end = from; s.saveBefore(end-1) == nil && s.base.name != "" {
			break
		}
	}
	return nil, nil
}

// maxRounds bounds how often a search begins anew behind what it found.
const maxRounds = 16

// findIn is find between two positions, at the first of which the guest is. Of known
// addresses the memory is mapped at one or other later.
func (s *wordSearch) findIn(ctx context.Context, p physical, known []uint64, from, end uint64) (found *arrival, err error) {
	lo := from
	views, _, unwatched, err := s.views(ctx, p, known)
	if err != nil {
		return nil, err
	}
	same, _, err := s.has(p)
	if err != nil {
		return nil, err
	}
	if unwatched != "" {
		s.unwatched = unwatched
	}
	if unwatched != "" && same && !s.toldOf(from, end) {
		return nil, nil // to look into every part of the run would take as long as the run
	}
	for range maxRounds {
		// The last write that is seen behind lo, or where nothing can be watched the last
		// place that is looked at where memory had another value.
		look := s.lastSeen
		if unwatched != "" {
			look = s.lastOther
		}
		last, err := look(ctx, p, views, lo, end)
		if err != nil || s.drive.Asked.Load() {
			return nil, err
		}
		if last.at > 0 {
			lo, same, found = last.at, last.same, nil
		}
		if w := last.write; last.at > 0 && same {
			if found, err = s.author(ctx, p, w.at-1, w.at, true); err != nil {
				return nil, err
			}
			found.unsure = w.doubt
		}
		if same {
			return found, nil
		}
		if last.at > 0 && unwatched == "" { // see locate: it may lie behind the place that is meant
			if lo -= min(lo, maxBlock); lo < from {
				lo = from
			}
		}
		// Memory became what it is behind lo, and nobody was seen to write it.
		if found, err = s.bisect(ctx, p, lo, end); found == nil || err != nil {
			return nil, err
		}
		lo, same = found.to, true
		switch {
		case unwatched != "":
			found.unsure = "found by its value alone (" + unwatched + "): what became something else later, and then this again, is not seen"
		case found.virt != 0 && !slices.Contains(views, found.virt):
			views = append(views, found.virt)
		}
	}
	return nil, unfound("looking for what wrote physical memory at %#x: it is written again and again by what is not watched", p.addr)
}

// toldOf says whether there is evidence of writes between two positions.
func (s *wordSearch) toldOf(from, end uint64) bool {
	return slices.ContainsFunc(s.told, func(at uint64) bool { return at >= from && at < end })
}

// maxBlock is the most instructions that QEMU translates at once.
const maxBlock = 512

// location is where a write is, 0 for nowhere; doubt says why it may be elsewhere, "" if it
// is there.
type location struct {
	at    uint64
	doubt string
}

// locate finds the write that a watchpoint told of at a position. QEMU counts what it has
// translated at once as executed there: the write lies before, by as much. It is found by
// executing those instructions one by one, and is the last of them that reaches the
// memory. There may be none: QEMU 7.2 tells of a store to the same page that is not aligned
// (accel/tcg/cputlb.c, store_helper_unaligned), too.
func (s *wordSearch) locate(ctx context.Context, p physical, at uint64) (w location, err error) {
	unknown := false
	for _, back := range []uint64{traceBack, maxBlock} {
		begin := at - min(at, back)
		if sv := s.saveBefore(at - 1); sv != nil {
			begin = max(begin, sv.position)
		}
		if err := s.moveTo(ctx, begin); err != nil {
			return w, err
		}
		unknown = false
		for s.at < at {
			if err := s.m.Look(ctx, s.m.Stopped); err != nil {
				return w, err
			}
			step := s.step()
			virt, known := s.hits(step.Writes(), p)
			if err := s.stepTo(ctx, s.at+1); err != nil {
				return w, err
			}
			switch {
			case virt != 0:
				w = location{at: s.at}
			case !known:
				unknown, w.doubt = true, "an instruction behind it is not understood, and may be what wrote"
			}
		}
		if w.at > 0 {
			return w, nil
		}
	}
	if unknown {
		return w, unfound("a watchpoint told of a write of physical memory at %#x before instruction %d, and which of the %d before it writes there is not understood", p.addr, at, maxBlock)
	}
	return location{}, nil
}

// bisect finds a place at which memory got its value, between one where it had another
// and one where it had it.
func (s *wordSearch) bisect(ctx context.Context, p physical, lo, hi uint64) (*arrival, error) {
	for hi-lo > 1 {
		if s.drive.Asked.Load() {
			return nil, nil
		}
		mid := lo + (hi-lo)/2
		if err := s.moveTo(ctx, mid); err != nil {
			return nil, err
		}
		same, _, err := s.has(p)
		switch {
		case err != nil:
			return nil, err
		case same:
			hi = mid
		default:
			lo = mid
			if err := s.keep(ctx); err != nil {
				return nil, err
			}
		}
	}
	return s.author(ctx, p, lo, hi, false)
}

// samples is in how many places a value is looked at where nothing can be watched.
const samples = 64

// lastOther looks at memory in places between two positions, and wherever the kernel is
// about to set a thread's state, and is the last of them at which it had another value.
func (s *wordSearch) lastOther(ctx context.Context, p physical, _ []uint64, from, end uint64) (last sighting, err error) {
	if err := s.moveTo(ctx, from); err != nil {
		return last, err
	}
	if err := s.target.SetBreaks(ctx, target.At(s.sites...)); err != nil {
		return last, fmt.Errorf("stopping where states of threads are set: %w", err)
	}
	last.at, err = s.sample(ctx, p, from, end)
	if clear := s.target.ClearBreaks(ctx, target.At(s.sites...)); err == nil && clear != nil {
		err = fmt.Errorf("no longer stopping where states of threads are set: %w", clear)
	}
	return last, err
}

// sample is lastOther while there are breakpoints.
func (s *wordSearch) sample(ctx context.Context, p physical, from, end uint64) (at uint64, err error) {
	part := max((end-from)/samples, 1)
	for seen := 0; s.at+part < end && !s.drive.Asked.Load(); seen++ {
		to := s.at + part - (s.at-from)%part // the next of the places
		if seen > maxSeen {
			return 0, unfound("states of threads were set more than %d times since the VM snapshot before: go back to an earlier stop (B), and ask there", maxSeen)
		}
		if _, err := s.runTowards(ctx, to); err != nil {
			return 0, err
		}
		has, _, err := s.has(p)
		switch {
		case err != nil:
			return 0, err
		case !has:
			at = s.at
		}
		if s.at < to { // off the breakpoint
			if err := s.stepTo(ctx, s.at+1); err != nil {
				return 0, err
			}
		}
	}
	return at, nil
}
