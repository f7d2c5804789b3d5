// The child's parent: intercepts what it asks for.

#include "state.h"

using namespace Rtcr;
using Genode::Msg;
using Genode::log;

addr_t Target_child::install(addr_t slot, addr_t kind, addr_t receiver, bool attach)
{
	addr_t thread = receiver == Cap_info::RTCR ? child_ep : receiver < thread_count ? threads[receiver].badge : receiver;
	core(Genode::Pd_cap_install, pd, slot, kind, attach || kind != Genode::Kind_irq ? thread : addr_t(Cap_info::NONE));
	if (cap_count < 64)
		caps[cap_count++] = { slot, kind, receiver, bootstrapping };
	return slot;
}

addr_t Target_child::new_thread(char const *name, addr_t ip, addr_t sp, addr_t stack_slot)
{
	Cpu_thread_info &t = threads[thread_count];
	unsigned i = 0;
	for (; i < sizeof(t.name) - 1 && name[i]; i++)
		t.name[i] = name[i];
	t.name[i] = 0;

	Msg m;
	m.w[0] = Genode::Cpu_thread_create;
	m.w[1] = pd;
	m.w[2] = stack_slot;
	for (i = 0; i < 31; i++)
		((char *)&m.w[3])[i] = t.name[i];
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	t.badge = m.w[0];
	t.kcap = (Genode::SLOT_THREADS + thread_count * Genode::SLOTS_PER_THREAD) << Cap_shift;
	thread_count++;
	bootstrap_regions = core(Genode::Pd_regions, pd);
	// bug=unstarted: the state of a thread is set that core has not started
	if (restorer && bug("unstarted") && Genode::equal(t.name, "signal handler"))
	{
		late[0] = t.badge;
		late[1] = ip;
		late[2] = sp;
		return t.badge;
	}
	core(Genode::Cpu_thread_start, t.badge, ip, sp);
	return t.badge;
}

void Target_child::start_late()
{
	if (late[0])
		core(Genode::Cpu_thread_start, late[0], late[1], late[2]);
}

// Kinds of sessions and capabilities: what stands in the child's table for
// them. EP is the child's own entrypoint thread.
enum : addr_t { EP = 2 };

static struct { addr_t session, kind, receiver; } const kinds[] = {
	{ Session_log, Genode::Kind_gate, Cap_info::RTCR },
	{ Session_timer, Genode::Kind_gate, Cap_info::TIMER },
	{ Session_ram, Genode::Kind_gate, Cap_info::CORE },
	{ Cap_exit, Genode::Kind_gate, EP },
	{ Cap_signal_proxy, Genode::Kind_gate, EP },
	{ Cap_semaphore, Genode::Kind_irq, EP },
	{ Cap_constructor, Genode::Kind_gate, EP },
};

addr_t Target_child::session(addr_t kind, addr_t *addr)
{
	if (kind == Session_ram)
		*addr = new_dataspace();
	if (kind == Cap_constructor)
		*addr = bug("computing");
	addr_t slot = next_slot++;
	if (has(slot))
		return slot;            // restored already
	for (auto const &k : kinds)
		if (k.session == kind)
			return install(slot, k.kind, k.receiver, kind != Cap_semaphore);
	return 0;
}

bool Target_child::has(addr_t slot) const
{
	for (unsigned i = 0; i < cap_count; i++)
		if (caps[i].slot == slot)
			return true;
	return false;
}

addr_t Target_child::new_dataspace()
{
	addr_t addr = 0x20000000 + own_regions++ * 0x10000;
	core(Genode::Pd_attach, pd, addr, 2);
	return addr;
}

// Starts the program. 'ep' is the thread of rtcr that answers its requests.
void Target_child::start(addr_t ep, Restorer *r)
{
	child_ep = ep;
	restorer = r;
	addr_t entry;
	pd = core(Genode::Pd_create, 1, 0, 0, 0, &entry);
	install(Genode::SLOT_PARENT, Genode::Kind_gate, Cap_info::RTCR);
	for (unsigned i = 0; i < ENV_GATES; i++)
		install(next_slot++, Genode::Kind_gate, i % 2 ? Cap_info::RTCR : Cap_info::CORE);
	install(next_slot++, Genode::Kind_irq, Cap_info::NONE);
	// bug=irq-for-gate: the child that is bootstrapped for the restore has a
	// semaphore where the checkpointed one has a gate. The restorer takes the
	// slot for filled.
	if (restorer && bug("irq-for-gate"))
		install(SIGNAL_PROXY_SLOT, Genode::Kind_irq, Cap_info::NONE);
	new_thread(name, entry, Genode::thread_sp(0), 0);
}

// Stops the threads one by one, the last made first.
void Target_child::pause()
{
	for (unsigned i = thread_count; i-- > 0;)
		core(Genode::Cpu_thread_pause, threads[i].badge);
}

void Target_child::resume()
{
	for (unsigned i = 0; i < thread_count; i++)
		core(Genode::Cpu_thread_resume, threads[i].badge);
}

void Target_child::answer_log()
{
	Msg m;
	m.w[0] = session(Session_log, &m.w[1]);
	m.to_utcb();
	Genode::sys(Sys_ipc_reply);
	log_answered = true;
}

void Target_child::serve()
{
	Msg m;
	for (bool reply = false;; reply = true)
	{
		Genode::ipc_reply_wait(m, reply);
		switch (m.w[0])
		{
		case Parent_thread:
			{
				char name[32];
				for (unsigned i = 0; i < 31; i++)
					name[i] = ((char *)&m.w[4])[i];
				name[31] = 0;
				m.w[0] = new_thread(name, m.w[1], m.w[2], m.w[3]);
				break;
			}
		case Parent_session:
			log("Target_child::\033[33mresolve_session_request\033[0m(", m.w[1], ")");
			if (m.w[1] == Session_log)
			{
				bootstrapping = false;
				if (restorer)
					restorer->restore();
			}
			if (m.w[1] != Session_log || !log_answered)
				m.w[0] = session(m.w[1], &m.w[1]);
			break;
		}
	}
}
