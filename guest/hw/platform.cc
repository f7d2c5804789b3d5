// Core's protection domains and threads: Platform_thread::state() is where a request for
// a thread's state arrives.

#include "core.h"

using namespace Core;
using Genode::PAGE;
using Genode::uint16_t;
using Genode::uint32_t;
using Genode::uint8_t;

extern "C" char boot_pml4[];

static Kernel::Pd &core_pd() { return Kernel::Main::_instance->core_pd(); }

static Kernel::Pd::Core_data pd_data(addr_t id, addr_t *table, char const *name) { return { id, phys(table), table, name }; }

// Core has the page tables of the start.
Core_platform_pd::Core_platform_pd() { _kobj.construct(*_kobj, pd_data(0, (addr_t *)virt((addr_t)boot_pml4), "core")); }

Platform_pd::Platform_pd(char const *label)
{
	static addr_t id;
	addr_t *table = (addr_t *)Ram::alloc(1);
	for (unsigned upper = 256; upper < 512; upper++)
		table[upper] = core_pd()._core_data.table[upper];
	in_kernel([&] { _kobj.construct(core_pd(), pd_data(++id, table, label)); });
}

void Platform_pd::map(addr_t addr, char const *ram, addr_t pages, bool writable)
{
	in_kernel([&] {
		for (addr_t o = 0; o < pages * PAGE; o += PAGE)
			_kobj->map(addr + o, phys(ram + o), Kernel::Pd::USER | (writable ? (addr_t)Kernel::Pd::WRITABLE : 0));
	});
}

unsigned Platform_pd::attach(addr_t addr, addr_t pages)
{
	if (region_count == REGION_MAX)
		return ~0U;
	Region &r = regions[region_count];
	r = { addr, pages, Ram::alloc(pages) };
	map(addr, r.ram, pages, true);
	return region_count++;
}

// Gives a capability for an identity into a slot of the table.
void Platform_pd::install(Kernel::Object_identity &i, addr_t slot)
{
	in_kernel([&] { Ram::make<Kernel::Object_identity_reference>(i, *_kobj, (Kernel::capid_t)slot); });
}

// Parts of an ELF file that are used here (System V ABI).
struct Elf_header { uint8_t ident[16]; uint16_t type, machine; uint32_t version; addr_t entry, phoff, shoff; uint32_t flags; uint16_t ehsize, phentsize, phnum; };
struct Elf_segment { uint32_t type, flags; addr_t offset, vaddr, paddr, filesz, memsz, align; };

// A segment's contents; what the file does not hold is zero.
static void fill(char *ram, addr_t pages, Elf_segment const &s, char const *rom)
{
	memset(ram, 0, pages * PAGE);
	memcpy(ram + (s.vaddr & (PAGE - 1)), rom + s.offset, s.filesz);
}

addr_t Platform_pd::load(char const *rom)
{
	_rom = rom;
	Elf_header const &h = *(Elf_header const *)rom;
	Elf_segment const *s = (Elf_segment const *)(rom + h.phoff);
	for (unsigned i = 0; i < h.phnum; i++)
	{
		if (s[i].type != 1)
			continue;
		addr_t start = s[i].vaddr & ~(PAGE - 1), pages = (s[i].vaddr + s[i].memsz - start + PAGE - 1) / PAGE;
		char *ram;
		if (s[i].flags & 2) // writable
			ram = regions[attach(start, pages)].ram;
		else
			map(start, ram = Ram::alloc(pages), pages, false);
		fill(ram, pages, s[i], rom);
	}
	return h.entry;
}

void Platform_pd::reload_data()
{
	Elf_header const &h = *(Elf_header const *)_rom;
	Elf_segment const *s = (Elf_segment const *)(_rom + h.phoff);
	for (unsigned i = 0; i < h.phnum; i++)
		for (unsigned r = 0; r < region_count; r++)
			if (s[i].type == 1 && regions[r].addr == (s[i].vaddr & ~(PAGE - 1)))
				fill(regions[r].ram, regions[r].pages, s[i], _rom);
}

Platform_thread::Platform_thread(Platform_pd &pd, char const *name, unsigned cpu, unsigned prio, unsigned stack_slot)
: _label(name), _user_utcb(Genode::STACK_AREA + stack_slot * Genode::STACK_SLOT + Genode::UTCB_OFFSET), _utcb((Genode::Utcb *)Ram::alloc(1))
{
	using Genode::STACK_SIZE;
	pd.map(_user_utcb, (char *)_utcb, 1, true);
	pd.attach(_user_utcb - Genode::UTCB_OFFSET + Genode::STACK_SLOT - STACK_SIZE, STACK_SIZE / PAGE);
	in_kernel([&] {
		_kobj.construct(core_pd(), Kernel::Main::_instance->cpus().cpu(cpu), prio, pd.kernel_pd(), _label.string());
		_pager.construct(core_pd(), pager_receiver(), (addr_t)this);
	});
}

// Core itself says where the thread begins: what was there before does not count.
__attribute__((noinline))
int Platform_thread::start(void *ip, void *sp)
{
	_kobj->regs->ip = (addr_t)ip;
	_kobj->regs->sp = (addr_t)sp;
	in_kernel([&] { _kobj->start(_utcb, &*_pager); });
	return 0;
}

void Platform_thread::pause()  { Genode::sys(Call_thread_pause, (addr_t)&*_kobj); }
void Platform_thread::resume() { Genode::sys(Call_thread_resume, (addr_t)&*_kobj); }

__attribute__((noinline))
void Platform_thread::state(Genode::Thread_state thread_state)
{
	Genode::sys(Call_thread_set_state, (addr_t)&*_kobj, (addr_t)&thread_state);
}

Genode::Thread_state Platform_thread::state()
{
	Genode::Thread_state s { };
	Genode::sys(Call_thread_state, (addr_t)&*_kobj, (addr_t)&s);
	return s;
}

Core::Thread::Thread(char const *label, void (*fn)())
{
	char *slot = Ram::alloc(Genode::STACK_SLOT / PAGE, Genode::STACK_SLOT);
	in_kernel([&] {
		kobj.construct(core_pd(), Kernel::Main::_instance->cpus().cpu(0), (unsigned)CORE_PRIO, core_pd(), label);
		kobj->regs->ip = (addr_t)fn;
		kobj->regs->sp = (addr_t)slot + Genode::STACK_SLOT - 64 - 8;
		kobj->start((Genode::Utcb *)(slot + Genode::UTCB_OFFSET), nullptr);
	});
}
