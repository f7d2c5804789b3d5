package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/words"
)

// Divergence tells where a restored thread, coming back to user mode, parts from
// the checkpointed one, had that gone on from where the kernel keeps it: both are
// executed up to their next system call, and put back.
type Divergence struct {
	Stop      int            `json:"stop"` // number of the stop at which both were tried
	Original  kernel.ID      `json:"original"`
	Registers []RegisterPair `json:"registers,omitempty"` // that differ at the beginning, ip and sp among them
	Common    int            `json:"common"`              // instructions that both execute alike
	Last      Place          `json:"last"`                // the last of them
	Text      string         `json:"text,omitempty"`      // of that instruction, "" if not known
	At        []RegisterPair `json:"at,omitempty"`        // registers that differ as it is executed
	Parted    bool           `json:"parted"`              // they part within what was executed
	By        string         `json:"by,omitempty"`        // what parts them: "instruction", "capability slot"
	Paths     [2]Path        `json:"paths"`               // the original's, the restored one's
	Problem   string         `json:"problem,omitempty"`   // why it could not be found out
}

// Path is what one of both executes.
type Path struct {
	At           Place    `json:"at"`           // its first instruction that the other does not execute, else its last one
	Instructions int      `json:"instructions"` // up to its end
	End          string   `json:"end"`          // "system call", "page fault at 0x8000", …
	EndAt        Place    `json:"endAt"`
	Slot         *SlotCap `json:"slot,omitempty"` // that the system call names, nil if none
}

// RegisterPair is a register with different values.
type RegisterPair struct {
	Name     string `json:"name"`
	Original uint64 `json:"original"`
	Restored uint64 `json:"restored"`
}

// What parts two threads.
const (
	byInstruction = "instruction"
	bySlot        = "capability slot"
)

// Diverge finds out where a restored thread that has just come back to user mode
// parts from its original. The guest is left as it was.
func (e *Engine) Diverge(ctx context.Context, thread kernel.ID) error {
	if e.reverser() != nil {
		return errors.New(whyReplayed)
	}
	t := e.trackByID(thread)
	if t == nil {
		return fmt.Errorf("thread %s: no state was requested for it, so there is nothing to compare", thread)
	}
	if block, err := e.currentBlock(ctx); err != nil || block != t.Block || !e.m.CPUs[e.cpu].User {
		return errors.Join(err, fmt.Errorf("thread %s %s does not run in user mode at this stop: go to where it returns there", t.ID, t.Name))
	}
	if err := e.diverge(ctx, t); err != nil {
		return e.arrive(ctx, nil, err)
	}
	return e.afterChange(ctx, fmt.Sprintf("compared %s (thread %s) with its original", t.Name, t.ID))
}

// diverge fills in a thread's divergence; what stands against it is no error.
func (e *Engine) diverge(ctx context.Context, t *track) error {
	d := &Divergence{Stop: e.history.last() + 1}
	t.Divergence = d
	w, ok := e.target.(Putter)
	if e.reverser() != nil {
		d.Problem = whyReplayed
		return nil
	}
	if !ok || e.arch.rootRegister == "" {
		d.Problem = "the page tables in use cannot be changed through this target"
		return nil
	}
	s, original, err := e.originalOf(ctx, t)
	if err != nil {
		d.Problem = err.Error()
		return nil
	}
	d.Original = original.ID
	from := original.Thread
	start := append(slices.Clone(from.Registers), kernel.Register{Name: e.arch.ip, Value: from.IP},
		kernel.Register{Name: e.arch.sp, Value: from.SP}, kernel.Register{Name: e.arch.flags, Value: from.Flags})
	restored, err := e.excursion(ctx, w, t.TaskRoot, nil, e.attachedTo(t))
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	task := s.System.Object(from.PD)
	first, err := e.excursion(ctx, w, task.PD.Root, start, e.ev.mapped)
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	d.compare(first, restored, e.comps[t.Program].place)
	e.describeLast(d, t.Program)
	d.Paths[0].Slot, d.Paths[1].Slot = e.slotOf(s, from.PD, t.Task, first), e.slotOf(s, t.Task, from.PD, restored)
	d.compareSlots()
	return nil
}

// attachedTo is what is attached to a thread's task, as far as that is known.
func (e *Engine) attachedTo(t *track) []attachment {
	if t.regions == nil || e.plat.attached == nil {
		return nil
	}
	all, _ := e.attachments(t.regions) // what a broken map has beyond is not found: a fault ends the excursion there
	return all
}

// noExcursion notes why an excursion has found nothing. That is no reason to end a
// session, but that the guest may not be as it was is, or that the user leaves.
func noExcursion(ctx context.Context, d *Divergence, err error) error {
	if !errors.Is(err, errNotPutBack) && ctx.Err() == nil {
		d.Problem = err.Error()
		return nil
	}
	return fmt.Errorf("following both threads: %w", err)
}

// originalOf finds the checkpointed counterpart of a thread, with a user state
// that it could go on from.
func (e *Engine) originalOf(ctx context.Context, t *track) (*Snapshot, *kernel.Object, error) {
	s, err := e.snapshot(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	known := e.judge().pairs(s)[t.ID]
	if known == nil {
		return nil, nil, errors.New("its original is not known")
	}
	o := s.System.Object(known.ID)
	switch {
	case o == nil || o.Thread == nil || o.Addr != known.Addr:
		return nil, nil, errors.New("its original is gone")
	case o.Thread.Kept() == nil:
		return nil, nil, fmt.Errorf("its original has no user state in the kernel (%s)", o.Thread.Source)
	}
	if task := s.System.Object(o.Thread.PD); task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil, nil, errors.New("its original's task has no page tables")
	}
	return s, o, nil
}

// compare finds where two excursions part.
func (d *Divergence) compare(original, restored excursion, place func(uint64) Place) {
	a, b := original.steps, restored.steps
	if len(a) == 0 || len(b) == 0 {
		d.Problem = "nothing was executed"
		return
	}
	d.Registers = pairs(a[0].regs, b[0].regs)
	if a[0].ip != b[0].ip {
		d.Registers = append([]RegisterPair{{"ip", a[0].ip, b[0].ip}}, d.Registers...)
	}
	n := 0
	for n < len(a) && n < len(b) && a[n].ip == b[n].ip {
		n++
	}
	d.Common = n
	if n > 0 {
		d.Last, d.At = place(a[n-1].ip), pairs(a[n-1].regs, b[n-1].regs)
	}
	if n < max(len(a), len(b)) || original.end != restored.end {
		d.Parted, d.By = true, byInstruction
	}
	for i, x := range []excursion{original, restored} {
		d.Paths[i] = Path{At: place(x.steps[min(n, len(x.steps)-1)].ip), Instructions: len(x.steps), End: x.end, EndAt: place(x.last)}
	}
}

// pairs lists the registers with different values.
func pairs(original, restored []kernel.Register) []RegisterPair {
	var out []RegisterPair
	for _, r := range original {
		if v, ok := kernel.RegisterIn(restored, r.Name); ok && v != r.Value {
			out = append(out, RegisterPair{r.Name, r.Value, v})
		}
	}
	return out
}

// describeLast puts the last common instruction in words.
func (e *Engine) describeLast(d *Divergence, program string) {
	c := e.comps[program]
	if d.Common == 0 || c == nil {
		return
	}
	if in, err := c.decode(d.Last.Addr); err == nil {
		d.Text = in.text
	}
}

// slotOf is the capability that a system call of a task names. What is no slot of
// either child names none: nil.
func (e *Engine) slotOf(s *Snapshot, task, other kernel.ID, x excursion) *SlotCap {
	o := s.System.Object(task)
	if x.end != endSystemCall || !x.known || o == nil || o.PD == nil {
		return nil
	}
	slot := e.dec.Slot(x.selector)
	if c, ok := o.PD.Cap(slot); ok {
		d := DescribeSlot(s, c)
		return &d
	}
	if o := s.System.Object(other); o != nil && o.PD != nil {
		if _, ok := o.PD.Cap(slot); ok {
			return &SlotCap{Slot: slot, Type: emptySlot}
		}
	}
	return nil
}

// emptySlot is the type of a slot that only the other child has.
const emptySlot = "empty"

// compareSlots tells two that make the same system call with different objects.
func (d *Divergence) compareSlots() {
	a, b := d.Paths[0].Slot, d.Paths[1].Slot
	if d.Parted || a == nil || b == nil {
		return
	}
	if a.Slot != b.Slot || len(differences(*a, *b)) > 0 {
		d.Parted, d.By = true, bySlot
	}
}

// Lines put a divergence in words, the most important first.
func (d *Divergence) Lines() []string {
	if d.Problem != "" {
		return []string{"not compared with its original: " + d.Problem}
	}
	if !d.Parted {
		return []string{fmt.Sprintf("goes on like its original for %s, up to: %s", words.Count(d.Common, "instruction"), d.Paths[1].ending())}
	}
	var out []string
	switch {
	case d.By == bySlot:
		out = append(out, fmt.Sprintf("parts from its original at the first system call, after %s: another object is invoked", words.Count(d.Common, "common instruction")))
	case d.Common == 0:
		out = append(out, "parts from its original at the first instruction")
	default:
		out = append(out, fmt.Sprintf("parts from its original after %s, behind %s", words.Count(d.Common, "common instruction"), d.Last.Bare()))
		if d.Text != "" {
			out[0] += ": " + d.Text
		}
	}
	for i, who := range []string{"original", "restored"} {
		p := d.Paths[i]
		out = append(out, fmt.Sprintf("%s: %s, after %s: %s", who, p.At.Bare(), words.Count(p.Instructions, "instruction"), p.ending()))
	}
	if d.Common > 0 && len(d.At) > 0 {
		out = append(out, "registers that differ there (original, restored): "+pairsText(d.At))
	} else if len(d.Registers) > 0 {
		out = append(out, "registers that differ at the beginning (original, restored): "+pairsText(d.Registers))
	}
	return out
}

// ending is how a path ends.
func (p *Path) ending() string {
	text := p.End
	if p.EndAt != p.At {
		text += " in " + p.EndAt.Bare().String()
	}
	if p.Slot != nil {
		text += " on slot " + p.Slot.String()
	}
	return text
}

func pairsText(all []RegisterPair) string {
	var out []string
	for _, p := range all {
		out = append(out, fmt.Sprintf("%s %x, %x", p.Name, p.Original, p.Restored))
	}
	return strings.Join(out, "; ")
}
