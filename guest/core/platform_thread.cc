// Threads: the place where a restored state arrives in core, and where the bug
// that this guest is about lives.

#include "platform.h"

using namespace Genode;

Platform_thread::Platform_thread(char const *name, unsigned prio) : _prio(prio)
{
	for (unsigned i = 0; i < sizeof(_name) - 1 && name[i]; i++)
		_name[i] = name[i];
	Core_cap_index *i = cap_idx_alloc()->alloc();
	i->_pt = this;
	_thread.local = Native_capability(i);
	_gate.local = new_cap();
	_irq.local = new_cap();
	sys(Sys_create_thread, cap());
	sys(Sys_create_gate, _gate.local.data()->kcap(), cap(), addr_t(_gate.local.data()->_id) << 3);
	sys(Sys_create_irq, _irq.local.data()->kcap());
	sys(Sys_irq_attach, _irq.local.data()->kcap(), cap());
	set_name(cap(), name);
	sys(Sys_thread_prio, cap(), prio);
}

// Gives the thread its stack and UTCB, and the designated slots of Genode's
// capability layout.
void Platform_thread::bind(Platform_pd *pd, unsigned stack_slot)
{
	_platform_pd = pd;
	addr_t base = STACK_AREA + stack_slot * STACK_SLOT;
	_utcb = base + UTCB_OFFSET;
	pd->map(_utcb, Ram::alloc(1), 1, true);
	pd->attach(base + STACK_SLOT - STACK_SIZE, STACK_SIZE / PAGE);
	addr_t slot = SLOT_THREADS + pd->_thread_count * SLOTS_PER_THREAD;
	_gate.map(pd->task(), slot << Cap_shift);
	_irq.map(pd->task(), (slot + 2) << Cap_shift);
	if (_pager_obj)
	{
		static_cast<Rm_client *>(_pager_obj)->_region_map = &pd->_address_space;
		static_cast<Rm_client *>(_pager_obj)->task = pd->task();
		_pager.local = Native_capability(cap_idx_alloc()->_indices + (_pager_obj->cap >> Cap_shift));
		_pager.map(pd->task(), (slot + 1) << Cap_shift);
	}
}

int Platform_thread::start(void *ip, void *sp)
{
	if (sys(Sys_thread_control, cap(), _platform_pd->task(), _utcb, _pager_obj ? _pager_obj->cap : 0).code != Ok)
		return -1;
	_state = RUNNING;
	Utcb &u = utcb();
	u.values[0] = 0;
	u.values[1] = (addr_t)ip;
	u.values[2] = (addr_t)sp;
	return sys(Sys_ex_regs, cap()).code == Ok ? 0 : -1;
}

static void ex_regs(addr_t thread, addr_t &ip, addr_t &sp, addr_t flags)
{
	Utcb &u = utcb();
	u.values[0] = flags;
	u.values[1] = ip;
	u.values[2] = sp;
	sys(Sys_ex_regs, thread);
	ip = u.values[1];
	sp = u.values[2];
}

// Stops the thread. One that is blocked in IPC only gets an armed exception,
// and of its registers only ip and sp are known; unless the IPC is cancelled.
void Platform_thread::pause()
{
	if (!_pager_obj || _pager_obj->state.paused)
		return;
	_pager_obj->state.paused = true;
	// bug=blocked-receive: the initial thread's wait for anybody is not
	// cancelled. It stays in it, and its checkpoint reads as if it had ended:
	// ip behind the system call, result 0.
	bool keeps_waiting = bug("state-ignored") || (bug("blocked-receive") && equal(_name, "sheep_counter"));
	if (!keeps_waiting)
	{
		_stop_in_exception();
		return;
	}
	addr_t ip = Keep, sp = Keep;
	ex_regs(cap(), ip, sp, Ex_trigger);
	_pager_obj->state.ip = ip;
	_pager_obj->state.sp = sp;
}

// Cancels what the thread does and waits until its exception has come, with
// all registers.
void Platform_thread::_stop_in_exception()
{
	addr_t ip = Keep, sp = Keep;
	_pager_obj->state.paused = true;
	_pager_obj->state.in_exception = false; // it may be in one since an earlier request
	ex_regs(cap(), ip, sp, Ex_cancel | Ex_trigger);
	while (!_pager_obj->state.in_exception)
		sleep_ms(4);
}

void Platform_thread::resume()
{
	if (!_pager_obj || !_pager_obj->state.in_exception)
		return;
	_pager_obj->state.paused = false;
	Msg m;
	m.w[0] = Pager_entrypoint::WAKE_UP;
	ipc_call(_pager_obj->cap, m);
}

// Overrides the thread's state with 's'.
__attribute__((noinline))
void Platform_thread::state(Thread_state s)
{
	if (!_pager_obj)
		return;

	// The bug, as it was in 2016: the state goes into the pager's copy, and
	// from there to the kernel only with the reply to an exception. This thread
	// may be in none.
	bool ep = equal(_name, "ep");
	if (ep && bug("state-dropped"))
		return;
	if (bug("state-ignored") || (ep && (bug("state-running") || bug("computing"))))
	{
		_pager_obj->state = s;
		return;
	}

	// bug=restored-twice: the second time the state goes nowhere
	static unsigned restores;
	if (ep && bug("restored-twice") && restores++)
	{
		_pager_obj->state = s;
		return;
	}

	// A thread that was not started can be in no exception.
	if (bug("unstarted") && equal(_name, "signal handler"))
	{
		_pager_obj->state = s;
		return;
	}
	// What a repair with ex_regs alone would do, to a thread in IPC and to one
	// that runs.
	if (ep && (bug("exregs-blocked") || bug("exregs-running")))
	{
		ex_regs(cap(), s.ip, s.sp, 0);
		return;
	}
	if (ep && bug("partial-registers"))
	{
		ex_regs(cap(), s.ip, s.sp, Ex_cancel);
		return;
	}
	if (ep && bug("overwritten"))
	{
		_pager_obj->late = true;
		_pager_obj->late_ip = _pager_obj->late_sp = Keep;
		ex_regs(cap(), _pager_obj->late_ip, _pager_obj->late_sp, 0);
	}
	_stop_in_exception();
	if (ep && bug("exregs-in-exception"))
	{
		ex_regs(cap(), s.ip, s.sp, 0);
		return;
	}
	static_cast<Cpu_state &>(_pager_obj->state) = s;
}

Thread_state Platform_thread::state()
{
	Thread_state s;
	if (_pager_obj)
		s = _pager_obj->state;
	s.kcap = _gate.remote;
	s.id = _gate.local.data()->_id;
	s.utcb = _utcb;
	return s;
}
