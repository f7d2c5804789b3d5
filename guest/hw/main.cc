// Core: starts rtcr and serves its requests (../core/rpc.h).

#include "core.h"
#include "../core/rpc.h"

using namespace Core;
using namespace Genode;

extern "C" char rom_rtcr[], rom_sheep_counter[];
extern char const *command_line;

char const *Genode::log_label = "";

namespace {

enum { RTCR_PRIO = 2, CHILD_PRIO = 1, RTCR_PD = 1, FIRST_CHILD_PD = 2, MAX = 64 };

char bug_text[32] = "fixed";

// Objects that requests name by number.
Platform_thread *threads[MAX];
Platform_pd *pds[MAX];
char *copies[MAX];
unsigned thread_count, pd_count = RTCR_PD, copy_count;

// A thread's state as rtcr keeps it, in memory that it shares with core.
Stored_state *state_buffer;

Core::Thread *entrypoint, *timer;
Kernel_object<Kernel::Signal_receiver> pager, keyboard;

Kernel::Pd &core_pd() { return Kernel::Main::_instance->core_pd(); }

char const *const known_bugs[] = { "fixed", "unstarted", "running", "zero" };

// What stands behind a boot option's name, without one the empty string.
template <unsigned N>
void option(char const *name, char (&text)[N])
{
	for (char const *c = command_line; *c; c++)
	{
		unsigned n = 0;
		while (name[n] && c[n] == name[n])
			n++;
		for (unsigned i = 0; !name[n] && i < N - 1 && c[n + i] > ' '; i++)
			text[i] = c[n + i];
	}
}

addr_t number_option(char const *name)
{
	char text[16] = { };
	option(name, text);
	addr_t n = 0;
	for (char const *c = text; *c >= '0' && *c <= '9'; c++)
		n = n * 10 + addr_t(*c - '0');
	return n;
}

void read_bug()
{
	char text[32] = { };
	option("bug=", text);
	if (!text[0])
		return;
	for (char const *known : known_bugs)
		if (equal(known, text))
		{
			memcpy(bug_text, text, sizeof(bug_text));
			return;
		}
	log("\033[31mError: there is no bug '", (char const *)text, "'; known are:");
	for (char const *known : known_bugs)
		log("\033[31m  ", known);
}

// Faults of threads are told by signals. None can be resolved: all memory is mapped as it
// is attached.
void pager_main()
{
	for (;;)
	{
		sys(Sys_irq_receive, pager->capid());
		Platform_thread &t = *(Platform_thread *)utcb().values[0];
		Kernel::Thread::Fault const &f = t.thread().fault();
		log("\033[31mno RM attachment (", f.type & 2 ? "WRITE" : "READ", " pf_addr=", Hex { f.addr }, " pf_ip=", Hex { f.ip }, " from pager_object: ", t.label().string(), ")");
	}
}

void irq_main()
{
	for (;;)
		sys(Sys_irq_receive, keyboard->capid());
}

// Timer: one request after the other, answered when its time has come.
void timer_main()
{
	Msg m;
	for (bool reply = false;; reply = true)
	{
		ipc_reply_wait(m, reply);
		sleep_ms(m.w[0]);
		m = Msg();
	}
}

Platform_thread *new_thread(unsigned pd, char const *name, unsigned stack_slot)
{
	bool child = pd >= FIRST_CHILD_PD;
	// bug=running: the restored child's first thread is at work on another processor
	bool elsewhere = bug("running") && pd > FIRST_CHILD_PD && stack_slot == 0;
	Platform_thread *t = threads[thread_count++] =
		Ram::make<Platform_thread>(*pds[pd], name, (unsigned)elsewhere, (unsigned)(child ? CHILD_PRIO : RTCR_PRIO), stack_slot);
	t->polls(elsewhere);
	pds[pd]->install(t->identity(), SLOT_THREADS + pds[pd]->thread_count++ * SLOTS_PER_THREAD);
	return t;
}

// A capability in a slot: for a new RPC object of a thread, or for a signal receiver.
addr_t cap_install(Platform_pd &pd, addr_t slot, addr_t kind, Kernel::Thread *t)
{
	if (kind == Kind_gate && !t)
		return Failed;
	if (kind == Kind_gate)
	{
		Rpc_object *o;
		in_kernel([&] { o = Ram::make<Rpc_object>(*t, core_pd()); });
		pd.install(o->identity, slot);
		return Ok;
	}
	struct Signals
	{
		Kernel_object<Kernel::Signal_receiver> receiver { };
		Kernel_object<Kernel::Signal_context> context { };
	} *s = Ram::make<Signals>();
	in_kernel([&] {
		s->receiver.construct(core_pd());
		s->context.construct(core_pd(), *s->receiver, slot);
	});
	pd.install(*s->receiver, slot);
	return Ok;
}

Kernel::Thread *receiver(addr_t n)
{
	switch (n)
	{
	case RECEIVER_CORE:  return &*entrypoint->kobj;
	case RECEIVER_TIMER: return &*timer->kobj;
	}
	return n < thread_count ? &threads[n]->thread() : nullptr;
}

// The registers of both kinds of states.
struct { addr_t Cpu_state::*cpu; addr_t Stored_cpu_state::*stored; } const words[] = {
	{ &Cpu_state::ip, &Stored_cpu_state::ip }, { &Cpu_state::sp, &Stored_cpu_state::sp },
	{ &Cpu_state::eflags, &Stored_cpu_state::eflags }, { &Cpu_state::ss, &Stored_cpu_state::ss },
	{ &Cpu_state::rax, &Stored_cpu_state::rax }, { &Cpu_state::rbx, &Stored_cpu_state::rbx }, { &Cpu_state::rcx, &Stored_cpu_state::rcx },
	{ &Cpu_state::rdx, &Stored_cpu_state::rdx }, { &Cpu_state::rdi, &Stored_cpu_state::rdi }, { &Cpu_state::rsi, &Stored_cpu_state::rsi },
	{ &Cpu_state::rbp, &Stored_cpu_state::rbp }, { &Cpu_state::r8, &Stored_cpu_state::r8 }, { &Cpu_state::r9, &Stored_cpu_state::r9 },
	{ &Cpu_state::r10, &Stored_cpu_state::r10 }, { &Cpu_state::r11, &Stored_cpu_state::r11 }, { &Cpu_state::r12, &Stored_cpu_state::r12 },
	{ &Cpu_state::r13, &Stored_cpu_state::r13 }, { &Cpu_state::r14, &Stored_cpu_state::r14 }, { &Cpu_state::r15, &Stored_cpu_state::r15 },
	{ &Cpu_state::trapno, &Stored_cpu_state::trapno }, { &Cpu_state::errcode, &Stored_cpu_state::errcode },
};

void get_state(Platform_thread &t)
{
	Thread_state s = t.state();
	*state_buffer = Stored_state();
	for (auto const &w : words)
		state_buffer->*w.stored = s.cpu.*w.cpu;
	state_buffer->utcb = t.user_utcb();
}

void set_state(Platform_thread &t)
{
	// bug=running: by now the thread is in its loop, whatever else its processor had to do
	while (t.will_poll())
		sleep_ms(4);
	// bug=zero: the restorer fills in where ep is to go on, and nothing else
	if (bug("zero") && equal(t.label().string(), "ep"))
	{
		Thread_state s { };
		s.cpu.ip = state_buffer->ip;
		s.cpu.sp = state_buffer->sp;
		t.state(s);
		return;
	}
	Thread_state s { };
	for (auto const &w : words)
		s.cpu.*w.cpu = state_buffer->*w.stored;
	s.cpu.cs = Board::Cpu::CS_USER;
	t.state(s);
}

void copy(Region const &r, char *mine, bool out) { memcpy(out ? mine : r.ram, out ? r.ram : mine, r.pages * PAGE); }

addr_t serve(Msg &m)
{
	Platform_pd *pd = m.w[1] < pd_count ? pds[m.w[1]] : nullptr;
	Platform_thread *t = m.w[1] < thread_count ? threads[m.w[1]] : nullptr;
	Region *r = pd && m.w[2] < pd->region_count ? &pd->regions[m.w[2]] : nullptr;
	switch (m.w[0])
	{
	case Pd_create:
		if (pd_count == MAX) return ~0UL;
		pds[pd_count] = Ram::make<Platform_pd>("init -> rtcr -> sheep_counter");
		m.w[1] = pds[pd_count]->load(rom_sheep_counter);
		return pd_count++;
	case Pd_cap_install:
		return pd ? cap_install(*pd, m.w[2], m.w[3], receiver(m.w[4])) : ~0UL;
	case Pd_attach:
		return pd ? pd->attach(m.w[2], m.w[3]) : ~0U;
	case Cpu_thread_create:
		if (!pd || thread_count == MAX) return ~0UL;
		new_thread((unsigned)m.w[1], (char const *)&m.w[3], (unsigned)m.w[2]);
		return thread_count - 1;
	case Cpu_thread_start:
		return t ? (addr_t)t->start((void *)m.w[2], (void *)m.w[3]) : ~0UL;
	case Cpu_thread_pause:
		if (t) t->pause();
		return 0;
	case Cpu_thread_resume:
		if (t) t->resume();
		return 0;
	case Cpu_thread_state:
		if (t) get_state(*t);
		return 0;
	case Cpu_thread_set_state:
		if (t) set_state(*t);
		return 0;
	case Ds_copy_out:
		if (!r || copy_count == MAX) return ~0UL;
		copies[copy_count] = Ram::alloc(r->pages);
		copy(*r, copies[copy_count], true);
		return copy_count++;
	case Ds_copy_in:
		if (r && m.w[3] < copy_count) copy(*r, copies[m.w[3]], m.w[4]);
		return 0;
	case Pd_reload_data:
		if (pd) pd->reload_data();
		return 0;
	case Pd_regions:
		return pd ? pd->region_count : 0;
	case Boot_bug:
		memcpy(&m.w[1], bug_text, sizeof(bug_text));
		return 0;
	}
	return ~0UL;
}

void entrypoint_main()
{
	Msg m;
	for (bool reply = false;; reply = true)
	{
		ipc_reply_wait(m, reply);
		m.w[0] = serve(m);
	}
}

// rtcr: the only component that core starts by itself.
void start_rtcr()
{
	Platform_pd *pd = pds[pd_count++] = Ram::make<Platform_pd>("init -> rtcr");
	addr_t entry = pd->load(rom_rtcr);
	char *page = Ram::alloc(1);
	state_buffer = (Stored_state *)page;
	pd->map(STATE_BUFFER, page, 1, true);
	cap_install(*pd, SLOT_PARENT, Kind_gate, &*entrypoint->kobj);
	new_thread(RTCR_PD, "rtcr", 0)->start((void *)entry, (void *)thread_sp(0));
}

}

bool Core::bug(char const *name) { return equal(bug_text, name); }

Kernel::Signal_receiver &Core::pager_receiver() { return *pager; }

void Core::main()
{
	static Kernel_object<Kernel::Signal_context> key;
	static Kernel_object<Kernel::User_irq> irq;
	read_bug();
	in_kernel([] {
		pager.construct(core_pd());
		keyboard.construct(core_pd());
		key.construct(core_pd(), *keyboard, 0u);
		irq.construct(core_pd(), (unsigned)Board::Cpu::KEYBOARD, *key);
	});
	entrypoint = Ram::make<Core::Thread>("entrypoint", entrypoint_main);
	Ram::make<Core::Thread>("pager_ep", pager_main);
	Ram::make<Core::Thread>("irq", irq_main);
	timer = Ram::make<Core::Thread>("timer", timer_main);
	start_rtcr();
	make_load(core_pd(), pds[RTCR_PD]->kernel_pd(), *entrypoint->kobj, number_option("threads="), number_option("caps="));
	for (;;)
		sleep_ms(0);
}
