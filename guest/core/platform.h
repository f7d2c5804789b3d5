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

// Memory that can be attached to an address space.
class Dataspace_component
{
public:
	addr_t _phys_addr = 0, _size = 0;
	bool _managed = false;      // a region map instead of memory: none is, here
};

class Region_map_component;

// What is attached somewhere.
class Rm_region
{
public:
	addr_t _base = 0, _size = 0;
	bool _write = false;
	Dataspace_component *_dsc = nullptr;
	addr_t _off = 0;
	Region_map_component *_rm = nullptr;
};

class Region_map_component
{
public:
	class Rm_region_ref : public List<Rm_region_ref>::Element
	{
	public:
		Rm_region *_region = nullptr;
	};

	void attach(addr_t base, addr_t ram, addr_t pages, bool write);
	Rm_region *lookup(addr_t addr) const;

	List<Rm_region_ref> _regions;
	Dataspace_component _ds;    // the region map as a dataspace

private:
	enum { MAX = 40 };
	Rm_region_ref _refs[MAX];
	Rm_region _all[MAX];
	Dataspace_component _dataspaces[MAX];
	unsigned _count = 0;
};

// A thread whose page faults are resolved by a region map.
class Rm_client : public Pager_object
{
public:
	Region_map_component *_region_map = nullptr;
	addr_t task = 0;            // core's selector of the task
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
	void pager(Rm_client *p) { _pager_obj = p; }
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
	unsigned attach(addr_t addr, addr_t pages, bool on_demand = false);
	void map(addr_t addr, addr_t ram, addr_t pages, bool writable);
	bool bind_thread(Platform_thread *t, unsigned stack_slot);
	addr_t task() const { return _task_selector ? _task_selector : _task.local.data()->kcap(); }

	enum { THREAD_MAX = 16, REGION_MAX = 32 };

	Cap_mapping _task;
	Cap_mapping _parent;
	Platform_thread *_threads[THREAD_MAX] {};
	unsigned _thread_count = 0;
	Region _regions[REGION_MAX] {};
	Region_map_component _address_space;
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
	Rm_client *manage(Platform_thread &t);

	Platform_thread *thread = nullptr;

private:
	enum { MAX = 64 };
	Rm_client _objects[MAX];
	unsigned _count = 0;

	void _fault(Rm_client &o);
	bool _resolve(Rm_client &o, addr_t addr);
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
