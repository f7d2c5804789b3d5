// The kernel's part: system calls that alter a word of whatever space asks.

#define sys_call_wrapper ordinary_sys_call
#include "kernel/sys_call.cc"
#undef sys_call_wrapper

#include "plant.h"

namespace {

inline void outl(uint16_t port, uint32_t v) { asm volatile ("outl %0, %1" : : "a" (v), "Nd" (port) : "memory"); }

// Through the kernel's own mapping of all memory.
__attribute__((NOIPA))
void stray_write(Mword *to)
{
	*to = Plant::ASTRAY + Plant::Kernel;
}

// QEMU's fw_cfg device writes it: item 3, the size of RAM (docs/specs/fw_cfg.rst). The
// device takes the second half of the address as the order to begin.
__attribute__((NOIPA))
void device_write(Address to)
{
	struct { uint32_t control, length; uint64_t address; } static volatile order;
	enum { Select = 1 << 3, Read = 1 << 1, Item_ram_size = 3 };
	order.control = __builtin_bswap32(Item_ram_size << 16 | Select | Read);
	order.length = __builtin_bswap32(sizeof(Mword));
	order.address = __builtin_bswap64(to);
	Address at = Mem_layout::pmem_to_phys((void const *)&order);
	outl(0x514, __builtin_bswap32((uint32_t)(at >> 32)));
	outl(0x518, __builtin_bswap32((uint32_t)at));
	while (order.control)
		;
}

}

extern "C" void sys_call_wrapper(Entry_frame *f)
{
	if (f->_rax != Plant::Sys_stray && f->_rax != Plant::Sys_dma)
		return ordinary_sys_call(f);
	void *to = current()->space()->lookup(f->_rdx);
	if (to && f->_rax == Plant::Sys_stray)
		stray_write((Mword *)to);
	else if (to)
		device_write(Mem_layout::pmem_to_phys(to));
	f->_rax = to ? Ok : Failed;
}
