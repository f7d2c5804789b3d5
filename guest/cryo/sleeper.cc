// A child, and what it is given.

#include "cryo.h"

using namespace Cryo;
using Genode::Msg;

enum : addr_t { EP = 2 };               // the child's own entrypoint, by number

static struct { addr_t session, kind, holder; } const kinds[] = {
	{ Session_log, Genode::Kind_gate, Ticket::HOTEL },
	{ Session_timer, Genode::Kind_gate, Genode::RECEIVER_TIMER },
	{ Session_ram, Genode::Kind_gate, Genode::RECEIVER_CORE },
	{ Cap_exit, Genode::Kind_gate, EP },
	{ Cap_signal_proxy, Genode::Kind_gate, EP },
	{ Cap_semaphore, Genode::Kind_irq, EP },
	{ Cap_constructor, Genode::Kind_gate, EP },
};

void Sleeper::hand_out(Ticket const &t, bool attach)
{
	addr_t to = t.holder == Ticket::HOTEL ? server : t.holder < bed_count ? beds[t.holder].number : t.holder;
	core(Genode::Pd_cap_install, pd, t.slot, t.kind, attach || t.kind != Genode::Kind_irq ? to : addr_t(Genode::RECEIVER_NONE));
	if (ticket_count < 64)
		tickets[ticket_count++] = { t.slot, t.kind, t.holder, early };
}

bool Sleeper::holds(addr_t slot) const
{
	for (unsigned i = 0; i < ticket_count; i++)
		if (tickets[i].slot == slot)
			return true;
	return false;
}

addr_t Sleeper::new_room()
{
	addr_t addr = 0x20000000 + own_rooms++ * 0x10000;
	core(Genode::Pd_attach, pd, addr, 2);
	return addr;
}

Bed *Sleeper::bed_of(char const *label)
{
	for (unsigned i = 0; i < bed_count; i++)
		if (Genode::equal(beds[i].label, label))
			return &beds[i];
	return nullptr;
}

addr_t Sleeper::_make_bed(char const *label, addr_t ip, addr_t sp, addr_t stack)
{
	Bed &b = beds[bed_count++];
	Msg m;
	m.w[0] = Genode::Cpu_thread_create;
	m.w[1] = pd;
	m.w[2] = stack;
	for (unsigned i = 0; i < sizeof(b.label) - 1 && label[i]; i++)
		((char *)&m.w[3])[i] = b.label[i] = label[i];
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	b.number = m.w[0];
	early_rooms = core(Genode::Pd_regions, pd);
	core(Genode::Cpu_thread_start, b.number, ip, sp);
	return b.number;
}

addr_t Sleeper::_session(addr_t kind, addr_t *addr)
{
	*addr = kind == Session_ram ? new_room() : 0;
	addr_t slot = next_slot++;
	if (holds(slot))
		return slot;                    // revived already
	for (auto const &k : kinds)
		if (k.session == kind)
			hand_out({ slot, k.kind, k.holder, early }, kind != Cap_semaphore);
	return slot;
}

void Sleeper::wake_first(addr_t s, Reviver *r)
{
	server = s;
	reviver = r;
	addr_t entry;
	pd = core(Genode::Pd_create, 1, 0, 0, 0, &entry);
	hand_out({ Genode::SLOT_PARENT, Genode::Kind_gate, Ticket::HOTEL, early });
	for (unsigned i = 0; i < 6; i++)
		hand_out({ next_slot++, Genode::Kind_gate, i % 2 ? addr_t(Ticket::HOTEL) : addr_t(Genode::RECEIVER_CORE), early });
	hand_out({ next_slot++, Genode::Kind_irq, Genode::RECEIVER_NONE, early });
	_make_bed("sheep_counter", entry, Genode::thread_sp(0), 0);
}

void Sleeper::hush()
{
	for (unsigned i = bed_count; i-- > 0;)
		core(Genode::Cpu_thread_pause, beds[i].number);
}

void Sleeper::rouse()
{
	for (unsigned i = 0; i < bed_count; i++)
		core(Genode::Cpu_thread_resume, beds[i].number);
}

void Sleeper::serve()
{
	Msg m;
	for (bool reply = false;; reply = true)
	{
		Genode::ipc_reply_wait(m, reply);
		if (m.w[0] == Parent_thread)
		{
			char label[32] = { };
			memcpy(label, &m.w[4], sizeof(label) - 1);
			m.w[0] = _make_bed(label, m.w[1], m.w[2], m.w[3]);
			continue;
		}
		if (m.w[1] == Session_log)
		{
			early = false;
			if (reviver)
				reviver->revive();
		}
		m.w[0] = _session(m.w[1], &m.w[1]);
	}
}
