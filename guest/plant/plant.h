// A wrong pointer for each way in which a byte can go wrong: what the programs of this
// build agree on. The boot option "plant=" names one of the ways, or all of them, each of
// which has a word of its own.
#pragma once

#include "abi.h"

namespace Plant {

typedef unsigned long addr_t;

// The child's words. It allocates two pages behind its heap for them.
struct Meadow
{
	addr_t stale;                          // on the page that was not seen to be dirty
	addr_t unused[4096 / sizeof(addr_t) - 1];
	addr_t copies, message, foreign, kernel, device, restorer, child, other, same, byte;
	addr_t order;                          // the child is to write its own
	addr_t rom_at;                         // where its initialised pointer is
};

// What the pointers lead to, and what they lead to once they are wrong.
constexpr addr_t MEADOW = 0x20010000, FLOCK = 0x20001000, ASTRAY = 0xdead0000;

// A page of the child that the restorer copies in the wrong direction: the lowest one of
// the stack of "signal handler".
enum : addr_t { REVERSED = 0x402fc000 };

// Where core maps the meadow into the restorer.
enum : addr_t { MAPPED = 0x31000000, ELSEWHERE = 0x32000000 };

// The ways that something is to be done for, by their place in this list.
enum Way : addr_t { Stale, Direction, Copies, Message, Foreign, Kernel, Device, Restorer, Child, Other, Same, Byte, Rom, WAYS };
constexpr char const *ways[] = { "stale-page", "wrong-direction", "copy-of-copy", "message", "core", "kernel", "device", "restorer", "child", "two-mappings", "same-value", "one-byte", "rom" };

// Requests to core beside its own.
enum Rpc : addr_t
{
	First = 0x1000000,
	Ways = First,      // → a bit for each way
	Attach,            // pd, region, address, writable: maps the region into the restorer
	Put,               // pd, region, offset: eight bytes of the state buffer go there
	Write,             // pd, region, offset, value
	Stray,             // pd, region, offset: core writes, the kernel, or a device
	Stray_kernel,
	Stray_device,
	Reload_word,       // pd, address: what the program has there
	Last,
};

// System calls of this kernel.
enum : unsigned long
{
	Sys_stray = 0x100, // rdx address: the kernel writes a word there
	Sys_dma,           // rdx address: has a device write a word there
};

// A copy by one instruction.
inline __attribute__((always_inline))
void copy_string(void *to, void const *from, addr_t n)
{
	asm volatile ("rep movsb" : "+D" (to), "+S" (from), "+c" (n) : : "memory");
}

}
