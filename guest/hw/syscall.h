// Kernel calls as the user programs make them: takes the place of ../base/syscall.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

namespace Genode {

typedef unsigned long addr_t;
using ::size_t;
using ::uint16_t;
using ::uint8_t;
using ::uint32_t;

// Each thread has a slot of the stack area, with its UTCB in the middle and its
// stack at the end. Core's threads have slots, too, somewhere in core's memory.
enum : addr_t
{
	STACK_AREA = 0x40000000,
	STACK_SLOT = 0x100000,
	UTCB_OFFSET = 0x80000,
	STACK_SIZE = 0x4000,
	PAGE = 4096,
};

// Stack pointer that a thread starts with, as after a call.
inline addr_t thread_sp(addr_t slot) { return STACK_AREA + (slot + 1) * STACK_SLOT - 64 - 8; }

struct Utcb
{
	enum { MAX_WORDS = 63 };
	addr_t values[MAX_WORDS];
	addr_t words;
	addr_t polls;       // not 0: the thread looks for requests by itself, and never waits (bug=running); 2 while it does
};

inline Utcb volatile &utcb_now()
{
	addr_t sp;
	asm volatile ("movq %%rsp, %0" : "=r" (sp));
	return *(Utcb *)((sp & ~(STACK_SLOT - 1)) + UTCB_OFFSET);
}

inline Utcb &utcb() { return const_cast<Utcb &>(utcb_now()); }

struct Result { addr_t code, label; };

inline __attribute__((always_inline))
Result sys(Sys_call op, addr_t a = 0, addr_t b = 0, addr_t c = 0, addr_t = 0)
{
	if (op == Sys_ipc_wait)
		while (utcb_now().polls)
			utcb_now().polls = 2;
	Result r { op, 0 };
	asm volatile ("int $0x80" : "+D" (r.code), "+S" (a), "+d" (b) : "c" (c) : "memory");
	return r;
}

}

extern "C" void *memcpy(void *, void const *, size_t);
extern "C" void *memset(void *, int, size_t);
inline void *operator new(size_t, void *p) { return p; }
