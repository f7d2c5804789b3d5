// The child's part: it has pointers to its flock, and looks at them with every sheep.

#include "base.h"
#include "plant.h"

// Whatever it logs, it looks at the pointers.
namespace Component { static void tend(); }

#define log(...) log(__VA_ARGS__), Component::tend()
#include "sheep_counter/main.cc"
#undef log

namespace {

using Plant::Meadow;

// In the data segment, with an initial value that is out of date soon.
addr_t from_rom = Plant::FLOCK + 8;

unsigned lines;         // that it logged

Meadow &meadow() { return *(Meadow *)Plant::MEADOW; }
addr_t &reversed() { return *(addr_t *)Plant::REVERSED; }

// What a child has that has just begun.
__attribute__((NOIPA))
void unpack(addr_t &pointer) { pointer = Plant::FLOCK + 24; }

// The pointers as they are to be, and one that is not so yet.
__attribute__((NOIPA))
void grow(Meadow &m)
{
	m.stale = Plant::FLOCK + 16;
	m.copies = m.message = m.foreign = m.kernel = m.device = m.restorer = m.child = m.other = m.same = m.byte = Plant::FLOCK;
	m.rom_at = (addr_t)&from_rom;
	from_rom = reversed() = Plant::FLOCK;
}

// The flock moves: this the earlier copy does not have.
__attribute__((NOIPA))
void move_flock(Meadow &m) { m.stale = Plant::FLOCK; }

// The child itself writes a wrong one, after it was restored.
__attribute__((NOIPA))
void go_astray(Meadow &m)
{
	m.order = 0;
	m.child = Plant::ASTRAY + Plant::Child;
}

__attribute__((NOIPA))
void look_at(char const *way, addr_t pointer)
{
	if (pointer != Plant::FLOCK)
		Genode::log("lost the flock (", way, "): ", Genode::Hex { pointer });
}

}

// Looks at the pointers once the heap is there, and follows none that is wrong.
static void Component::tend()
{
	enum { FIRST = 1, TO_BED = 4 };
	Meadow &m = meadow();
	if (++lines == FIRST)
		unpack(reversed());
	if (lines == TO_BED)
	{
		addr_t addr;
		session(Session_ram, &addr);
		grow(m);
	}
	if (lines <= TO_BED)
		return;
	if (rounds == 1)
		move_flock(m);
	if (m.order)
		go_astray(m);
	if (rounds < 3)
		return;
	addr_t const pointers[] = { m.stale, reversed(), m.copies, m.message, m.foreign, m.kernel, m.device, m.restorer, m.child, m.other, m.same, m.byte, from_rom };
	for (unsigned i = 0; i < Plant::WAYS; i++)
		look_at(Plant::ways[i], pointers[i]);
}
