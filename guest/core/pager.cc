// The pager: page faults, exceptions, and how a thread gets out of them.

#include "platform.h"

using namespace Genode;

Pager_entrypoint &Genode::pager_entrypoint()
{
	static Pager_entrypoint p;
	return p;
}

// Pairs of a register in the thread state and its word in the message.
static struct { addr_t Cpu_state::*reg; unsigned word; } const words[] = {
	{ &Cpu_state::ip, Exc_rip }, { &Cpu_state::sp, Exc_rsp }, { &Cpu_state::eflags, Exc_rflags }, { &Cpu_state::ss, Exc_ss },
	{ &Cpu_state::rax, Exc_rax }, { &Cpu_state::rbx, Exc_rbx }, { &Cpu_state::rcx, Exc_rcx }, { &Cpu_state::rdx, Exc_rdx },
	{ &Cpu_state::rdi, Exc_rdi }, { &Cpu_state::rsi, Exc_rsi }, { &Cpu_state::rbp, Exc_rbp },
	{ &Cpu_state::r8, Exc_r8 }, { &Cpu_state::r9, Exc_r9 }, { &Cpu_state::r10, Exc_r10 }, { &Cpu_state::r11, Exc_r11 },
	{ &Cpu_state::r12, Exc_r12 }, { &Cpu_state::r13, Exc_r13 }, { &Cpu_state::r14, Exc_r14 }, { &Cpu_state::r15, Exc_r15 },
	{ &Cpu_state::trapno, Exc_number }, { &Cpu_state::errcode, Exc_error },
};

__attribute__((noinline))
void Ipc_pager::get_regs(Thread_state *s)
{
	for (auto const &w : words)
		s->*w.reg = utcb().values[w.word];
}

__attribute__((noinline))
void Ipc_pager::set_regs(Thread_state const &s)
{
	for (auto const &w : words)
		utcb().values[w.word] = s.*w.reg;
}

Rm_client *Pager_entrypoint::manage(Platform_thread &t)
{
	if (_count == MAX)
		return nullptr;
	Rm_client &o = _objects[_count++];
	Native_capability c = new_cap();
	o.cap = c.data()->kcap();
	o._badge = t.cap();
	o.name = t.name();
	sys(Sys_create_gate, o.cap, thread->cap(), addr_t(_count) << 3);
	return &o;
}

// Maps the page that is attached at an address, and lets the thread repeat its
// access.
bool Pager_entrypoint::_resolve(Rm_client &o, addr_t addr)
{
	Rm_region *r = o._region_map ? o._region_map->lookup(addr) : nullptr;
	if (!r || !r->_write)
		return false;
	addr_t page = addr & ~(PAGE - 1);
	sys(Sys_map_page, o.task, r->_dsc->_phys_addr + r->_off + (page - r->_base), page, 1);
	sys(Sys_exc_reply, o._badge, 0);
	return true;
}

void Pager_entrypoint::_fault(Rm_client &o)
{
	Utcb &u = utcb();
	if (u.values[Exc_number] == Exc_triggered)
	{
		Ipc_pager::get_regs(&o.state);
		o.state.exceptions++;
		o.state.in_exception = true;
		if (o.state.paused)
			return;
		// resumed before its exception came
		o.state.in_exception = false;
		sys(Sys_exc_reply, o._badge, 0);
		return;
	}
	addr_t number = u.values[Exc_number], addr = u.values[Exc_addr], ip = u.values[Exc_rip], error = u.values[Exc_error];
	if (number == 14 && !(error & 1) && _resolve(o, addr))
		return;
	if (number == 14)
		log("\033[31mno RM attachment (", error & 2 ? "WRITE" : "READ", " pf_addr=", Hex { addr }, " pf_ip=", Hex { ip }, " from pager_object: ", o.name, ")");
	else
		log("\033[31munhandled exception ", number, " of ", o.name, " at ", Hex { ip });
	o.state.unresolved_page_fault = true;
}

void Pager_entrypoint::_wake_up(Pager_object &o)
{
	o.state.in_exception = false;
	Ipc_pager::set_regs(o.state);
	Ipc_pager::acknowledge_exception(o._badge);
	if (!o.late)
		return;
	// bug=overwritten: the thread is ready with its new state, and before it
	// runs somebody else sets ip and sp
	Utcb &u = utcb();
	u.values[0] = Ex_cancel;
	u.values[1] = o.late_ip;
	u.values[2] = o.late_sp;
	sys(Sys_ex_regs, o._badge);
}

void Pager_entrypoint::entry()
{
	bool reply = false;
	for (;;)
	{
		Msg m;
		addr_t label = ipc_reply_wait(m, reply);
		reply = false;
		addr_t n = (label >> 3) - 1;
		if (n >= _count)
			continue;
		Rm_client &o = _objects[n];
		if (utcb().words == Exc_words)
			_fault(o);
		else if (m.w[0] == WAKE_UP)
		{
			_wake_up(o);
			reply = true;
		}
	}
}
