// Package recording keeps debug sessions in files: what was read at every stop,
// so that the session can be replayed without QEMU, ELF files or Genode.
//
// It knows the file format (docs/recording.md) and what a session hands over
// (package session). It must not know kernels, targets or screens. A file that
// is read is hostile input: every size and count in it is bounded, hashes and
// references are checked, and no path in it is ever followed.
package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"thaw/session"
)

// The format's version. A reader refuses another major version; a minor one
// adds record types and JSON members, which older readers skip.
const (
	Major = 1
	Minor = 3
)

// magic begins a file. Its bytes show damage by text conversion, as PNG's do.
const magic = "\x89THAW\r\n\x1a"

// Header and record header, in bytes. All numbers are little-endian.
//
//	header: magic [8], major uint16, minor uint16, reserved [4]
//	record: type [4], length uint32, raw uint32, crc uint32, then length bytes
//
// length is that of the payload, one zstd frame; raw that of what it unpacks
// to; crc is CRC-32C over type, length, raw and payload.
const (
	headerSize       = 16
	recordHeaderSize = 16
)

// The types of records.
const (
	typeMeta  = "META" // JSON: metadata
	typeSyms  = "SYMS" // JSON: symbols, debug info that became known
	typePages = "PAGE" // pages: SHA-256 and contents of each
	typeMasks = "MASK" // masks: what is known of pages, since format 1.1
	typeStop  = "STOP" // JSON: stop
	typeLog   = "LOGL" // JSON: LOG lines behind the last stop
	typeMore  = "MORE" // JSON: more, pages that were looked at after a stop, since format 1.3
	typeNotes = "NOTE" // JSON: all notes of the user
	typeAsked = "ORIG" // JSON: all origins that were asked for, since format 1.2
	typeDone  = "DONE" // empty: the recording was ended in order
)

// Bounds on what a file may hold, beside maxMemory.
const (
	maxRecord = 32 << 20 // bytes, unpacked
	maxJSON   = 64 << 20 // bytes of all JSON records, unpacked
	maxPages  = 1 << 15  // pages of session.PageSize bytes
	maxMasks  = 1 << 16
	maxStops  = 1 << 14
)

const pageEntry = 32 + session.PageSize // hash and contents

// metadata is the first record.
type metadata struct {
	Made     string `json:"made"`   // RFC 3339
	By       string `json:"by"`     // program and version
	Target   string `json:"target"` // what was recorded, for people
	Guest    string `json:"guest,omitempty"`
	Scenario string `json:"scenario"` // text of the scenario file
	Variant  string `json:"variant,omitempty"`
	Sparse   bool   `json:"sparse,omitempty"` // of pages only what the model read is known
}

// stop is a stop's record.
type stop struct {
	*session.StopRecord
	pageList
}

// pageList is which pages hold physical memory at a stop.
type pageList struct {
	// Pages are physical page numbers with the page that holds their contents:
	// 0 for zeros, n for the n-th of the file.
	Pages [][2]uint64 `json:"pages"`
	// Known says of each of them which bytes are known: 0 for all, n for those of
	// the n-th mask of the file; the others are 0. Without it all are.
	Known []uint64 `json:"known,omitempty"`
}

// more are pages of a stop that were looked at after its record.
type more struct {
	Record int `json:"record"` // from 1
	pageList
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecord packs a record.
func appendRecord(dst []byte, enc *zstd.Encoder, typ string, raw []byte) ([]byte, error) {
	if len(raw) > maxRecord {
		return nil, fmt.Errorf("a record of %d bytes is larger than a recording may hold (%d)", len(raw), maxRecord)
	}
	start := len(dst)
	dst = append(dst, typ...)
	dst = append(dst, make([]byte, recordHeaderSize-len(typ))...)
	dst = enc.EncodeAll(raw, dst)
	h := dst[start:]
	binary.LittleEndian.PutUint32(h[4:], uint32(len(h)-recordHeaderSize))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(raw)))
	binary.LittleEndian.PutUint32(h[12:], checksum(h))
	return dst, nil
}

// checksum is a record's CRC.
func checksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:12], castagnoli), castagnoli, record[recordHeaderSize:])
}

// header is the beginning of a file.
func header() []byte {
	h := append([]byte(magic), make([]byte, headerSize-len(magic))...)
	binary.LittleEndian.PutUint16(h[8:], Major)
	binary.LittleEndian.PutUint16(h[10:], Minor)
	return h
}

// checkHeader says whether a file is a recording of a known version, and which
// minor one.
func checkHeader(h []byte) (minor int, err error) {
	if len(h) < headerSize || string(h[:len(magic)]) != magic {
		return 0, errors.New("it is not a thaw recording")
	}
	if major := binary.LittleEndian.Uint16(h[8:]); major != Major {
		return 0, fmt.Errorf("it is a recording of format %d, and this thaw reads format %d: use the thaw that made it, or a newer one", major, Major)
	}
	return int(binary.LittleEndian.Uint16(h[10:])), nil
}
