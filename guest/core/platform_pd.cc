// Protection domains, memory, capability indices.

#include "platform.h"

using namespace Genode;

addr_t Ram::_next, Ram::_end;

void Ram::init(Boot_info const &b)
{
	_next = b.ram_start + PAGE;      // the first page is the first thread's UTCB
	_end = b.ram_end;
}

addr_t Ram::alloc(addr_t pages)
{
	addr_t p = _next;
	if (_next + pages * PAGE > _end)
	{
		log("\033[31mout of memory");
		for (;;)
			sleep_ms(1000);
	}
	_next += pages * PAGE;
	memset((void *)p, 0, pages * PAGE);
	return p;
}

addr_t Native_capability::Data::kcap() const
{
	return cap_idx_alloc()->idx_to_kcap(static_cast<Core_cap_index const *>(this));
}

Cap_index_allocator *Genode::cap_idx_alloc()
{
	static Cap_index_allocator alloc;
	return &alloc;
}

Platform_pd::Platform_pd(addr_t task_selector) : _task_selector(task_selector)
{
	if (task_selector)
		return;
	_task.local = new_cap();
	sys(Sys_create_task, task());
	_task.map(task(), SLOT_TASK << Cap_shift);
}

void Platform_pd::map(addr_t addr, addr_t ram, addr_t pages, bool writable)
{
	for (addr_t i = 0; i < pages; i++)
		sys(Sys_map_page, task(), ram + i * PAGE, addr + i * PAGE, writable);
}

void Region_map_component::attach(addr_t base, addr_t ram, addr_t pages, bool write)
{
	if (_count == MAX)
		return;
	unsigned i = _count++;
	_dataspaces[i]._phys_addr = ram;
	_dataspaces[i]._size = pages * PAGE;
	_all[i] = Rm_region { base, pages * PAGE, write, &_dataspaces[i], 0, this };
	_refs[i]._region = &_all[i];
	_regions.insert(&_refs[i]);
}

Rm_region *Region_map_component::lookup(addr_t addr) const
{
	for (Rm_region_ref *r = _regions.first(); r; r = r->next())
		if (addr - r->_region->_base < r->_region->_size)
			return r->_region;
	return nullptr;
}

// Memory that is attached on demand is mapped by the pager, page by page.
unsigned Platform_pd::attach(addr_t addr, addr_t pages, bool on_demand)
{
	if (_region_count == REGION_MAX)
		return ~0U;
	Region &r = _regions[_region_count];
	r = { addr, pages, Ram::alloc(pages) };
	_address_space.attach(addr, r.ram, pages, true);
	if (!on_demand)
		map(addr, r.ram, pages, true);
	return _region_count++;
}

bool Platform_pd::bind_thread(Platform_thread *t, unsigned stack_slot)
{
	if (_thread_count == THREAD_MAX)
		return false;
	t->bind(this, stack_slot);
	_threads[_thread_count++] = t;
	return true;
}

// Parts of an ELF file that are used here (System V ABI).
struct Elf_header { uint8_t ident[16]; uint16_t type, machine; uint32_t version; uint64_t entry, phoff, shoff; uint32_t flags; uint16_t ehsize, phentsize, phnum; };
struct Elf_segment { uint32_t type, flags; uint64_t offset, vaddr, paddr, filesz, memsz, align; };

// A segment's contents; what the file does not hold is zero.
static void fill(addr_t ram, addr_t pages, Elf_segment const &s, Boot_info::Rom const &rom)
{
	memset((void *)ram, 0, pages * PAGE);
	memcpy((void *)(ram + (s.vaddr & (PAGE - 1))), (void *)(rom.addr + s.offset), s.filesz);
}

addr_t Platform_pd::load(Boot_info::Rom const &rom)
{
	_rom = &rom;
	Elf_header const &h = *(Elf_header const *)rom.addr;
	Elf_segment const *s = (Elf_segment const *)(rom.addr + h.phoff);
	for (unsigned i = 0; i < h.phnum; i++)
	{
		if (s[i].type != 1)
			continue;
		addr_t start = s[i].vaddr & ~(PAGE - 1), pages = (s[i].vaddr + s[i].memsz - start + PAGE - 1) / PAGE;
		bool writable = s[i].flags & 2;
		addr_t ram;
		if (writable)
			ram = _regions[attach(start, pages)].ram;
		else
		{
			map(start, ram = Ram::alloc(pages), pages, false);
			_address_space.attach(start, ram, pages, false);
		}
		fill(ram, pages, s[i], rom);
	}
	return _entry = h.entry;
}

void Platform_pd::reload_data()
{
	if (!_rom)
		return;
	Elf_header const &h = *(Elf_header const *)_rom->addr;
	Elf_segment const *s = (Elf_segment const *)(_rom->addr + h.phoff);
	for (unsigned i = 0; i < h.phnum; i++)
		for (unsigned r = 0; r < _region_count; r++)
			if (s[i].type == 1 && _regions[r].addr == (s[i].vaddr & ~(PAGE - 1)))
				fill(_regions[r].ram, _regions[r].pages, s[i], *_rom);
}
