// Revives a frozen sleeper in another one, while that waits for its LOG.

#include "cryo.h"

using namespace Cryo;

void Reviver::revive()
{
	Genode::log("Reviver::revive()");
	_build_rooms();
	_revive_tickets();
	_revive_threads();
	_fill_rooms();
	if (!bug("state-ignored"))
		_sleeper.rouse();
}

// Memory that the sleeper allocated after its start is made again.
void Reviver::_build_rooms()
{
	for (unsigned i = 0; i < _archive.room_count; i++)
		if (!_archive.rooms[i].early)
			_sleeper.new_room();
}

void Reviver::_revive_tickets()
{
	for (unsigned i = 0; i < _archive.ticket_count; i++)
		if (!_sleeper.holds(_archive.tickets[i].slot))
			_sleeper.hand_out(_archive.tickets[i]);
}

static void threads_of(Frozen_group *g, auto const &fn)
{
	if (!g)
		return;
	threads_of(g->child(false), fn);
	for (unsigned i = g->count; i-- > 0;)
		fn(g->threads[i]);
	threads_of(g->child(true), fn);
}

void Reviver::_revive_threads()
{
	threads_of(_archive.groups.first(), [&] (Frozen_thread const &t) { _revive_thread(t); });
}

void Reviver::_revive_thread(Frozen_thread const &t)
{
	Bed *b = _sleeper.bed_of(bug("wrong-thread") && Genode::equal(t.label, "ep") ? "signal handler" : t.label);
	if (!b)
		return;
	*(Genode::Thread_state *)Genode::STATE_BUFFER = t.regs;
	core(Genode::Cpu_thread_set_state, b->number);
}

void Reviver::_fill_rooms()
{
	for (unsigned i = 0; i < _archive.room_count; i++)
		_fill_room(_archive.rooms[i]);
}

// As rtcr's, the default run copies in the wrong direction.
void Reviver::_fill_room(Frozen_room const &r)
{
	core(Genode::Ds_copy_in, _sleeper.pd, r.room, r.copy, bug("state-ignored"));
}
