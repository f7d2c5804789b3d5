// rtcr: starts a child, checkpoints it, and restores the checkpoint into a
// second child.

#include "state.h"

using namespace Rtcr;

char const *Genode::log_label = " -> rtcr";

static char bug_text[32];

bool Rtcr::bug(char const *name) { return Genode::equal(bug_text, name); }

addr_t Rtcr::core(addr_t op, addr_t a, addr_t b, addr_t c, addr_t d, addr_t *second)
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

void *Rtcr::alloc(addr_t size)
{
	alignas(16) static char heap[0x10000];
	static addr_t used;
	void *p = heap + used;
	used += (size + 15) & ~15UL;
	if (used > sizeof(heap))
	{
		Genode::log("\033[31mout of heap");
		for (;;)
			Genode::sleep_ms(1000);
	}
	return p;
}

namespace {

enum { OWN_PD = 1 };

Target_child *children[3];

template <int N>
void child_ep_main() { children[N]->serve(); }

void idle_main()
{
	for (;;)
		Genode::sys(Sys_ipc_wait);
}

// A further thread of rtcr itself.
addr_t own_thread(char const *name, addr_t stack_slot, void (*fn)())
{
	Genode::Msg m;
	m.w[0] = Genode::Cpu_thread_create;
	m.w[1] = OWN_PD;
	m.w[2] = stack_slot;
	char *to = (char *)&m.w[3];
	for (unsigned i = 0; name[i]; i++)
		to[i] = name[i];
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	core(Genode::Cpu_thread_start, m.w[0], (addr_t)fn, Genode::thread_sp(stack_slot));
	return m.w[0];
}

}

extern "C" void start(addr_t)
{
	Genode::Msg m;
	m.w[0] = Genode::Boot_bug;
	Genode::ipc_call(Genode::SLOT_PARENT << Cap_shift, m);
	memcpy(bug_text, &m.w[1], sizeof(bug_text));

	own_thread("ep", 1, idle_main);
	own_thread("signal handler", 2, idle_main);

	static Target_child child("sheep_counter"), restored("sheep_counter");
	static Target_state state;
	static Checkpointer checkpointer(child, state);
	static Restorer restorer(restored, state);

	children[0] = &child;
	child.start(own_thread("child ep", 3, child_ep_main<0>), nullptr);
	if (bug("stale-page"))
	{
		// the checkpoint that the incremental one builds on: after the first
		// sheep, and well before the second
		Genode::sleep_ms(60);
		checkpointer.copy_for_increment();
		Genode::sleep_ms(190);
	}
	else
		Genode::sleep_ms(250);
	checkpointer.checkpoint();

	children[1] = &restored;
	restored.start(own_thread("child ep", 4, child_ep_main<1>), &restorer);
	if (bug("restored-twice"))
	{
		Genode::sleep_ms(500);
		static Target_child again("sheep_counter");
		static Restorer second(again, state);
		children[2] = &again;
		again.start(own_thread("child ep", 5, child_ep_main<2>), &second);
	}
	for (;;)
		Genode::sleep_ms(1000);
}
