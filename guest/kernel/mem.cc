// Memory of the kernel, and page tables.

#include "mem_space.h"
#include "hw.h"

Address Kmem_alloc::_next, Kmem_alloc::_end, Kmem_alloc::_user_start, Kmem_alloc::_user_end;
Address Kmem_alloc::_slab, Kmem_alloc::_slab_end;
Kernel_task *Kernel_task::_task;

extern Pdir boot_pml4;

void *memset(void *p, int c, size_t n)
{
	char *d = (char *)p;
	while (n--)
		*d++ = (char)c;
	return p;
}

void *memcpy(void *dst, void const *src, size_t n)
{
	char *d = (char *)dst;
	char const *s = (char const *)src;
	while (n--)
		*d++ = *s++;
	return dst;
}

// The kernel takes a quarter of RAM, the rest is core's to give away.
void Kmem_alloc::init(Address first, Address last)
{
	_next = first;
	_end = first + (last - first) / 4 / Page_size * Page_size;
	_user_start = _end;
	_user_end = last;
}

void *Kmem_alloc::pages(unsigned n)
{
	Address size = n * Page_size;
	Address p = (_next + size - 1) / size * size;
	if (p + size > _end)
		panic("out of kernel memory");
	_next = p + size;
	void *v = Mem_layout::phys_to_pmem(p);
	memset(v, 0, size);
	return v;
}

void *Kmem_alloc::object(size_t size)
{
	size = (size + 15) & ~size_t(15);
	if (_slab + size > _slab_end)
	{
		_slab = (Address)pages(1);
		_slab_end = _slab + Page_size;
	}
	void *p = (void *)_slab;
	_slab += size;
	return p;
}

static Pdir *table_of(Mword entry)
{
	return (Pdir *)Mem_layout::phys_to_pmem(entry & 0x000ffffffffff000UL);
}

Per_cpu<Mem_space *> Mem_space::_current;

void Mem_space::make_current()
{
	Hw::load_dir(phys_dir());
	_current.current() = this;
}

// A new space shares the kernel's mappings; what lies above them in the tables
// is its own, since its capability table goes there.
void Mem_space::init_dir()
{
	_dir = (Pdir *)Kmem_alloc::pages(1);
	Pdir *kernel = (Pdir *)Mem_layout::phys_to_pmem((Address)&boot_pml4);
	_dir->_entries[256] = kernel->_entries[256];
	Pdir *from = table_of(kernel->_entries[511]);
	Pdir *pdpt = (Pdir *)Kmem_alloc::pages(1), *pd = (Pdir *)Kmem_alloc::pages(1);
	pd->_entries[384] = table_of(from->_entries[511])->_entries[384];
	pdpt->_entries[511] = Mem_layout::pmem_to_phys(pd) | Present | Writable;
	_dir->_entries[511] = Mem_layout::pmem_to_phys(pdpt) | Present | Writable;
}

Mword *Mem_space::walk(Address virt, bool alloc)
{
	Pdir *t = _dir;
	for (int shift = 39; shift > 12; shift -= 9)
	{
		Mword &e = t->_entries[virt >> shift & 511];
		if (!(e & Present))
		{
			if (!alloc)
				return nullptr;
			e = Mem_layout::pmem_to_phys(Kmem_alloc::pages(1)) | Present | Writable | User;
		}
		if (e & 0x80)
			return nullptr;
		t = table_of(e);
	}
	return &t->_entries[virt >> 12 & 511];
}

bool Mem_space::map(Address virt, Address phys, Mword rights)
{
	Mword *e = walk(virt, true);
	if (!e)
		return false;
	*e = phys | rights | Present;
	asm volatile ("invlpg (%0)" : : "r" (virt) : "memory");
	return true;
}

void *Mem_space::lookup(Address virt)
{
	Mword *e = walk(virt, false);
	if (!e || !(*e & Present))
		return nullptr;
	return (char *)Mem_layout::phys_to_pmem(*e & 0x000ffffffffff000UL) + (virt & (Page_size - 1));
}

Kernel_task::Kernel_task() { _task = this; }

// Kernel objects are never deleted; virtual destructors ask for this all the
// same.
void operator delete(void *) noexcept { panic("a kernel object was deleted"); }
void operator delete(void *p, size_t) noexcept { operator delete(p); }
