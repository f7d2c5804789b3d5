package gdbremote

import (
	"bytes"
	"context"
	"fmt"
	"slices"
)

// registerFile reads and writes registers by the names of the stub's description.
type registerFile struct {
	exchange
	desc *Description
}

// Registers holds one thread's registers at one stop, by the names of the
// target description. The zero value has none.
type Registers struct {
	desc *Description
	raw  []byte            // the g packet
	gone map[string]bool   // inside raw, but the stub does not have them
	more map[string][]byte // beyond raw, fetched one by one, or set
}

// NewRegisters makes Registers of a g packet's bytes, which are kept.
func NewRegisters(desc *Description, raw []byte) *Registers {
	return &Registers{desc: desc, raw: raw}
}

// Raw is the g packet's bytes as the stub sent them. They must not be changed.
func (r *Registers) Raw() []byte { return r.raw }

// Bytes is a register's content in the stub's byte order, and false if the
// register is not known. The bytes must not be changed.
func (r *Registers) Bytes(name string) ([]byte, bool) {
	if p, ok := r.more[name]; ok {
		return p, true
	}
	reg, ok := r.desc.Register(name)
	if !ok || r.gone[name] || reg.Offset+reg.Size() > len(r.raw) {
		return nil, false
	}
	return r.raw[reg.Offset : reg.Offset+reg.Size()], true
}

// Uint64 is the value of a register of at most 64 bits.
func (r *Registers) Uint64(name string) (uint64, bool) {
	p, ok := r.Bytes(name)
	if !ok || len(p) > 8 {
		return 0, false
	}
	return r.desc.uint64(p), true
}

// SetUint64 changes a register in r only (Client.WriteRegister tells the
// stub). It reports whether there is such a register of at most 64 bits.
func (r *Registers) SetUint64(name string, value uint64) bool {
	p, ok := r.Bytes(name)
	if !ok || len(p) > 8 {
		return false
	}
	r.desc.putUint64(p, value)
	return true
}

// Names lists the registers whose content is known, by number.
func (r *Registers) Names() []string {
	if r.desc == nil {
		return nil
	}
	var names []string
	for _, reg := range r.desc.Registers {
		if _, ok := r.Bytes(reg.Name); ok {
			names = append(names, reg.Name)
		}
	}
	return names
}

// Description is what the names come from.
func (r *Registers) Description() *Description { return r.desc }

// Clone makes a copy that can be changed on its own.
func (r *Registers) Clone() *Registers {
	n := &Registers{desc: r.desc, raw: slices.Clone(r.raw)}
	for name := range r.gone {
		n.markGone(name)
	}
	for name, p := range r.more {
		n.set(name, slices.Clone(p))
	}
	return n
}

func (r *Registers) markGone(name string) {
	if r.gone == nil {
		r.gone = map[string]bool{}
	}
	r.gone[name] = true
}

func (r *Registers) set(name string, p []byte) {
	if r.more == nil {
		r.more = map[string][]byte{}
	}
	r.more[name] = p
}

// uint64 reads up to eight bytes in the description's byte order.
func (d *Description) uint64(p []byte) uint64 {
	var v uint64
	for i := range p {
		j := len(p) - 1 - i
		if d.ByteOrder.String() == "BigEndian" {
			j = i
		}
		v = v<<8 | uint64(p[j])
	}
	return v
}

// putUint64 writes the low bytes of v in the description's byte order.
func (d *Description) putUint64(p []byte, v uint64) {
	for i := range p {
		j := i
		if d.ByteOrder.String() == "BigEndian" {
			j = len(p) - 1 - i
		}
		p[j] = byte(v)
		v >>= 8
	}
}

// onThread does requests on a thread: the stub is told which one, in the same
// batch, unless it knows. The zero ThreadID means the one that stopped last.
func (c *registerFile) onThread(ctx context.Context, id ThreadID, packets ...string) ([][]byte, error) {
	if err := c.acquire(ctx, packets[0]); err != nil {
		return nil, err
	}
	defer c.turn.unlock()
	answers := make([][]byte, len(packets))
	return answers, c.doAfter(ctx, c.selecting(c.wanted(id)), len(packets),
		func(i int, dst []byte) []byte { return append(dst, packets[i]...) },
		func(i int, p []byte) { answers[i] = p })
}

// ReadRegisters reads a thread's registers; the zero ThreadID means the one
// that stopped last. Registers that the target description names beyond what
// the g packet holds are absent; ReadRegister may know them.
func (c *registerFile) ReadRegisters(ctx context.Context, thread ThreadID) (*Registers, error) {
	answers, err := c.onThread(ctx, thread, "g")
	if err != nil {
		return nil, fmt.Errorf("reading registers of vCPU %v: %w", c.wanted(thread), err)
	}
	regs, err := c.decodeRegisters(answers[0])
	if err != nil {
		return nil, fmt.Errorf("reading registers of vCPU %v: %w", c.wanted(thread), err)
	}
	return regs, nil
}

// ReadStop reads the registers of a virtual CPU and pieces of physical memory in one
// exchange, as ReadRegisters and ReadMemoryBatch do.
func (c *registerFile) ReadStop(ctx context.Context, thread ThreadID, reqs []MemoryRequest) (regs *Registers, err error) {
	thread = c.wanted(thread)
	first := []ask{{"g", func(p []byte) error {
		regs, err = c.decodeRegisters(p)
		return err
	}}}
	// Another call may select another vCPU meanwhile, so it is said whatever was said before.
	if !thread.IsZero() {
		first = append([]ask{c.selectAnew(thread)}, first...)
	}
	if err := c.readBatch(ctx, Physical, reqs, first...); err != nil {
		return nil, fmt.Errorf("reading registers of vCPU %v: %w", thread, err)
	}
	return regs, nil
}

// decodeRegisters reads a g answer, in which x stands for what is not known.
func (c *registerFile) decodeRegisters(p []byte) (*Registers, error) {
	if _, bad := parseStubError(p); bad || len(p) < 2 || len(p)%2 != 0 {
		return nil, c.unexpected("g", p)
	}
	unknown := make([]bool, len(p)/2)
	digits := slices.Clone(p)
	for i := range unknown {
		if p[2*i] == 'x' && p[2*i+1] == 'x' {
			unknown[i] = true
			digits[2*i], digits[2*i+1] = '0', '0'
		}
	}
	regs := NewRegisters(c.desc, make([]byte, len(p)/2))
	if err := decodeHex(regs.raw, digits); err != nil {
		return nil, c.requestError("g", p, err)
	}
	if c.desc == nil {
		return regs, nil
	}
	for _, reg := range c.desc.Registers {
		if end := reg.Offset + reg.Size(); end <= len(unknown) && slices.Contains(unknown[reg.Offset:end], true) {
			regs.markGone(reg.Name)
		}
	}
	return regs, nil
}

// ReadRegister reads one register by its number in the target description,
// which also reaches registers the g packet leaves out. The bytes are in the
// stub's order.
func (c *registerFile) ReadRegister(ctx context.Context, thread ThreadID, name string) ([]byte, error) {
	reg, err := c.register(name)
	if err != nil {
		return nil, err
	}
	packet := fmt.Sprintf("p%x", reg.Number)
	answers, err := c.onThread(ctx, thread, packet)
	if err != nil {
		return nil, fmt.Errorf("reading register %s: %w", name, err)
	}
	p := answers[0]
	if _, bad := parseStubError(p); bad || len(p) < 2 || p[0] == 'x' {
		return nil, fmt.Errorf("reading register %s: %w", name, c.unexpected(packet, p))
	}
	value := make([]byte, reg.Size())
	if err := decodeHex(value, p); err != nil {
		return nil, fmt.Errorf("reading register %s: %w", name, c.requestError(packet, p, err))
	}
	return value, nil
}

// Fetch adds registers to regs that its g packet did not hold.
func (c *registerFile) Fetch(ctx context.Context, thread ThreadID, regs *Registers, names ...string) error {
	for _, name := range names {
		if _, ok := regs.Bytes(name); ok {
			continue
		}
		p, err := c.ReadRegister(ctx, thread, name)
		if err != nil {
			return err
		}
		regs.set(name, p)
	}
	return nil
}

func (c *registerFile) register(name string) (Register, error) {
	reg, ok := c.desc.Register(name)
	if !ok {
		return reg, &Error{Op: "register " + name, To: c.addr, Err: ErrNoRegister}
	}
	return reg, nil
}

// WriteRegister changes one register of at most 64 bits. Stubs that cannot
// write a single one get all of them.
func (c *registerFile) WriteRegister(ctx context.Context, thread ThreadID, name string, value uint64) error {
	packet, err := c.registerPacket(name, value)
	if err != nil {
		return err
	}
	answers, err := c.onThread(ctx, thread, packet)
	if err == nil {
		err = c.checkOK(packet, answers[0])
	}
	if IsUnsupported(err) {
		err = c.writeAll(ctx, thread, name, value)
	}
	if err != nil {
		return fmt.Errorf("writing register %s: %w", name, err)
	}
	return nil
}

// PutRegisters writes all registers of a thread that differ from want, which was
// read before, of whatever size.
func (c *registerFile) PutRegisters(ctx context.Context, thread ThreadID, want *Registers) error {
	now, err := c.ReadRegisters(ctx, thread)
	if err != nil {
		return err
	}
	var packets, names []string
	for _, name := range want.Names() {
		reg, _ := c.desc.Register(name)
		old, _ := want.Bytes(name)
		if p, ok := now.Bytes(name); !ok || bytes.Equal(p, old) {
			continue
		}
		packets, names = append(packets, fmt.Sprintf("P%x=%x", reg.Number, old)), append(names, name)
	}
	if len(packets) == 0 {
		return nil
	}
	answers, err := c.onThread(ctx, thread, packets...)
	if err != nil {
		return fmt.Errorf("putting back registers of vCPU %v: %w", thread, err)
	}
	for i, p := range answers {
		if err := c.checkOK(packets[i], p); err != nil {
			return fmt.Errorf("putting back register %s: %w", names[i], err)
		}
	}
	return nil
}

// RegisterValue is a value for a register of at most 64 bits.
type RegisterValue struct {
	Name  string
	Value uint64
}

// registerPacket is the request to change a register.
func (c *registerFile) registerPacket(name string, value uint64) (string, error) {
	reg, err := c.register(name)
	if err != nil {
		return "", err
	}
	if reg.Bits > 64 || reg.Bits < 64 && value>>reg.Bits != 0 {
		return "", fmt.Errorf("writing register %s: %#x does not fit, it has %d bits and at most 64 can be written", name, value, reg.Bits)
	}
	p := make([]byte, reg.Size())
	c.desc.putUint64(p, value)
	return fmt.Sprintf("P%x=%x", reg.Number, p), nil
}

// writeAll is WriteRegister by way of the G packet.
func (c *registerFile) writeAll(ctx context.Context, thread ThreadID, name string, value uint64) error {
	regs, err := c.ReadRegisters(ctx, thread)
	if err != nil {
		return err
	}
	if !regs.SetUint64(name, value) {
		return c.requestError("G", nil, ErrNoRegister)
	}
	answers, err := c.onThread(ctx, thread, string(appendHex([]byte("G"), regs.raw)))
	if err != nil {
		return err
	}
	return c.checkOK("G", answers[0])
}

// Description is the stub's description of its registers, nil if it has none.
// It does not change during a connection.
func (c *registerFile) Description() *Description { return c.desc }
