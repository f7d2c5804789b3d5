// The restorer's part: it lets the ways go wrong that the boot option names.

#include "rtcr/state.h"
#include "plant.h"

namespace Genode { static void planted_sleep(addr_t ms); }
namespace Rtcr { static addr_t planted_core(addr_t op, addr_t a = 0, addr_t b = 0, addr_t c = 0, addr_t d = 0); }

#define sleep_ms planted_sleep
#include "rtcr/main.cc"
#undef sleep_ms

#define core planted_core
#include "rtcr/checkpointer.cc"
#include "rtcr/restorer.cc"
#undef core

namespace {

addr_t wanted = ~0UL;   // a bit for each way, once it is known
addr_t earlier;         // copy of the meadow before the checkpoint

bool goes(Plant::Way w)
{
	if (wanted == ~0UL)
		wanted = core(Plant::Ways);
	return wanted >> w & 1;
}

// Memory of the child by its place in core's list: the stack of "signal handler", and what
// is restored last.
enum : addr_t { REVERSED_REGION = 2, LAST_REGION = 0 };

// The dataspace that the child allocated last.
addr_t meadow_of(Target_child const &c) { return core(Genode::Pd_regions, c.pd) - 1; }

addr_t offset(addr_t Plant::Meadow::*word) { return (addr_t)&(((Plant::Meadow *)nullptr)->*word); }

// The restorer writes through a mapping of its own.
__attribute__((NOIPA))
void restorer_writes(Plant::Meadow &m) { m.restorer = Plant::ASTRAY + Plant::Restorer; }

// It has the same memory at two addresses, and writes at the one that nobody reads.
__attribute__((NOIPA))
void other_mapping_writes(Plant::Meadow &m) { m.other = Plant::ASTRAY + Plant::Other; }

// What stands there already: the last write counts all the same.
__attribute__((NOIPA))
void same_value_writes(Plant::Meadow volatile &m) { m.same = Plant::FLOCK; }

// One byte of a pointer that is right but for it.
__attribute__((NOIPA))
void one_byte_writes(Plant::Meadow &m) { ((uint8_t *)&m.byte)[1] = 0x99; }

struct Note { addr_t before, pointer; };

Note first, second;

__attribute__((NOIPA))
void make_note(Note &n)
{
	n.before = 0;
	n.pointer = Plant::ASTRAY + Plant::Copies;
}

__attribute__((NOIPA))
void keep_note(Note &to, Note const &n) { to = n; }

// A copy of a copy, which core copies to the child.
__attribute__((NOIPA))
void copy_note(Note const &n) { memcpy((void *)Genode::STATE_BUFFER, &n.pointer, sizeof(n.pointer)); }

// What is done when the memory is restored, and before the threads go on.
void plant(Target_child const &c)
{
	using Plant::Meadow;
	addr_t region = meadow_of(c);
	core(Plant::Attach, c.pd, region, Plant::MAPPED);
	Meadow &m = *(Meadow *)Plant::MAPPED;
	if (goes(Plant::Copies))
	{
		make_note(first);
		keep_note(second, first);
		copy_note(second);
		core(Plant::Put, c.pd, region, offset(&Meadow::copies));
	}
	if (goes(Plant::Message))
		core(Plant::Write, c.pd, region, offset(&Meadow::message), Plant::ASTRAY + Plant::Message);
	if (goes(Plant::Foreign))
		core(Plant::Stray, c.pd, region, offset(&Meadow::foreign));
	if (goes(Plant::Kernel))
		core(Plant::Stray_kernel, c.pd, region, offset(&Meadow::kernel));
	if (goes(Plant::Device))
		core(Plant::Stray_device, c.pd, region, offset(&Meadow::device));
	if (goes(Plant::Restorer))
		restorer_writes(m);
	if (goes(Plant::Other) || goes(Plant::Same))
		core(Plant::Attach, c.pd, region, Plant::ELSEWHERE);
	if (goes(Plant::Other))
		other_mapping_writes(*(Meadow *)Plant::ELSEWHERE);
	if (goes(Plant::Same))
		same_value_writes(*(Meadow *)Plant::ELSEWHERE);
	if (goes(Plant::Byte))
		one_byte_writes(m);
	if (goes(Plant::Rom))
		core(Plant::Reload_word, c.pd, m.rom_at);
	m.order = goes(Plant::Child);
}

}

// A while before the checkpoint the meadow is copied once.
static void Genode::planted_sleep(addr_t ms)
{
	enum { EARLIER = 60 };
	if (ms == 250 && goes(Plant::Stale))
	{
		sleep_ms(EARLIER);
		earlier = Rtcr::core(Ds_copy_out, children[0]->pd, meadow_of(*children[0]));
		ms -= EARLIER;
	}
	sleep_ms(ms);
}

static addr_t Rtcr::planted_core(addr_t op, addr_t a, addr_t b, addr_t c, addr_t d)
{
	if (op == Genode::Ds_copy_in && b == REVERSED_REGION && goes(Plant::Direction))
		d = 1;
	addr_t result = core(op, a, b, c, d);
	if (op == Genode::Ds_copy_out && goes(Plant::Stale) && b == meadow_of(*children[0]))
		core(Genode::Ds_keep_page, result, earlier, 0);
	if (op == Genode::Ds_copy_in && b == LAST_REGION)
		plant(*children[1]);
	return result;
}
