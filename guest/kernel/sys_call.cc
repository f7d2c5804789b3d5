// System calls.

#include "hw.h"
#include "ipc_gate.h"
#include "obj_space.h"
#include "../abi.h"

namespace {

// Arguments of the call that is being served.
struct Call
{
	Thread *self;
	Entry_frame *f;

	Kobject_iface *object(Mword selector) const { return Obj_space::lookup(*self->space(), selector); }
	Thread_object *thread(Mword s) const { Kobject_iface *o = object(s); return o ? o->as_thread() : nullptr; }
	Task *task(Mword s) const { Kobject_iface *o = object(s); return o ? o->as_task() : nullptr; }
	Ipc_gate_obj *gate(Mword s) const { Kobject_iface *o = object(s); return o ? o->as_gate() : nullptr; }
	Irq_sender *irq(Mword s) const { Kobject_iface *o = object(s); return o ? o->as_irq() : nullptr; }

	template <typename T>
	Mword create(T *o) const
	{
		return Obj_space::insert(*self->space(), f->_rdx, o, Obj::Rights_w | Obj::Rights_s) ? Ok : Failed;
	}
};

Mword ipc_call(Call const &c)
{
	Ipc_gate_obj *g = c.gate(c.f->_rdx);
	if (!g || !g->_thread)
		return Failed;
	return c.self->do_ipc(g->_thread, g->_id, Thread::Send | Thread::Receive, g->_thread, true, 0);
}

Mword ipc_wait(Call const &c) { return c.self->do_ipc(nullptr, 0, Thread::Receive, nullptr, false, 0); }

Mword ipc_reply(Call const &c) { return c.self->reply((Thread *)c.self->_caller) ? Ok : Failed; }

Mword ipc_reply_wait(Call const &c)
{
	c.self->reply((Thread *)c.self->_caller);
	return ipc_wait(c);
}

// A closed wait for oneself ends by its timeout only.
Mword ipc_sleep(Call const &c)
{
	return c.self->do_ipc(nullptr, 0, Thread::Receive, c.self, true, c.f->_rdx * Hw::Ticks_per_second / 1000 + 1);
}

Mword exc_reply(Call const &c)
{
	Thread_object *t = c.thread(c.f->_rdx);
	if (!t || !(t->_state & Thread_in_exception) || t->_partner != c.self || !(t->_state & Thread_receive_wait))
		return Failed;
	if (c.f->_rsi)
		Thread::copy_utcb_to_ts(c.self, t);
	t->wake(Thread::Ipc_ok);
	return Ok;
}

Mword irq_receive(Call const &c)
{
	Irq_sender *q = c.irq(c.f->_rdx);
	return q ? Mword(c.self->do_ipc(nullptr, 0, Thread::Receive, q, true, 0)) : Mword(Failed);
}

Mword irq_attach(Call const &c)
{
	Irq_sender *q = c.irq(c.f->_rdx);
	Thread_object *t = c.f->_rsi ? c.thread(c.f->_rsi) : c.self->as_thread();
	return q && t && q->attach(t, 0) ? Ok : Failed;
}

Mword irq_trigger(Call const &c)
{
	Irq_sender *q = c.irq(c.f->_rdx);
	if (!q)
		return Failed;
	q->hit();
	return Ok;
}

Mword ex_regs(Call const &c)
{
	Thread_object *t = c.thread(c.f->_rdx);
	Mword *v = c.self->_utcb._k->values;
	Address ip = v[1], sp = v[2];
	Mword flags = 0;
	if (!t || !t->ex_regs(ip, sp, &ip, &sp, &flags, v[0]))
		return Failed;
	v[0] = flags;
	v[1] = ip;
	v[2] = sp;
	return Ok;
}

Mword thread_control(Call const &c)
{
	Thread_object *t = c.thread(c.f->_rdx);
	Task *s = c.task(c.f->_rsi);
	return t && s && t->control(s, (Utcb *)c.f->_rdi, c.gate(c.f->_rcx)) ? Ok : Failed;
}

Mword thread_prio(Call const &c)
{
	Thread_object *t = c.thread(c.f->_rdx);
	if (!t || c.f->_rsi >= Sched::Priorities)
		return Failed;
	t->_prio = (unsigned)c.f->_rsi;
	return Ok;
}

Mword create_task(Call const &c) { return c.create(new (Kmem_alloc::object(sizeof(Task))) Task()); }
Mword create_thread(Call const &c) { return c.create(new Thread_object()); }
Mword create_irq(Call const &c) { return c.create(static_cast<Kobject *>(new (Kmem_alloc::object(sizeof(Irq_sender))) Irq_sender())); }

Mword create_gate(Call const &c)
{
	Thread_object *t = c.thread(c.f->_rsi);
	if (!t)
		return Failed;
	Ipc_gate_obj *g = new (Kmem_alloc::object(sizeof(Ipc_gate_obj))) Ipc_gate_obj();
	g->_thread = t;
	g->_id = c.f->_rdi;
	// As in Fiasco.OC, a gate's capability with the server right points to the
	// interface of its control operations.
	return c.create(static_cast<Kobject *>(g));
}

Mword map_cap(Call const &c)
{
	Task *t = c.task(c.f->_rdx);
	Kobject_iface *o = c.object(c.f->_rsi);
	return t && o && Obj_space::insert(*t, c.f->_rdi, o, Obj::Rights_w | Obj::Rights_s) ? Ok : Failed;
}

Mword map_page(Call const &c)
{
	Task *t = c.task(c.f->_rdx);
	void *p = c.self->space()->lookup(c.f->_rsi);
	if (!t || !p || c.f->_rdi >= Mem_layout::Physmem)
		return Failed;
	Address phys = Mem_layout::pmem_to_phys(p) & ~(Page_size - 1);
	return t->map(c.f->_rdi, phys, Mem_space::User | (c.f->_rcx ? (Mword)Mem_space::Writable : 0)) ? Ok : Failed;
}

Mword set_name(Call const &c)
{
	Kobject_iface *o = c.object(c.f->_rdx);
	if (!o)
		return Failed;
	static_cast<Kobject *>(o)->set_name((char const *)c.self->_utcb._k->values);
	return Ok;
}

Mword log(Call const &c)
{
	for (Mword i = 0; i < c.f->_rsi && i < 1024; i++)
	{
		char *p = (char *)c.self->space()->lookup(c.f->_rdx + i);
		if (!p)
			return Failed;
		Hw::put(p, 1);
	}
	return Ok;
}

Mword yield(Call const &)
{
	Sched::schedule();
	return Ok;
}

struct { Sys_call op; Mword (*fn)(Call const &); } const calls[] = {
	{ Sys_ipc_call, ipc_call }, { Sys_ipc_wait, ipc_wait }, { Sys_ipc_reply_wait, ipc_reply_wait },
	{ Sys_ipc_sleep, ipc_sleep }, { Sys_exc_reply, exc_reply }, { Sys_irq_receive, irq_receive },
	{ Sys_irq_attach, irq_attach }, { Sys_irq_trigger, irq_trigger }, { Sys_ex_regs, ex_regs },
	{ Sys_thread_control, thread_control }, { Sys_thread_prio, thread_prio }, { Sys_create_task, create_task },
	{ Sys_create_thread, create_thread }, { Sys_create_irq, create_irq }, { Sys_create_gate, create_gate },
	{ Sys_map_cap, map_cap }, { Sys_map_page, map_page }, { Sys_set_name, set_name },
	{ Sys_log, log }, { Sys_yield, yield }, { Sys_ipc_reply, ipc_reply },
};

}

extern "C" void sys_call_wrapper(Entry_frame *f)
{
	Call const c { current(), f };
	Mword result = Failed;
	for (auto const &e : calls)
		if (e.op == f->_rax)
		{
			result = e.fn(c);
			break;
		}
	f->_rax = result;
	sched_calls++;
	Sched::schedule_urgent();
}
