// Package debuginfo answers questions about a program from its ELF file and
// DWARF debug info as g++ writes it (DWARF 2 to 5): where members of C++
// classes lie, where variables are, at which addresses a function is entered,
// what an expression over a stopped program's memory and registers yields, and
// who called.
//
// Type units, split DWARF and what dwz shares between files are refused, see
// ErrForm. Separate debug info is found by link, name and build id.
//
// Below it stand elffile (where in which file), cxx (how names are spelled), index
// (what stands where in the debug info) and syntax (expressions as trees). Here are
// types (types, typeload), values, expressions (eval, scope, location), unwinding and
// calling conventions.
//
// It knows DWARF, C++ and the calling conventions of the supported
// processors. It must not know any kernel, component or session, nor where
// memory and registers come from: callers hand in a Memory and Registers. It
// uses debug/dwarf for entries and lines, and delve's packages for call frame
// information, location lists and register numbers. C++ base classes, which
// debug/dwarf's types leave out, are read from the entries here.
//
// Debug info may be damaged and memory may hold anything: every walk, count
// and recursion has a bound, and Load turns what the parsers make of a broken
// file into an error.
//
// A File can be used by several goroutines at once.
package debuginfo
