package gdbremote

import (
	"context"
	"fmt"
	"strconv"

	"thaw/words"
)

// AddressMode says how a memory address is meant.
type AddressMode int

// The address modes.
const (
	Virtual  AddressMode = iota // through the page tables of the selected vCPU
	Physical                    // guest-physical; see Client.HasPhysical
)

// String names the mode.
func (m AddressMode) String() string {
	if m == Physical {
		return "physical"
	}
	return "virtual"
}

// MemoryRequest is one piece of memory to read: len(Buf) bytes at Addr. Err is
// nil if all of Buf was read. A piece that crosses into unmapped memory fails
// as a whole; Buf may have been changed then.
type MemoryRequest struct {
	Addr uint64
	Buf  []byte
	Err  error
}

// chunk is a part of a request that fits one packet.
type chunk struct {
	req    int
	offset int
	length int
}

// memoryChunk is how many bytes one m or M packet can carry: an answer has two
// digits a byte, and the frame. QEMU refuses more than half its PacketSize.
func (c *exchange) memoryChunk() int {
	return max((c.features.PacketSize-32)/2&^15, 16)
}

// split cuts requests into chunks.
func (c *exchange) split(lengths func(i int) int, n int) []chunk {
	limit := c.memoryChunk()
	chunks := make([]chunk, 0, n)
	for i := range n {
		for off, size := 0, lengths(i); off < size; off += limit {
			chunks = append(chunks, chunk{i, off, min(limit, size-off)})
		}
	}
	return chunks
}

// ReadMemoryBatch reads many pieces of memory with as many requests in flight
// as Options.Window allows. Each request gets its own error (ErrMemory if the
// stub cannot read it); the batch's error means that requests were not
// answered, and is also set in them.
func (c *exchange) ReadMemoryBatch(ctx context.Context, mode AddressMode, reqs []MemoryRequest) error {
	return c.readBatch(ctx, mode, reqs)
}

// readBatch is ReadMemoryBatch with other requests before.
func (c *exchange) readBatch(ctx context.Context, mode AddressMode, reqs []MemoryRequest, first ...ask) error {
	for i := range reqs {
		reqs[i].Err = nil
	}
	chunks := c.split(func(i int) int { return len(reqs[i].Buf) }, len(reqs))
	err := c.memoryBatch(ctx, mode, len(chunks), first,
		func(i int, dst []byte) []byte {
			ch := chunks[i]
			return appendMemory(dst, 'm', reqs[ch.req].Addr+uint64(ch.offset), ch.length)
		},
		func(i int, p []byte) {
			ch := chunks[i]
			req := &reqs[ch.req]
			if req.Err == nil {
				req.Err = c.readAnswer(mode, req.Addr+uint64(ch.offset), req.Buf[ch.offset:ch.offset+ch.length], p)
			}
		})
	if err != nil {
		err = fmt.Errorf("reading %s memory: %w", mode, err)
		for i := range reqs {
			reqs[i].Err = err
		}
	}
	return err
}

// readAnswer decodes the answer to an m packet.
func (c *exchange) readAnswer(mode AddressMode, addr uint64, dst, p []byte) error {
	if len(p) == 2*len(dst) {
		if err := decodeHex(dst, p); err == nil {
			return nil
		}
	}
	op := fmt.Sprintf("reading %s at %s %#x", words.Count(len(dst), "byte"), mode, addr)
	if se, refused := parseStubError(p); refused {
		return c.requestError(op, p, fmt.Errorf("%w: %w", ErrMemory, se))
	}
	if len(p)%2 == 0 && len(p) > 0 && len(p) < 2*len(dst) {
		return c.requestError(op, nil, fmt.Errorf("%w: only %s can be read", ErrMemory, words.Count(len(p)/2, "byte")))
	}
	return c.unexpected(op, p)
}

func appendMemory(dst []byte, letter byte, addr uint64, length int) []byte {
	dst = append(dst, letter)
	dst = strconv.AppendUint(dst, addr, 16)
	dst = append(dst, ',')
	return strconv.AppendInt(dst, int64(length), 16)
}

// ok is a request that is answered with OK.
func (c *exchange) ok(packet string) ask {
	return ask{packet, func(p []byte) error { return c.checkOK(packet, p) }}
}

// memoryBatch runs memory requests after others, and after what has to be said before
// them: the address mode, and the vCPU whose page tables count. All go ahead in the
// same batch, the last two only when they change.
func (c *exchange) memoryBatch(ctx context.Context, mode AddressMode, n int, before []ask,
	build func(i int, dst []byte) []byte, reply func(i int, p []byte)) error {
	if n == 0 && len(before) == 0 {
		return nil
	}
	op := mode.String() + " memory"
	if mode == Physical && !c.physical {
		return c.requestError(op, nil, fmt.Errorf("physical addresses: %w", ErrUnsupported))
	}
	if err := c.acquire(ctx, op); err != nil {
		return err
	}
	defer c.turn.unlock()
	if c.physical && c.mode != mode {
		before = append(before, c.ok(fmt.Sprintf("Qqemu.PhyMemMode:%d", mode)))
	}
	if mode == Virtual {
		before = append(before, c.selecting(c.memoryThread())...)
	}
	if err := c.doAfter(ctx, before, n, build, reply); err != nil {
		// The answers may come from another address space than asked for.
		c.mode, c.currentSet = -1, false
		return err
	}
	c.mode = mode
	return nil
}

// ReadMemory fills buf from the guest's memory at addr. It is ErrMemory if the
// stub cannot read all of it.
func (c *exchange) ReadMemory(ctx context.Context, mode AddressMode, addr uint64, buf []byte) error {
	reqs := []MemoryRequest{{Addr: addr, Buf: buf}}
	if err := c.ReadMemoryBatch(ctx, mode, reqs); err != nil {
		return err
	}
	return reqs[0].Err
}

// WriteMemory writes buf to the guest's memory at addr. When it fails, parts
// may have been written.
func (c *exchange) WriteMemory(ctx context.Context, mode AddressMode, addr uint64, buf []byte) error {
	chunks := c.split(func(int) int { return len(buf) }, 1)
	var failed error
	err := c.memoryBatch(ctx, mode, len(chunks), nil,
		func(i int, dst []byte) []byte {
			ch := chunks[i]
			dst = appendMemory(dst, 'M', addr+uint64(ch.offset), ch.length)
			return appendHex(append(dst, ':'), buf[ch.offset:ch.offset+ch.length])
		},
		func(i int, p []byte) {
			if failed == nil && string(p) != "OK" {
				op := fmt.Sprintf("writing %s at %s %#x", words.Count(chunks[i].length, "byte"), mode, addr+uint64(chunks[i].offset))
				failed = c.unexpected(op, p)
				if se, refused := parseStubError(p); refused {
					failed = c.requestError(op, p, fmt.Errorf("%w: %w", ErrMemory, se))
				}
			}
		})
	if err != nil {
		return fmt.Errorf("writing %s at %s %#x: %w", words.Count(len(buf), "byte"), mode, addr, err)
	}
	return failed
}
