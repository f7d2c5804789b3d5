package gdbremote

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// decodeAll feeds a text to a decoder and describes what comes out.
func decodeAll(in []byte) []event {
	var d decoder
	var out []event
	for _, b := range in {
		if ev, ok := d.feed(b); ok {
			out = append(out, ev)
		}
	}
	return out
}

func TestAppendPacket(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "$#00"},
		{"OK", "$OK#9a"},
		{"m1000,10", "$m1000,10#bb"},
		{"a#b$c}d*e", "$a}\x03b}\x04c}]d}\ne#51"},
	} {
		if got := string(appendPacket(nil, []byte(tt.in))); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecoder(t *testing.T) {
	long := "$" + strings.Repeat("a", maxPacket+1) + "#00"
	for _, tt := range []struct {
		name, in string
		kinds    []eventKind
		payload  string // of the last event
	}{
		{"plain", "$OK#9a", []eventKind{evPacket}, "OK"},
		{"acks", "+-+$#00", []eventKind{evAck, evNak, evAck, evPacket}, ""},
		{"upper-case checksum", "$OK#9A", []eventKind{evPacket}, "OK"},
		{"bad checksum", "$OK#9b", []eventKind{evBadPacket}, ""},
		{"no hex in checksum", "$OK#9x", []eventKind{evBadPacket}, ""},
		{"run-length", "$0* #7a", []eventKind{evPacket}, "0000"},
		{"run-length of nothing", "$* #4a", []eventKind{evBadPacket}, ""},
		{"run-length count too small", "$0*\x1c#76", []eventKind{evBadPacket}, ""},
		{"run-length cut off", "$0*#5a$OK#9a", []eventKind{evBadPacket, evPacket}, "OK"},
		{"escape", "$}\x03}\x04}]}\x0a#62", []eventKind{evPacket}, "#$}*"},
		{"interrupt", "\x03", []eventKind{evBreak}, ""},
		{"notification", "%Stop:T05#99$OK#9a", []eventKind{evNotify, evPacket}, "OK"},
		{"bad notification", "%Stop:T05#00$OK#9a", []eventKind{evPacket}, "OK"},
		{"cut off by the next", "$m12$OK#9a", []eventKind{evBadPacket, evPacket}, "OK"},
		{"junk", "ab$OK#9a", []eventKind{evJunk, evJunk, evPacket}, "OK"},
		{"too long", long[:maxPacket+2], []eventKind{evTooLong}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := decodeAll([]byte(tt.in))
			if len(out) != len(tt.kinds) {
				t.Fatalf("%d events, want %d", len(out), len(tt.kinds))
			}
			for i, ev := range out {
				if ev.kind != tt.kinds[i] {
					t.Errorf("event %d is %d, want %d", i, ev.kind, tt.kinds[i])
				}
			}
			if got := string(out[len(out)-1].payload); got != tt.payload {
				t.Errorf("payload %q, want %q", got, tt.payload)
			}
		})
	}
}

func TestDecodeHex(t *testing.T) {
	buf := make([]byte, 2)
	if err := decodeHex(buf, []byte("0aFf")); err != nil || !bytes.Equal(buf, []byte{0x0a, 0xff}) {
		t.Errorf("%x, %v", buf, err)
	}
	for _, bad := range []string{"", "0a0", "0a0g", "0a0b0c"} {
		if decodeHex(buf, []byte(bad)) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// FuzzDecoder looks for input that makes the decoder fail, or grow without bound.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{"$OK#9a", "+$0* #7a-", "$}", "%Stop:T05#99", "$a*~*~*~#00", "HTTP/1.1 400", "$$$###***}}}", "\x03$#00",
		"$a*#00", "$*~#00", "%x#00", "-", "$" + strings.Repeat("a*~", maxPacket/98+1)} {
		f.Add([]byte(s))
	}
	for _, s := range []string{"", "}]*#$", "0aFf", "0g", "T05thread:p1.2;watch:ffff;", "T05thread:p-1.-1;hwbreak:;", "T02thread:1.2;rwatch:x;", "T05replaylog:begin;", "T02", "T0b",
		"S05", "S06", "W00", "X09", "p1.2", "px.1", "p1.x", "2", "PacketSize=1000;qXfer:features:read+;vContSupported+;x+;multiprocess-", "PacketSize=fffffffff;PacketSize=1", "#\x00$*}"} {
		f.Add(appendPacket(nil, []byte(s)))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if all, runs := decodeAll(in), decodeRuns(in); !reflect.DeepEqual(all, runs) {
			t.Fatalf("byte by byte %v, in runs %v", all, runs)
		}
		for _, ev := range decodeAll(in) {
			if len(ev.payload) > maxPacket || len(ev.payload) > 98*len(in) {
				t.Fatalf("%d bytes out of %d", len(ev.payload), len(in))
			}
			if ev.kind == evPacket {
				// What was received can be sent, and is received the same.
				again := decodeAll(appendPacket(nil, ev.payload))
				if len(again) != 1 || again[0].kind != evPacket || !bytes.Equal(again[0].payload, ev.payload) {
					t.Fatalf("%q becomes %v", ev.payload, again)
				}
				if raw := make([]byte, len(ev.payload)/2); decodeHex(raw, ev.payload) == nil && !strings.EqualFold(string(appendHex(nil, raw)), string(ev.payload)) {
					t.Fatalf("%q becomes %x", ev.payload, raw)
				}
				isStop(ev.payload)
				parseStop(ev.payload)
				parseFeatures(string(ev.payload))
				ParseThreadID(string(ev.payload))
			}
		}
	})
}

// decodeRuns decodes as the client's reader does, from reads of some bytes each.
func decodeRuns(in []byte) []event {
	var d decoder
	var out []event
	for n := 1; len(in) > 0; n = n%7 + 1 {
		part := in[:min(n, len(in))]
		in = in[len(part):]
		for i := 0; i < len(part); {
			if taken := d.run(part[i:]); taken > 0 {
				i += taken
				continue
			}
			ev, ok := d.feed(part[i])
			i++
			if ok {
				out = append(out, ev)
			}
		}
	}
	return out
}
