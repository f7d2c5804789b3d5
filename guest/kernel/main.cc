// Start: objects of the kernel itself, core's task and its first thread.

#include "hw.h"
#include "ipc_gate.h"
#include "obj_space.h"
#include "../abi.h"

extern "C" char kernel_end[], rom_core[], rom_core_end[], rom_rtcr[], rom_rtcr_end[], rom_sheep_counter[], rom_sheep_counter_end[];

char const Kip_version_string[] = "lab guest of thaw, with Fiasco.OC's object layout";

// What QEMU tells at a start by the PVH protocol (xen/include/public/arch-x86/hvm/start_info.h).
struct Start_info
{
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_entries;
};

struct Memory_entry { uint64_t addr, size; uint32_t type, reserved; };

// Entries of an ELF file that are used here (System V ABI).
struct Elf_header { uint8_t ident[16]; uint16_t type, machine; uint32_t version; uint64_t entry, phoff, shoff; uint32_t flags; uint16_t ehsize, phentsize, phnum; };
struct Elf_segment { uint32_t type, flags; uint64_t offset, vaddr, paddr, filesz, memsz, align; };

static Address ram_end(Start_info const *info)
{
	Address end = 0;
	Memory_entry const *m = (Memory_entry const *)Mem_layout::phys_to_pmem(info->memory_map);
	for (unsigned i = 0; i < info->memory_entries; i++)
		if (m[i].type == 1 && m[i].addr <= 0x100000 && m[i].addr + m[i].size > end)
			end = m[i].addr + m[i].size;
	return end > (1UL << 30) ? (1UL << 30) : end;
}

static void copy_string(char *dst, char const *src, size_t max)
{
	size_t i = 0;
	for (; i < max - 1 && src[i]; i++)
		dst[i] = src[i];
	dst[i] = 0;
}

static void add_rom(Boot_info *b, Task *core, unsigned n, char const *name, char *start, char *end)
{
	copy_string(b->roms[n].name, name, sizeof(b->roms[n].name));
	b->roms[n].addr = Mem_layout::pmem_to_phys(start);
	b->roms[n].size = (Address)(end - start);
	for (Address a = b->roms[n].addr; a < b->roms[n].addr + b->roms[n].size; a += Page_size)
		core->map(a, a, Mem_space::User);
}

// Core is loaded where it is linked: its addresses are physical ones.
static Address load_core(Task *core)
{
	Elf_header const *h = (Elf_header const *)rom_core;
	Elf_segment const *s = (Elf_segment const *)(rom_core + h->phoff);
	for (unsigned i = 0; i < h->phnum; i++)
	{
		if (s[i].type != 1)
			continue;
		char *to = (char *)Mem_layout::phys_to_pmem(s[i].vaddr);
		memset(to, 0, s[i].memsz);
		memcpy(to, rom_core + s[i].offset, s[i].filesz);
		for (Address a = s[i].vaddr & ~(Page_size - 1); a < s[i].vaddr + s[i].memsz; a += Page_size)
			core->map(a, a, Mem_space::User | Mem_space::Writable);
	}
	return h->entry;
}

// What follows an option in the command line, null if it is not there.
static char const *option(char const *line, char const *name)
{
	for (char const *n = name; *line; line++)
		if (*line == ' ' || *line != *n)
			n = name;
		else if (!*++n)
			return line + 1;
	return nullptr;
}

// Lets time go by until the timer's next tick is so many thousands of instructions
// nearer than it would be.
static void wait(char const *number)
{
	unsigned long n = 0;
	for (; number && *number >= '0' && *number <= '9'; number++)
		n = n * 10 + (unsigned long)(*number - '0');
	while (n--)
		asm volatile (".fill 997, 1, 0x90");
}

static Boot_info *boot_info(Start_info const *info, Task *core)
{
	Boot_info *b = (Boot_info *)Kmem_alloc::pages(1);
	Address phys = Mem_layout::pmem_to_phys(b);
	core->map(phys, phys, Mem_space::User);
	add_rom(b, core, 0, "rtcr", rom_rtcr, rom_rtcr_end);
	add_rom(b, core, 1, "sheep_counter", rom_sheep_counter, rom_sheep_counter_end);
	b->ram_start = Kmem_alloc::user_start();
	b->ram_end = Kmem_alloc::user_end();
	if (info->command_line)
		copy_string(b->command_line, (char const *)Mem_layout::phys_to_pmem(info->command_line), sizeof(b->command_line));
	Kernel_thread::poll = option(b->command_line, "idle=poll");
	for (Address a = b->ram_start; a < b->ram_end; a += Page_size)
		core->map(a, a, Mem_space::User | Mem_space::Writable);
	return (Boot_info *)phys;
}

extern "C" void kernel_main(Start_info *info)
{
	info = (Start_info *)Mem_layout::phys_to_pmem((Address)info);
	Address kernel_phys_end = Mem_layout::pmem_to_phys(kernel_end);
	if (kernel_phys_end > 0x500000)
		panic("the kernel reaches into core's memory");
	Kmem_alloc::init(0x800000, ram_end(info));
	Kobject_dbg::init();
	Hw::init();

	new (Kmem_alloc::object(sizeof(Kernel_task))) Kernel_task();
	Thread *idle = new Kernel_thread();
	Kobject *sigma0 = new (Kmem_alloc::object(sizeof(Sigma0_task))) Sigma0_task();
	sigma0->set_name("sigma0");
	Factory *factory = new (Kmem_alloc::object(sizeof(Factory))) Factory();
	Task *core = new (Kmem_alloc::object(sizeof(Task))) Task();

	print("\n\033[0m");
	print(Kip_version_string);
	print("\n");

	Thread_object *main = new Thread_object();
	main->set_name("core.main");
	main->_prio = Sched::Priorities - 1;
	Address entry = load_core(core);
	Boot_info *b = boot_info(info, core);

	// Core's first UTCB lies at the start of its memory.
	Address utcb = ((Boot_info *)Mem_layout::phys_to_pmem((Address)b))->ram_start;
	main->control(core, (Utcb *)utcb, nullptr);
	Obj_space::insert(*core, Core_task, static_cast<Kobject *>(core), 3);
	Obj_space::insert(*core, 2UL << Cap_shift, static_cast<Kobject *>(factory), 3);
	Obj_space::insert(*core, Core_thread, static_cast<Kobject *>(main), 3);
	main->regs()->_rdi = (Mword)b;
	main->regs()->_rsi = utcb;
	main->ex_regs(entry, 0);
	if (info->command_line)
		wait(option((char const *)Mem_layout::phys_to_pmem(info->command_line), "phase="));
	Sched::start(idle);
}
