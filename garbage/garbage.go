// Package garbage sets how much memory may be left over before it is collected.
//
// It knows Go's collector. It must not know who uses the memory.
package garbage

import "runtime"

// Spare lets at least so many bytes be left over before they are collected, until it is told
// to end. Without it that is as much as is in use, which for a small guest is so little that
// half of the time that a stop's first decoding takes went into collecting. It is memory that
// the collector counts as used; the system never gives a page of it, since none is touched.
func Spare(bytes int) (end func()) {
	spare := make([]byte, bytes)
	return func() { runtime.KeepAlive(spare) }
}

// Enough is what a program that decodes stops lets be left over.
const Enough = 32 << 20
