// Core, and the kernel's root object. Both are one program.
#pragma once

#include "thread.h"

namespace Core {

using Genode::addr_t;

// Everybody's page tables map all RAM and the kernel's image, for the kernel's mode.
enum : addr_t
{
	PHYSMEM    = 0xffff800000000000UL,
	IMAGE      = 0xfffffffff0000000UL,
	IMAGE_PHYS = 0x400000,
	USER_END   = 0x0000800000000000UL,
};

inline char *virt(addr_t phys) { return (char *)(phys + PHYSMEM); }
inline addr_t phys(void const *p) { return (addr_t)p >= IMAGE ? (addr_t)p - IMAGE + IMAGE_PHYS : (addr_t)p - PHYSMEM; }

// Memory, which is never given back.
class Ram
{
public:
	static void init(addr_t first, addr_t end) { _next = first, _end = end; }
	static char *alloc(addr_t pages, addr_t align = Genode::PAGE);      // zeroed

	template <typename T, typename... ARGS>
	static T *make(ARGS &&... args) { return new (alloc((sizeof(T) + Genode::PAGE - 1) / Genode::PAGE)) T(static_cast<ARGS &&>(args)...); }

private:
	static addr_t _next, _end;
};

// Calls a function in the kernel, where nobody comes in between.
template <typename FN>
void in_kernel(FN const &fn)
{
	Genode::sys(Call_run, (addr_t)static_cast<void (*)(FN const *)>([] (FN const *f) { (*f)(); }), (addr_t)&fn);
}

enum { CORE_PRIO = 3 };

// Where faults of threads are told.
Kernel::Signal_receiver &pager_receiver();

// The boot option "bug=": what goes wrong in this run.
bool bug(char const *name);

template <typename T>
class Kernel_object : public Genode::Constructible<Kernel::Core_object<T>> { };

// An object that a thread serves: one more identity of the thread.
struct Rpc_object
{
	Kernel::Object_identity identity;
	Kernel::Object_identity_reference in_core;

	Rpc_object(Kernel::Object &server, Kernel::Pd &core) : identity(server), in_core(identity, core, 0) { }
};

// Memory of a protection domain that a checkpoint saves.
struct Region { addr_t addr, pages; char *ram; };

class Platform_pd
{
public:
	explicit Platform_pd(char const *label);

	addr_t load(char const *rom);               // → entry point
	void reload_data();                         // what load() put into writable memory, once more
	unsigned attach(addr_t addr, addr_t pages);
	void map(addr_t addr, char const *ram, addr_t pages, bool writable);
	void install(Kernel::Object_identity &i, addr_t slot);
	Kernel::Pd &kernel_pd() { return *_kobj; }

	enum { REGION_MAX = 32 };
	Region regions[REGION_MAX] { };
	unsigned region_count = 0, thread_count = 0;

private:
	Kernel_object<Kernel::Pd> _kobj { };
	char const *_rom = nullptr;
};

// Core's own. It exists before the kernel runs.
class Core_platform_pd
{
public:
	Core_platform_pd();
	Kernel::Pd &kernel_pd() { return *_kobj; }

private:
	Kernel_object<Kernel::Pd> _kobj { };
};

class Platform_thread
{
public:
	Platform_thread(Platform_pd &pd, char const *name, unsigned cpu, unsigned prio, unsigned stack_slot);

	int start(void *ip, void *sp);
	void pause();
	void resume();
	void state(Genode::Thread_state thread_state);
	Genode::Thread_state state();

	void polls(bool yes) { _utcb->polls = yes; }
	bool will_poll() const { return ((Genode::Utcb volatile *)_utcb)->polls == 1; }
	Kernel::Thread &thread() { return *_kobj; }
	Kernel::Object_identity &identity() { return *_kobj; }
	Genode::String<32> const &label() const { return _label; }
	addr_t user_utcb() const { return _user_utcb; }

private:
	Kernel_object<Kernel::Thread> _kobj { };
	Kernel_object<Kernel::Signal_context> _pager { };   // at which its faults are told
	Genode::String<32> _label;
	addr_t _user_utcb;
	Genode::Utcb *_utcb;
};

// A thread of core itself, with stack and UTCB in core's memory.
struct Thread
{
	Thread(char const *label, void (*fn)());
	Kernel_object<Kernel::Core_thread> kobj { };
};

// So many threads of core that are never started, and capabilities for an identity in a
// protection domain.
void make_load(Kernel::Pd &core, Kernel::Pd &holder, Kernel::Object_identity &named, addr_t threads, addr_t caps);

void main();        // of core's first thread

}

namespace Kernel {

class Lock
{
public:
	void lock();
	void unlock() { __atomic_clear(&_taken, __ATOMIC_RELEASE); }

private:
	bool _taken = false;
};

// Core's first thread.
class Core_main_thread : public Core_object<Core_thread>
{
public:
	Core_main_thread(Cpu &cpu, Pd &core);
};

class Cpu_pool
{
public:
	Cpu &add(unsigned id, Pd &core);
	Cpu &cpu(unsigned id) { return *_by_id[id < _count ? id : 0]; }
	unsigned count() const { return _count; }

	enum { MAX = 2 };

private:
	Genode::List<Cpu> _cpus { };
	Cpu *_by_id[MAX] { };
	unsigned _count = 0;
};

class Main
{
public:
	static Main *_instance;

	explicit Main(unsigned cpus);
	[[noreturn]] void handle_kernel_entry(Genode::Cpu_state *state);    // null: a processor's first one

	Cpu_pool &cpus() { return _cpu_pool; }
	Pd &core_pd() { return _core_platform_pd.kernel_pd(); }

private:
	Core::Core_platform_pd _core_platform_pd { };
	Cpu_pool _cpu_pool { };
	Core_main_thread _core_main_thread;
	Lock _mutex { };
};

}
