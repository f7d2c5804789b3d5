package gdbremote

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// maxPacket bounds a packet's payload after escapes and run-lengths are
// undone. QEMU announces 0x1000; GDB's own stubs stay below 0x4000.
const maxPacket = 1 << 18

// maxJunk bounds the bytes between packets that are neither acks nor packets.
const maxJunk = 1 << 16

const hexDigits = "0123456789abcdef"

func isHex(c byte) bool { return unhex(c) < 16 }

// unhex is the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// appendPacket appends payload framed as $payload#checksum, with the bytes that
// have a meaning of their own escaped.
func appendPacket(dst, payload []byte) []byte {
	dst = append(dst, '$')
	var sum byte
	for _, b := range payload {
		if b == '$' || b == '#' || b == '}' || b == '*' {
			sum += '}'
			dst = append(dst, '}')
			b ^= 0x20
		}
		sum += b
		dst = append(dst, b)
	}
	return append(dst, '#', hexDigits[sum>>4], hexDigits[sum&15])
}

// appendHex appends the lower-case hexadecimal form of p.
func appendHex(dst, p []byte) []byte { return hex.AppendEncode(dst, p) }

// decodeHex fills dst from src, which must be exactly twice as long.
func decodeHex(dst, src []byte) error {
	if len(src) != 2*len(dst) {
		return fmt.Errorf("%d hex digits for %d bytes: %w", len(src), len(dst), ErrProtocol)
	}
	for i := range dst {
		hi, lo := unhex(src[2*i]), unhex(src[2*i+1])
		if hi > 15 || lo > 15 {
			return fmt.Errorf("hex digits %q: %w", src[2*i:2*i+2], ErrProtocol)
		}
		dst[i] = hi<<4 | lo
	}
	return nil
}

// eventKind is what a decoder has seen on the wire.
type eventKind uint8

const (
	evPacket    eventKind = iota // a packet with a good checksum
	evBadPacket                  // a packet with a bad checksum or bad escapes
	evNotify                     // a notification (%...), never acknowledged
	evAck                        // +
	evNak                        // -
	evBreak                      // 0x03 outside a packet (seen by servers)
	evJunk                       // a byte that belongs to nothing
	evTooLong                    // a packet longer than maxPacket: give up
)

// event is one thing seen on the wire; payload is owned by the receiver.
type event struct {
	kind    eventKind
	payload []byte
}

// decoder is the receiving half of the packet layer, fed byte by byte so that
// it does not matter how the wire cuts packets.
type decoder struct {
	state   func(*decoder, byte) (event, bool)
	notify  bool
	sum     byte   // of the raw bytes so far
	want    byte   // first checksum digit
	bad     bool   // the payload's escapes or run-lengths are wrong
	inBody  bool   // the next byte is one of the payload, or ends it
	payload []byte // decoded so far
}

// feed takes the next byte and returns an event if it completes one.
func (d *decoder) feed(b byte) (event, bool) {
	if d.state == nil {
		d.state = (*decoder).idle
	}
	return d.state(d, b)
}

// run takes the bytes that p begins with if they can only be a packet's payload,
// and returns how many: almost all are.
func (d *decoder) run(p []byte) int {
	if !d.inBody || len(d.payload)+len(p) > maxPacket {
		return 0
	}
	n, sum := 0, d.sum
	for n < len(p) && p[n] != '#' && p[n] != '$' && p[n] != '}' && p[n] != '*' {
		sum += p[n]
		n++
	}
	d.payload, d.sum = append(d.payload, p[:n]...), sum
	return n
}

func (d *decoder) idle(b byte) (event, bool) {
	switch b {
	case '$', '%':
		d.start(b)
		return event{}, false
	case '+':
		return event{kind: evAck}, true
	case '-':
		return event{kind: evNak}, true
	case 0x03:
		return event{kind: evBreak}, true
	}
	return event{kind: evJunk, payload: []byte{b}}, true
}

func (d *decoder) start(b byte) {
	d.notify = b == '%'
	d.sum, d.bad = 0, false
	d.payload = make([]byte, 0, 64)
	d.state, d.inBody = (*decoder).body, true
}

func (d *decoder) body(b byte) (event, bool) {
	switch b {
	case '#':
		d.state, d.inBody = (*decoder).checksum1, false
		return event{}, false
	case '$':
		// A packet cannot contain '$': the previous one was cut off.
		d.start(b)
		return event{kind: evBadPacket}, true
	case '}':
		d.sum += b
		d.state, d.inBody = (*decoder).escaped, false
		return event{}, false
	case '*':
		d.sum += b
		d.state, d.inBody = (*decoder).repeat, false
		return event{}, false
	}
	d.sum += b
	return d.put(b, 1)
}

func (d *decoder) escaped(b byte) (event, bool) {
	d.sum += b
	d.state, d.inBody = (*decoder).body, true
	return d.put(b^0x20, 1)
}

// repeat takes the count of a run: the character's code less 29 more copies of
// the byte before it. Codes outside the printable ones are not allowed.
func (d *decoder) repeat(b byte) (event, bool) {
	d.sum += b
	d.state, d.inBody = (*decoder).body, true
	if b < ' ' || b > '~' || b == '#' || b == '$' || len(d.payload) == 0 {
		d.bad = true
		if b == '#' { // better the end of a broken packet than a lost frame
			d.state, d.inBody = (*decoder).checksum1, false
		}
		return event{}, false
	}
	return d.put(d.payload[len(d.payload)-1], int(b)-29)
}

func (d *decoder) put(b byte, n int) (event, bool) {
	if len(d.payload)+n > maxPacket {
		d.payload = nil
		d.state, d.inBody = (*decoder).idle, false
		return event{kind: evTooLong}, true
	}
	for range n {
		d.payload = append(d.payload, b)
	}
	return event{}, false
}

func (d *decoder) checksum1(b byte) (event, bool) {
	d.want = unhex(b)
	d.state = (*decoder).checksum2
	return event{}, false
}

func (d *decoder) checksum2(b byte) (event, bool) {
	d.state = (*decoder).idle
	lo := unhex(b)
	p := d.payload
	d.payload = nil
	switch {
	case d.bad || d.want > 15 || lo > 15 || d.want<<4|lo != d.sum:
		if d.notify { // notifications are never acknowledged nor repeated
			return event{}, false
		}
		return event{kind: evBadPacket}, true
	case d.notify:
		return event{kind: evNotify, payload: p}, true
	}
	return event{kind: evPacket, payload: p}, true
}

var errJunk = errors.New("too many bytes outside packets")
