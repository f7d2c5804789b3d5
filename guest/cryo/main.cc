// cryo: starts a child, freezes it, and revives it in a second one.

#include "cryo.h"

using namespace Cryo;

char const *Genode::log_label = " -> cryo";

static char bug_text[32];

bool Cryo::bug(char const *name) { return Genode::equal(bug_text, name); }

addr_t Cryo::core(addr_t op, addr_t a, addr_t b, addr_t c, addr_t d, addr_t *second)
{
	Genode::Msg m;
	m.w[0] = op;
	m.w[1] = a;
	m.w[2] = b;
	m.w[3] = c;
	m.w[4] = d;
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	if (second)
		*second = m.w[1];
	return m.w[0];
}

namespace {

enum { OWN_PD = 1 };

Sleeper sleepers[2];

template <int N>
void serve() { sleepers[N].serve(); }

// A further thread of this program.
addr_t own_thread(char const *name, addr_t stack, void (*fn)())
{
	Genode::Msg m;
	m.w[0] = Genode::Cpu_thread_create;
	m.w[1] = OWN_PD;
	m.w[2] = stack;
	for (unsigned i = 0; name[i]; i++)
		((char *)&m.w[3])[i] = name[i];
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	core(Genode::Cpu_thread_start, m.w[0], (addr_t)fn, Genode::thread_sp(stack));
	return m.w[0];
}

}

extern "C" void start(addr_t)
{
	Genode::Msg m;
	m.w[0] = Genode::Boot_bug;
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	memcpy(bug_text, &m.w[1], sizeof(bug_text));

	static Archive archive;
	static Freezer freezer(sleepers[0], archive);
	static Reviver reviver(sleepers[1], archive);

	sleepers[0].wake_first(own_thread("porter", 3, serve<0>), nullptr);
	Genode::sleep_ms(250);
	freezer.freeze();
	sleepers[1].wake_first(own_thread("porter", 4, serve<1>), &reviver);
	for (;;)
		Genode::sleep_ms(1000);
}
