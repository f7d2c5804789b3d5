// Core: starts rtcr and serves its requests.

#include "platform.h"

using namespace Genode;

extern "C" void call_on_stack(addr_t top, void (*fn)(addr_t), addr_t arg);

char const *Genode::log_label = "";

namespace {

enum { CORE_PRIO = 3, RTCR_PRIO = 2, CHILD_PRIO = 1, RTCR_PD = 1, MAX_THREADS = 64, MAX_PDS = 8, MAX_COPIES = 64 };

Boot_info const *boot;
char bug_text[32] = "state-ignored";

// Objects that requests name by number.
Platform_thread *threads[MAX_THREADS];
Platform_pd *pds[MAX_PDS];
addr_t copies[MAX_COPIES];
addr_t copy_pages[MAX_COPIES];
unsigned thread_count, pd_count, copy_count;
Thread_state *state_buffer;
Platform_thread *entrypoint, *timer;

template <typename T, typename... ARGS>
T *make(ARGS... args)
{
	addr_t pages = (sizeof(T) + PAGE - 1) / PAGE;
	return new ((void *)Ram::alloc(pages)) T(args...);
}

char const *const known_bugs[] = {
	"state-ignored", "fixed", "exregs-in-exception", "overwritten", "missing-thread", "missing-caps", "irq-unattached", "partial-registers",
	"rom-data", "stale-page", "reversed-copy", "blocked-receive", "irq-for-gate", "wrong-object",
	"exregs-blocked", "state-dropped", "state-running", "exregs-running", "unstarted", "wrong-thread", "swapped-threads", "computing", "restored-twice",
};

// The value of NAME= in the command line, into 'value'.
bool option(char const *name, char *value, unsigned max)
{
	char const *c = boot->command_line;
	unsigned n = 0;
	while (name[n])
		n++;
	for (; *c; c++)
	{
		unsigned i = 0;
		while (i < n && c[i] == name[i])
			i++;
		if (i < n || (c != boot->command_line && c[-1] != ' '))
			continue;
		for (i = 0; i < max - 1 && c[n + i] && c[n + i] != ' '; i++)
			value[i] = c[n + i];
		value[i] = 0;
		return true;
	}
	return false;
}

addr_t number_option(char const *name)
{
	char text[16];
	addr_t n = 0;
	if (option(name, text, sizeof(text)))
		for (char const *c = text; *c >= '0' && *c <= '9'; c++)
			n = n * 10 + addr_t(*c - '0');
	return n;
}

void read_bug()
{
	char text[32];
	if (!option("bug=", text, sizeof(text)))
		return;
	for (char const *known : known_bugs)
		if (equal(known, text))
		{
			memcpy(bug_text, text, sizeof(bug_text));
			return;
		}
	log("\033[31mError: there is no bug '", text, "'; known are:");
	for (char const *known : known_bugs)
		log("\033[31m  ", known);
}

Platform_thread *new_thread(Platform_pd *pd, char const *name, unsigned prio, unsigned stack_slot, bool paged)
{
	Platform_thread *t = make<Platform_thread>(name, prio);
	if (paged)
		t->pager(pager_entrypoint().manage(*t));
	pd->bind_thread(t, stack_slot);
	if (thread_count < MAX_THREADS)
		threads[thread_count++] = t;
	return t;
}

// A thread of core itself.
Platform_thread *core_thread(Platform_pd *core, char const *name, unsigned stack_slot, void (*fn)())
{
	Platform_thread *t = new_thread(core, name, CORE_PRIO, stack_slot, false);
	t->_core_thread = true;
	t->start((void *)fn, (void *)thread_sp(stack_slot));
	return t;
}

void pager_main() { pager_entrypoint().entry(); }

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

Platform_thread *receiver(addr_t n)
{
	switch (n)
	{
	case RECEIVER_CORE:  return entrypoint;
	case RECEIVER_TIMER: return timer;
	}
	return n < thread_count ? threads[n] : nullptr;
}

addr_t cap_install(Platform_pd &pd, addr_t slot, addr_t kind, Platform_thread *t)
{
	Native_capability c = new_cap();
	addr_t s = c.data()->kcap();
	if (kind == Kind_gate && !t)
		return Failed;
	if (kind == Kind_gate)
		sys(Sys_create_gate, s, t->cap(), addr_t(c.data()->_id) << 3);
	else
	{
		sys(Sys_create_irq, s);
		if (t)
			sys(Sys_irq_attach, s, t->cap());
	}
	return sys(Sys_map_cap, pd.task(), s, slot << Cap_shift).code;
}

// Idle threads and capabilities, for tests of size.
void make_load()
{
	addr_t n = number_option("threads="), caps = number_option("caps=");
	addr_t slot = 0x1000;
	for (addr_t i = 0; i < n; i++, slot++)
		sys(Sys_create_thread, slot << Cap_shift);
	for (addr_t i = 0; i < caps; i++, slot++)
		sys(Sys_map_cap, Core_task, entrypoint->_gate.local.data()->kcap(), slot << Cap_shift);
}

void copy(Region const &r, addr_t to_from, bool out)
{
	void *mine = (void *)to_from, *theirs = (void *)r.ram;
	memcpy(out ? mine : theirs, out ? theirs : mine, r.pages * PAGE);
}

addr_t serve(Msg &m)
{
	Platform_pd *pd = m.w[1] < pd_count ? pds[m.w[1]] : nullptr;
	Platform_thread *t = m.w[1] < thread_count ? threads[m.w[1]] : nullptr;
	switch (m.w[0])
	{
	case Pd_create:
		pds[pd_count] = make<Platform_pd>();
		m.w[1] = pds[pd_count]->load(boot->roms[m.w[1]]);
		return pd_count++;
	case Pd_cap_install:
		return pd ? cap_install(*pd, m.w[2], m.w[3], receiver(m.w[4])) : ~0UL;
	case Pd_attach:
		return pd ? pd->attach(m.w[2], m.w[3], true) : ~0U;
	case Cpu_thread_create:
		new_thread(pd, (char const *)&m.w[3], m.w[1] == RTCR_PD ? RTCR_PRIO : CHILD_PRIO, (unsigned)m.w[2], true);
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
		if (t) *state_buffer = t->state();
		return 0;
	case Cpu_thread_set_state:
		if (t) t->state(*state_buffer);
		return 0;
	case Ds_copy_out:
		if (!pd || m.w[2] >= pd->_region_count || copy_count == MAX_COPIES) return ~0UL;
		copy_pages[copy_count] = pd->_regions[m.w[2]].pages;
		copies[copy_count] = Ram::alloc(copy_pages[copy_count]);
		copy(pd->_regions[m.w[2]], copies[copy_count], true);
		return copy_count++;
	case Ds_copy_in:
		if (pd && m.w[2] < pd->_region_count && m.w[3] < copy_count)
			copy(pd->_regions[m.w[2]], copies[m.w[3]], m.w[4]);
		return 0;
	case Ds_keep_page:
		if (m.w[1] < copy_count && m.w[2] < copy_count && m.w[3] < copy_pages[m.w[1]] && m.w[3] < copy_pages[m.w[2]])
			memcpy((void *)(copies[m.w[1]] + m.w[3] * PAGE), (void *)(copies[m.w[2]] + m.w[3] * PAGE), PAGE);
		return 0;
	case Pd_reload_data:
		if (pd) pd->reload_data();
		return 0;
	case Pd_regions:
		return pd ? pd->_region_count : 0;
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
	Platform_pd *pd = pds[pd_count++] = make<Platform_pd>();
	addr_t entry = pd->load(boot->roms[0]);
	addr_t page = Ram::alloc(1);
	state_buffer = (Thread_state *)page;
	pd->map(STATE_BUFFER, page, 1, true);
	Platform_thread *t = new_thread(pd, "rtcr", RTCR_PRIO, 0, true);
	pd->_parent.local = entrypoint->_gate.local;
	pd->_parent.map(pd->task(), SLOT_PARENT << Cap_shift);
	t->start((void *)entry, (void *)thread_sp(0));
}

void core_main(addr_t)
{
	Platform_pd *core = pds[pd_count++];
	Pager_entrypoint &p = pager_entrypoint();
	p.thread = core_thread(core, "pager_ep", 1, pager_main);
	entrypoint = core_thread(core, "entrypoint", 2, entrypoint_main);
	timer = core_thread(core, "timer", 3, timer_main);
	make_load();
	start_rtcr();
	for (;;)
		sys(Sys_ipc_wait);
}

}

bool Genode::bug(char const *name) { return equal(bug_text, name); }

// Core's threads have their stacks where all others have them: the first one
// moves there.
extern "C" void start(Boot_info const *b)
{
	boot = b;
	Ram::init(*b);
	Platform_pd *core = pds[0] = make<Platform_pd>(Core_task);
	addr_t top = STACK_AREA + STACK_SLOT;
	core->attach(top - STACK_SIZE, STACK_SIZE / PAGE);
	core->map(STACK_AREA + UTCB_OFFSET, Ram::alloc(1), 1, true);
	sys(Sys_thread_control, Core_thread, Core_task, STACK_AREA + UTCB_OFFSET);
	read_bug();
	call_on_stack(top - 64, core_main, 0);
}
