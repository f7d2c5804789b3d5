// Protection domains and threads.
#pragma once

#include "cap.h"
#include "rpc.h"

namespace Genode {

// The boot option "bug=": what goes wrong in this run.
bool bug(char const *name);

// Memory that core gives away, mapped one to one in core.
class Ram
{
public:
	static void init(Boot_info const &);
	static addr_t alloc(addr_t pages);

private:
	static addr_t _next, _end;
};

// What core knows of a thread whose faults and exceptions it handles.
class Pager_object
{
public:
	addr_t cap = 0;             // core's selector of the gate that the thread reports to
	addr_t _badge = 0;          // core's selector of the thread
	Thread_state state;
	char const *name = "";

	// bug=overwritten: somebody writes these once more, late
	bool late = false;
	addr_t late_ip = 0, late_sp = 0;
};

class Platform_pd;

class Platform_thread
{
public:
	enum State { DEAD, RUNNING };

	Platform_thread(char const *name, unsigned prio);

	int start(void *ip, void *sp);
	void pause();
	void resume();
	void state(Thread_state s);
	Thread_state state();
	void bind(Platform_pd *pd, unsigned stack_slot);
	void pager(Pager_object *p) { _pager_obj = p; }
	char const *name() const { return _name; }
	addr_t cap() const { return _thread.local.data()->kcap(); }

	State _state = DEAD;
	bool _core_thread = false;
	Cap_mapping _thread;
	Cap_mapping _gate;
	Cap_mapping _pager;
	Cap_mapping _irq;
	addr_t _utcb = 0;
	char _name[32] {};
	Platform_pd *_platform_pd = nullptr;
	Pager_object *_pager_obj = nullptr;
	unsigned _prio = 0;

private:
	void _stop_in_exception();
};

// Memory of a protection domain that a checkpoint saves.
struct Region { addr_t addr, pages, ram; };

class Platform_pd
{
public:
	explicit Platform_pd(addr_t task_selector = 0);

	addr_t load(Boot_info::Rom const &rom);    // → entry point
	void reload_data();                        // what load() put into writable memory, once more
	unsigned attach(addr_t addr, addr_t pages);
	void map(addr_t addr, addr_t ram, addr_t pages, bool writable);
	bool bind_thread(Platform_thread *t, unsigned stack_slot);
	addr_t task() const { return _task_selector ? _task_selector : _task.local.data()->kcap(); }

	enum { THREAD_MAX = 16, REGION_MAX = 32 };

	Cap_mapping _task;
	Cap_mapping _parent;
	Platform_thread *_threads[THREAD_MAX] {};
	unsigned _thread_count = 0;
	Region _regions[REGION_MAX] {};
	unsigned _region_count = 0;
	addr_t _entry = 0;

private:
	addr_t _task_selector;      // core's own task
	Boot_info::Rom const *_rom = nullptr;
};

// Receives page faults and exceptions.
class Pager_entrypoint
{
public:
	enum Msg_type { WAKE_UP = 0x77616b65 };

	void entry();
	Pager_object *manage(Platform_thread &t);

	Platform_thread *thread = nullptr;

private:
	enum { MAX = 64 };
	Pager_object _objects[MAX];
	unsigned _count = 0;

	void _fault(Pager_object &o);
	void _wake_up(Pager_object &o);
};

Pager_entrypoint &pager_entrypoint();

// Registers of a faulting thread in the UTCB.
class Ipc_pager
{
public:
	static void get_regs(Thread_state *s);
	static void set_regs(Thread_state const &s);
	static void acknowledge_exception(addr_t thread) { sys(Sys_exc_reply, thread, 1); }
};

}
