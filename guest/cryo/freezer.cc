// Freezes a sleeper.

#include "cryo.h"

using namespace Cryo;

void Freezer::freeze()
{
	Genode::log("Freezer::freeze()");
	_sleeper.hush();
	_freeze_threads();
	_freeze_tickets();
	_freeze_memory();
}

// The threads' states are with the second of three groups: a debugger has to look for them.
void Freezer::_freeze_threads()
{
	static Frozen_group groups[3];
	static unsigned const order[] = { 1, 0, 2 };
	for (unsigned i : order)
	{
		groups[i].id = i;
		_archive.groups.insert(&groups[i]);
	}
	for (unsigned i = 0; i < _sleeper.bed_count; i++)
		if (!bug("missing-thread") || !Genode::equal(_sleeper.beds[i].label, "signal handler"))
			_freeze_thread(groups[1], _sleeper.beds[i]);
}

void Freezer::_freeze_thread(Frozen_group &g, Bed const &b)
{
	Frozen_thread &t = g.threads[g.count++];
	memcpy(t.label, b.label, sizeof(t.label));
	core(Genode::Cpu_thread_state, b.number);
	t.regs = *(Genode::Thread_state *)Genode::STATE_BUFFER;
}

void Freezer::_freeze_tickets()
{
	_archive.ticket_count = _sleeper.ticket_count;
	memcpy(_archive.tickets, _sleeper.tickets, sizeof(_archive.tickets));
}

void Freezer::_freeze_memory()
{
	addr_t rooms = core(Genode::Pd_regions, _sleeper.pd);
	for (addr_t i = 0; i < rooms && i < 16; i++)
		_freeze_room(i);
}

void Freezer::_freeze_room(addr_t room)
{
	_archive.rooms[_archive.room_count++] = { room, core(Genode::Ds_copy_out, _sleeper.pd, room), room < _sleeper.early_rooms };
}
