// The kernel's start, its processors, and the way through it.

#include "core.h"

using namespace Kernel;
using Genode::Cpu_state;

extern "C" char kernel_end[];

// Each processor enters the kernel on a stack of its own.
alignas(Board::Cpu::STACK_SIZE) char kernel_stacks[Cpu_pool::MAX][Board::Cpu::STACK_SIZE];

Main *Main::_instance;
static Genode::Reconstructible<Main> main_object;
addr_t Core::Ram::_next, Core::Ram::_end;
char const *command_line = "";

char *Core::Ram::alloc(addr_t pages, addr_t align)
{
	addr_t p = (_next + align - 1) & ~(align - 1);
	_next = p + pages * Genode::PAGE;
	if (_next > _end)
		panic("out of memory");
	return (char *)memset(virt(p), 0, pages * Genode::PAGE);
}

static void print(char const *text)
{
	while (*text)
		Board::put(*text++);
}

void panic(char const *why)
{
	print("\r\nkernel panic: ");
	print(why);
	for (;;)
		asm volatile ("cli; hlt");
}

extern "C" void __cxa_pure_virtual() { panic("pure virtual call"); }

void Lock::lock()
{
	while (__atomic_test_and_set(&_taken, __ATOMIC_ACQUIRE))
		asm volatile ("pause");
}

// What a processor does about its lists when another one changes them: it comes into the
// kernel and decides anew.
void Cpu::remote_effect()
{
	addr_t sp;
	asm volatile ("movq %%rsp, %0" : "=r" (sp));
	if ((sp - (addr_t)kernel_stacks) / STACK_SIZE != _id.value)
		interrupt_other(_id.value);
}

void Cpu::ready(Scheduler::Context &c)
{
	_scheduler.ready(c);
	remote_effect();
}

void Cpu::unready(Scheduler::Context &c)
{
	_scheduler.unready(c);
	remote_effect();
}

// Only the first processor has a clock. On another one nobody's turn ends.
void Cpu::interrupt(unsigned vector)
{
	acknowledge(vector);
	if (vector == TIMER)
	{
		_timer.tick();
		_scheduler.yield();
	}
	else if (vector != IPI)
		User_irq::occurred(vector);
}

Cpu &Cpu_pool::add(unsigned id, Pd &core)
{
	Cpu *c = Core::Ram::make<Cpu>(id, core);
	_by_id[_count++] = c;
	_cpus.insert(c);
	return *c;
}

Core_main_thread::Core_main_thread(Cpu &cpu, Pd &core) : Core_object<Core_thread>(core, cpu, (unsigned)Core::CORE_PRIO, core, "core")
{
	char *slot = Core::Ram::alloc(Genode::STACK_SLOT / Genode::PAGE, Genode::STACK_SLOT);
	regs->ip = (addr_t)Core::main;
	regs->sp = (addr_t)slot + Genode::STACK_SLOT - 64 - 8;
	start((Genode::Utcb *)(slot + Genode::UTCB_OFFSET), nullptr);
}

Main::Main(unsigned cpus) : _core_main_thread(_cpu_pool.add(0, core_pd()), core_pd())
{
	while (_cpu_pool.count() < cpus)
		_cpu_pool.add(_cpu_pool.count(), core_pd());
}

// Every entry comes here, on the processor's own stack.
namespace Kernel { [[noreturn]] void main_handle_kernel_entry(Cpu_state *state); }

void Kernel::main_handle_kernel_entry(Cpu_state *state) { Main::_instance->handle_kernel_entry(state); }

void Main::handle_kernel_entry(Cpu_state *state)
{
	if (state && state->trapno < Board::Cpu::EXCEPTIONS && state->sp - (addr_t)kernel_stacks <= sizeof(kernel_stacks))
		panic("exception in the kernel");
	_mutex.lock();
	addr_t here = (addr_t)__builtin_frame_address(0);
	Cpu &cpu = _cpu_pool.cpu((unsigned)((here - (addr_t)kernel_stacks) / Board::Cpu::STACK_SIZE));
	if (state)
		cpu.current().exception(*state);
	Cpu_context &next = cpu.schedule();
	_mutex.unlock();
	next.proceed();
	__builtin_unreachable();
}

static addr_t stack_end(unsigned cpu) { return (addr_t)kernel_stacks[cpu + 1]; }

// What QEMU tells at a start by the PVH protocol (xen/include/public/arch-x86/hvm/start_info.h).
struct Start_info
{
	Genode::uint32_t magic, version, flags, modules;
	addr_t module_list, command_line, rsdp, memory_map;
	Genode::uint32_t memory_entries;
};

struct Memory_entry { addr_t addr, size; Genode::uint32_t type, reserved; };

static addr_t ram_end(Start_info const *info)
{
	addr_t end = 0;
	Memory_entry const *m = (Memory_entry const *)Core::virt(info->memory_map);
	for (unsigned i = 0; i < info->memory_entries; i++)
		if (m[i].type == 1 && m[i].addr <= 0x100000 && m[i].addr + m[i].size > end)
			end = m[i].addr + m[i].size;
	return end > (1UL << 30) ? (1UL << 30) : end;
}

extern "C" void kernel_main(addr_t info_phys)
{
	Start_info const *info = (Start_info const *)Core::virt(info_phys);
	if (Core::phys(kernel_end) > 0x600000)
		panic("the kernel is larger than what is mapped of it");
	Core::Ram::init(0x600000, ram_end(info));
	if (info->command_line)
		command_line = Core::virt(info->command_line);
	Board::Cpu::init_devices();
	unsigned cpus = Board::Cpu::count();
	main_object.construct(cpus < (unsigned)Cpu_pool::MAX ? cpus : (unsigned)Cpu_pool::MAX);
	Main::_instance = &*main_object;
	Main::_instance->cpus().cpu(0).init(stack_end(0));
	if (Main::_instance->cpus().count() > 1)
		Board::Cpu::start_other();
	print("\r\n\033[0mlab guest of thaw, with base-hw's object layout\r\n");
	Main::_instance->handle_kernel_entry(nullptr);
}

// The second processor's start, on its stack.
extern "C" void kernel_main_other()
{
	Main::_instance->cpus().cpu(1).init(stack_end(1));
	Main::_instance->handle_kernel_entry(nullptr);
}
