// Where things lie in every address space.
#pragma once

#include "types.h"

class Mem_layout
{
public:
	enum : Address
	{
		Physmem    = 0xffff800000000000UL,  // all RAM, kernel only
		Kernel     = 0xfffffffff0000000UL,
		Caps_start = 0xfffffffff0800000UL,  // the task's capability table
		Caps_end   = 0xfffffffff2800000UL,
	};

	static constexpr Address phys_kernel = 0x400000;

	static void *phys_to_pmem(Address phys) { return (void *)(phys + Physmem); }
	static Address pmem_to_phys(void const *p)
	{
		Address a = (Address)p;
		return a >= Kernel ? a - Kernel + phys_kernel : a - Physmem;
	}
};

// Memory for kernel objects and page tables. Nothing is ever given back.
class Kmem_alloc
{
public:
	static void init(Address first, Address last);
	static void *pages(unsigned n);                   // zeroed, aligned to their size
	static void *object(size_t size);                 // zeroed
	static Address user_start() { return _user_start; }
	static Address user_end() { return _user_end; }

private:
	static Address _next, _end, _user_start, _user_end;
	static Address _slab, _slab_end;
};
