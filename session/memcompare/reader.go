package memcompare

import (
	"thaw/kernel"
	"thaw/memory"
)

// childReader reads a child's memory as the child sees it. What its page tables do not map
// right now is read where it is attached.
type childReader struct {
	c        *Comparer
	mapped   *memory.Space
	attached []Attachment
}

// Reader reads a child's memory, also what is not mapped right now: of the restored child as
// it is attached to it, of the original as it was mapped when the first phase began.
func (c *Comparer) Reader(task *kernel.Object) memory.Reader {
	r := &childReader{c: c, mapped: c.m.Fresh(task.PD.Root)}
	if m := c.restoredRegions(task.ID); m != nil && c.obs.Platform.Attached != nil {
		r.attached, _ = c.attachments(m) // as far as the map can be walked
	}
	if task.ID == c.obs.Ev.Original {
		r.attached = append(r.attached, c.State.Mapped...)
	}
	return r
}

// ReadMemory reads page by page.
func (r *childReader) ReadMemory(addr uint64, buf []byte) error {
	size := r.c.m.Paging.PageSize()
	for len(buf) > 0 {
		n := min(uint64(len(buf)), size-addr&(size-1))
		if err := r.mapped.ReadMemory(addr, buf[:n]); err != nil {
			phys, _, ok := AttachedPage(r.attached, addr&^(size-1), size)
			if !ok {
				return err
			}
			q := []memory.Request{{Addr: phys + addr&(size-1), Buf: buf[:n]}}
			if err := r.c.m.ReadPhysical(q); err != nil {
				return err
			}
			if q[0].Err != nil {
				return q[0].Err
			}
		}
		addr, buf = addr+n, buf[n:]
	}
	return nil
}
