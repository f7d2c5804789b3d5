package session

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"thaw/memory"
	"thaw/session/origin"
	"thaw/session/view"
)

// origins finds the last write, and where it was copied from.
func (s *wordSearch) origins(ctx context.Context, w view.Word, p physical, before uint64, most int) (out []view.Origin, last *arrival, err error) {
	name := w.Name
	for len(out) < most {
		a, err := s.find(ctx, p, before)
		if err != nil {
			return out, last, err
		}
		if a == nil {
			if len(out) > 0 {
				out = append(out, s.unwritten(name, p))
			}
			return out, last, nil
		}
		if last == nil {
			last = a
		}
		s.steps = len(out) + 1
		o := s.writtenBy(a, name, p)
		if o.End != "" {
			return append(out, o), last, nil
		}
		next, from, err := s.source(ctx, p, a, &o)
		if a.unsure != "" {
			o.Text += "; " + a.unsure
		}
		out = append(out, o)
		if err != nil || next == nil {
			return out, last, err
		}
		name = fmt.Sprintf("%s at physical %#x", bytesOf(len(next.value)), next.addr)
		p, before = *next, from
	}
	if most > 1 {
		out = append(out, view.Origin{Word: name, New: memory.LittleEndian(clip(p.value)), End: view.EndGivenUp, Text: fmt.Sprintf("it was followed through %d copies, and not further", most)})
	}
	return out, last, nil
}

// writtenBy is what wrote memory, without where that came from.
func (s *wordSearch) writtenBy(a *arrival, name string, p physical) view.Origin {
	o := view.Origin{Position: a.to, Word: name, Old: memory.LittleEndian(clip(a.old)), New: memory.LittleEndian(clip(p.value)), Place: a.by, Frames: a.frames, Sure: a.unsure == "", Text: a.unsure}
	if m := s.lastEvent(a.to); m != nil {
		o.Stop, o.Phase = m.snap.Number, phaseOf(m)
	}
	if a.thread != nil {
		o.Thread = titleOf(a.thread)
	}
	switch {
	case a.device && onlyMarks(p.addr, a.old, p.value):
		o.End, o.Sure, o.Text = view.EndUnknown, false, "no instruction wrote it: a device did (DMA), or the processor marked a page table"
	case a.device && a.ordered:
		o.End, o.Text = view.EndDevice, "a device wrote it (DMA), told to by this instruction"
	case a.device:
		o.End, o.Text = view.EndDevice, "a device wrote it (DMA) while this was executed"
	case a.entry != nil && a.pushed:
		o.End, o.Text = view.EndProcessor, "the processor pushed it as it took an interrupt"
	case a.pushed:
		o.End, o.Text = view.EndProcessor, "the processor pushed it as it entered the kernel"
	case a.virt == 0:
		o.End = view.EndUnknown
	}
	if a.pushed && a.unsure != "" {
		o.Text += "; " + a.unsure
	}
	return o
}

// phaseOf names the phase that had begun last at a moment, and the one that it is in.
func phaseOf(m *moment) string {
	current := func(p view.Phase) bool { return p.State == view.PhaseCurrent }
	first := slices.IndexFunc(m.Phases, current)
	if first < 0 || m.Phases[first].Name == m.snap.Phase {
		return m.snap.Phase
	}
	return m.Phases[first].Name + ": " + m.snap.Phase
}

// onlyMarks says whether memory differs by no more than what a processor marks in the
// entries of page tables (accessed and dirty).
func onlyMarks(addr uint64, old, now []byte) bool {
	const entry, marks = 4, 0x60 // the smallest entry's size
	if len(old) != len(now) {
		return false
	}
	for i := range now {
		if diff := old[i] ^ now[i]; diff != 0 && ((addr+uint64(i))%entry != 0 || diff&^marks != 0) {
			return false
		}
	}
	return true
}

// unwritten is the end of a way where nobody was seen to write.
func (s *wordSearch) unwritten(name string, p physical) view.Origin {
	o := view.Origin{Word: name, New: memory.LittleEndian(clip(p.value)), Sure: s.unwatched == "", Text: "it has had this value " + s.always(), End: view.EndEarlier}
	switch {
	case s.drive.Asked.Load():
		o.End, o.Sure, o.Text = view.EndGivenUp, false, "given up: who wrote this was not found out"
	case s.unwatched != "" || searched(s.saves) != "before":
	case bytes.Count(p.value, []byte{0}) == len(p.value):
		o.End, o.Text = view.EndEmpty, "nobody wrote it since the recorded run began"
	default:
		o.End, o.Text = view.EndLoaded, "it was there as the recorded run began: loaded with the guest (a ROM, a boot module)"
		if in := s.loadedAs(p); in != "" {
			o.Text = "it was there as the recorded run began: " + in
		}
	}
	return o
}

// loadedAs tells where in the kernel's file memory is that was loaded with the guest, "" if
// it is not in it.
func (s *wordSearch) loadedAs(p physical) string {
	file := s.programs.Kernel().File
	for _, seg := range file.Segments() {
		off := p.addr - seg.PAddr
		if off >= seg.FileSize || seg.FileSize-off < uint64(len(p.value)) {
			continue
		}
		has := make([]byte, len(p.value))
		if file.ReadFile(seg.VAddr+off, has) != nil || !bytes.Equal(has, p.value) {
			continue
		}
		if sym, at, ok := file.SymbolAt(seg.VAddr + off); ok {
			return fmt.Sprintf("loaded with the kernel's file, at %s+%#x", sym.Name, at)
		}
		return "loaded with the kernel's file"
	}
	return ""
}

// clip is the part of a value that is shown as a number.
func clip(b []byte) []byte { return b[:min(len(b), 8)] }

// bytesOf counts bytes.
func bytesOf(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// source tells where what was written came from: if it is a copy, from what memory, as
// it was read at which position.
func (s *wordSearch) source(ctx context.Context, p physical, a *arrival, o *view.Origin) (next *physical, from uint64, err error) {
	t, err := s.trace(ctx, a.from, traceBack)
	if err != nil {
		return nil, 0, err
	}
	dest, first, n := s.part(t, p)
	if n == 0 {
		o.End, o.Text, o.Sure = view.EndUnknown, "where it came from is not known: what is written is not told apart", false
		return nil, 0, nil
	}
	some := "" // of it
	if n < len(p.value) {
		some = fmt.Sprintf(" (%d of its %s)", n, bytesOf(len(p.value)))
	}
	src := origin.Of(t.steps, dest, uint64(n))
	switch src.Kind {
	case origin.Unknown:
		o.End, o.Text = view.EndUnknown, "where it came from is not known: "+src.Why+some
		return nil, 0, nil
	case origin.Computed:
		o.End, o.Text = view.EndComputed, "computed: "+src.Why+some
		return nil, 0, nil
	}
	if n < len(p.value) {
		whole, begun, err := s.wholeCopy(ctx, t, a.from, dest-uint64(first), len(p.value))
		if err != nil {
			return nil, 0, err
		}
		if whole && src.Addr >= uint64(first) {
			src.Addr, first, n, some = src.Addr-uint64(first), 0, len(p.value), ""
			if o.Old, err = s.valueAt(ctx, p, begun); err != nil {
				return nil, 0, err
			}
		}
	}
	from = t.positions[src.At]
	if err := s.moveTo(ctx, from); err != nil {
		return nil, 0, err
	}
	got, err := readPhysical(s.m.Fresh(t.roots[src.At]), src.Addr, n)
	if err != nil || !bytes.Equal(got.value, p.value[first:first+n]) {
		o.End, o.Text, o.Sure = view.EndUnknown, fmt.Sprintf("seems to be copied from %#x, but that held %s%s", src.Addr, shown(got.value), some), false
		return nil, 0, nil
	}
	o.Text = fmt.Sprintf("copied from %#x (physical %#x)%s", src.Addr, got.addr, some)
	return &got, from, nil
}

// valueAt is what memory has at a position.
func (s *wordSearch) valueAt(ctx context.Context, p physical, position uint64) (uint64, error) {
	if err := s.moveTo(ctx, position); err != nil {
		return 0, err
	}
	_, now, err := s.has(p)
	return memory.LittleEndian(clip(now)), err
}

// part is which bytes of a piece of memory the last instruction of a trace writes: the
// address of the first, its place in the piece, and how many they are.
func (s *wordSearch) part(t *traced, p physical) (dest uint64, first, n int) {
	write := t.steps[len(t.steps)-1].Writes()
	for off := uint64(0); off < write.Size; off++ {
		_, phys, err := s.m.Space().Translate(write.Addr + off)
		if err == nil && phys >= p.addr && phys-p.addr < uint64(len(p.value)) {
			if n == 0 {
				first, dest = int(phys-p.addr), write.Addr+off
			}
			n++
		}
	}
	return dest, first, n
}

// wholeCopy says whether a piece of memory was copied in parts, of which the last is the
// last of a trace, from one other piece, and at which position that began.
func (s *wordSearch) wholeCopy(ctx context.Context, t *traced, to, dest uint64, size int) (ok bool, begun uint64, err error) {
	for range 2 {
		for i := range t.steps { // of this address space only
			if t.roots[i] != t.roots[len(t.roots)-1] {
				continue
			}
			if _, first, ok := origin.Whole(t.steps[i:], dest, uint64(size)); ok {
				return true, t.positions[i+first], nil
			}
			break
		}
		if t, err = s.trace(ctx, to, maxBlock); err != nil {
			return false, 0, err
		}
	}
	return false, 0, nil
}

// traced are instructions that were executed once more: each with its position and page
// tables.
type traced struct {
	steps            []origin.Step
	positions, roots []uint64
}

// trace executes so many instructions up to a position once more; the last one is that
// which is executed there.
func (s *wordSearch) trace(ctx context.Context, to, back uint64) (*traced, error) {
	begin := to - min(to, back)
	if sv := s.saveBefore(to); sv != nil {
		begin = max(begin, sv.position)
	}
	if err := s.moveTo(ctx, begin); err != nil {
		return nil, err
	}
	t := &traced{}
	for {
		if err := s.m.Look(ctx, s.m.Stopped); err != nil {
			return nil, err
		}
		t.steps, t.positions, t.roots = append(t.steps, s.step()), append(t.positions, s.at), append(t.roots, s.m.CPU().Root)
		if s.at >= to {
			return t, nil
		}
		if err := s.stepTo(ctx, s.at+1); err != nil {
			return nil, err
		}
	}
}

// shown is a value in words.
func shown(value []byte) string {
	if len(value) == 0 {
		return "nothing that can be read"
	}
	return fmt.Sprintf("%#x", memory.LittleEndian(clip(value)))
}
