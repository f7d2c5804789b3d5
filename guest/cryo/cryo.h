// Another restorer than rtcr, which does the same: a program of other names, whose states
// are in an array of each session, and the sessions in a tree. It has the defaults of
// rtcr's bugs that lie in core, and `missing-thread` and `wrong-thread` of its own.
#pragma once

#include "avl_tree.h"
#include "base.h"
#include "core/rpc.h"
#include "rtcr/child_rpc.h"

namespace Cryo {

using Genode::addr_t;

bool bug(char const *name);

// A request to core.
addr_t core(addr_t op, addr_t a = 0, addr_t b = 0, addr_t c = 0, addr_t d = 0, addr_t *second = nullptr);

// Functions that a debugger can stop at, behind all other code: breakpoints at addresses
// of the child's loops would slow it down.
#define STAGE __attribute__((NOIPA, section(".phase")))

// What a sleeper has in a slot of its table. The holder is one of its threads by number,
// or somebody else.
struct Ticket
{
	enum : addr_t { HOTEL = ~3UL };     // this program
	addr_t slot, kind, holder;
	bool early;                         // from before it asked for its LOG
};

struct Bed
{
	char label[32];
	addr_t number;                      // core's
};

// A child whose requests are answered here.
class Sleeper
{
public:
	void wake_first(addr_t server, class Reviver *reviver);
	void serve();                       // for ever
	STAGE void hush();
	STAGE void rouse();
	bool holds(addr_t slot) const;
	void hand_out(Ticket const &t, bool attach = true);
	addr_t new_room();
	Bed *bed_of(char const *label);

	addr_t pd = 0, server = 0;
	Bed beds[8];
	unsigned bed_count = 0;
	Ticket tickets[64];
	unsigned ticket_count = 0;
	addr_t next_slot = 0x204, early_rooms = 0, own_rooms = 0;
	bool early = true;
	class Reviver *reviver = nullptr;

private:
	addr_t _make_bed(char const *label, addr_t ip, addr_t sp, addr_t stack);
	addr_t _session(addr_t kind, addr_t *addr);
};

// What is kept of a sleeper.
struct Frozen_thread
{
	char label[32];
	unsigned flags;
	Genode::Thread_state regs;
};

struct Frozen_group : Genode::Avl_node<Frozen_group>
{
	unsigned id = 0, count = 0;
	Frozen_thread threads[8];
	bool higher(Frozen_group *o) const { return o->id > id; }
};

struct Frozen_room { addr_t room, copy; bool early; };

struct Archive
{
	Genode::Avl_tree<Frozen_group> groups;
	Ticket tickets[64];
	unsigned ticket_count = 0;
	Frozen_room rooms[16];
	unsigned room_count = 0;
};

class Freezer
{
public:
	Freezer(Sleeper &s, Archive &a) : _sleeper(s), _archive(a) {}
	STAGE void freeze();

private:
	Sleeper &_sleeper;
	Archive &_archive;

	STAGE void _freeze_threads();
	STAGE void _freeze_thread(Frozen_group &g, Bed const &b);
	STAGE void _freeze_tickets();
	STAGE void _freeze_memory();
	STAGE void _freeze_room(addr_t room);
};

class Reviver
{
public:
	Reviver(Sleeper &s, Archive &a) : _sleeper(s), _archive(a) {}
	STAGE void revive();

private:
	Sleeper &_sleeper;
	Archive &_archive;

	STAGE void _build_rooms();
	STAGE void _revive_threads();
	STAGE void _revive_thread(Frozen_thread const &t);
	STAGE void _revive_tickets();
	STAGE void _fill_rooms();
	STAGE void _fill_room(Frozen_room const &r);
};

}
