// The child that is checkpointed and restored: it counts sheep, and does not
// know what happens to it. Its threads are those of any Genode component: the
// initial thread waits for ever, "ep" runs Component::construct, "signal
// handler" waits for signals.

#include "base.h"
#include "rtcr/child_rpc.h"

using namespace Genode;

char const *Genode::log_label = " -> rtcr -> sheep_counter";

enum : addr_t { PARENT = 8UL << Cap_shift, EP = 15UL << Cap_shift };

namespace {

addr_t session(Session_kind kind, addr_t *addr = nullptr)
{
	Msg m;
	m.w[0] = Parent_session;
	m.w[1] = kind;
	ipc_call(PARENT, m);
	if (addr)
		*addr = m.w[1];
	return m.w[0] << Cap_shift;
}

}

namespace Timer {

class Session_client
{
public:
	explicit Session_client(addr_t cap) : _cap(cap) {}

	// Sleeps by a call to the timer, which answers when the time has come.
	__attribute__((noinline))
	void msleep(addr_t ms)
	{
		Utcb &u = utcb();
		do
		{
			u.values[0] = ms;
			u.words = 8;
		}
		while (sys(Sys_ipc_call, _cap).code == Canceled);
	}

private:
	addr_t _cap;
};

}

namespace Component {

// Each kind of memory holds something that changes while sheep are counted: a
// restore that loses one of them can be told from one that loses another.
bool awake = true;                  // .data: the program starts with it
addr_t volatile rounds;             // .bss

// The heap, as the parent attaches it: two pages.
struct Heap
{
	addr_t n;                       // sheep to count next
	addr_t unused[PAGE / sizeof(addr_t) - 1];
	addr_t herd[PAGE / sizeof(addr_t)];
};

// bug=computing: counts sheep without asking anybody. What it knows stands in the
// processor: the rounds still to go, numbers to tell a lost one by, and the carry flag,
// which the loop leaves alone.
__attribute__((NOIPA))
void compute(addr_t n)
{
	for (;; n++)
	{
		register addr_t r8 asm("r8") = n, r9 asm("r9") = n + 1, r10 asm("r10") = n + 2, r12 asm("r12") = n + 3,
		                r13 asm("r13") = n + 4, r14 asm("r14") = n + 5, r15 asm("r15") = n + 6, rdx asm("rdx") = n + 7;
		addr_t rounds = 5'000'000;
		unsigned char carry;
		asm volatile("stc\n1: dec %0\njnz 1b\nsetc %1"
		             : "+r"(rounds), "=r"(carry), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15), "+r"(rdx) : : "cc");
		bool lost = !carry || r8 != n || r9 != n + 1 || r10 != n + 2 || r12 != n + 3 || r13 != n + 4 || r14 != n + 5 || r15 != n + 6 || rdx != n + 7;
		log(n, lost ? " sheeps, and lost count" : " sheeps computed");
	}
}

__attribute__((noinline))
void construct()
{
	log("Initializing LOG session");
	session(Session_log);

	log("Creating Timer session.");
	Timer::Session_client timer(session(Session_timer));

	log("Allocating and attaching memory and its dataspace.");
	addr_t addr;
	session(Session_ram, &addr);
	Heap volatile &heap = *(Heap *)addr;
	addr_t volatile &n = heap.n;
	n = 1;

	session(Cap_exit);
	session(Cap_signal_proxy);
	addr_t semaphore = session(Cap_semaphore);
	sys(Sys_irq_attach, semaphore);
	addr_t computes;
	session(Cap_constructor, &computes);
	if (computes)
		compute(1);

	for (;;)
	{
		// only once
		if (awake)
			log("Going to bed.");
		awake = false;
		if (n == 1)
			log("1 sheep. zzZ");
		else
			log(n, " sheeps. zzZ");
		heap.herd[n % (PAGE / sizeof(addr_t))] = n;
		rounds = rounds + 1;
		n = n + 1;
		timer.msleep(100);
	}
}

}

namespace {

// The initial thread reaches its wait first, as in a component that takes
// longer to start.
void ep_main()
{
	sleep_ms(8);
	Component::construct();
}

// Slot of the signal semaphore, which the parent makes with the protection
// domain.
enum : addr_t { SIGNAL_SEMAPHORE = 0x20aUL << Cap_shift };

void signal_handler_main()
{
	sys(Sys_irq_attach, SIGNAL_SEMAPHORE);
	for (;;)
		sys(Sys_irq_receive, SIGNAL_SEMAPHORE);
}

void new_thread(char const *name, addr_t slot, void (*fn)())
{
	Msg m;
	m.w[0] = Parent_thread;
	m.w[1] = (addr_t)fn;
	m.w[2] = thread_sp(slot);
	m.w[3] = slot;
	char *text = (char *)&m.w[4];
	for (unsigned i = 0; i < 23 && name[i]; i++)
		text[i] = name[i];
	ipc_call(PARENT, m);
}

}

namespace {

// Waits for anybody, in the kernel. It uses no register but those that the
// system call returns: a thread that is set to its end without its registers
// goes on (bug=blocked-receive).
__attribute__((NOIPA))
addr_t wait_for_message() { return sys(Sys_ipc_wait).code; }

// Somebody wants the component to end: ep is asked to finish. It would answer
// once it served requests, which it never does; but then, nobody asks.
__attribute__((NOIPA))
void exit_requested()
{
	log("Asked to exit, waiting for ep.");
	Msg m;
	ipc_call(EP, m);
}

}

extern "C" void start(addr_t)
{
	new_thread("signal handler", 2, signal_handler_main);
	new_thread("ep", 1, ep_main);
	// A wait that was cancelled is repeated.
	for (;;)
		if (wait_for_message() == Ok)
			exit_requested();
}
