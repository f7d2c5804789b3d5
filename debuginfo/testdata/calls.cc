/*
 * Functions in the ways that a compiler lays them out: out of line, inlined,
 * split into clones, with parameters in registers, on the stack, by reference.
 */
#define NOINLINE __attribute__((noinline))
typedef unsigned long addr_t;

namespace app {

	struct State { addr_t ip, sp, regs[16]; };
	struct Small { int a; long b; };

	volatile addr_t sink;

	class Thread
	{
		public:
			int badge; State kept; Thread *next;
			void state(State s);
			State const &state() const;
			void take(Small s, State const &r);
			NOINLINE int many(int a, int b, int c, int d, int e, int f, int g, long h);
			int small(int x) { sink = x; sink += badge; return badge * x; }
	};

	NOINLINE void Thread::state(State s) { kept.ip = s.ip; sink = s.sp; badge++; }
	NOINLINE State const &Thread::state() const { return kept; }
	NOINLINE void Thread::take(Small s, State const &r) { sink = s.a + s.b + r.ip; }
	int Thread::many(int a, int b, int c, int d, int e, int f, int g, long h) { sink = a; return b + c + d + e + f + g + (int)h; }

	/* becomes a clone: the first argument is always the same */
	NOINLINE static int always(int mode, int x) { sink = x; return mode * x + (int)sink; }

	/* split: a cheap test that is inlined, and the rest */
	static void rare(Thread *t, long v)
	{
		if (!t) return;
		for (int i = 0; i < v; i++) { sink = i; sink += t->badge; sink ^= v; sink += i * v; }
		for (int i = 0; i < v; i++) { sink = i; sink -= t->badge; sink ^= v; sink -= i * v; }
		t->badge = v; sink = v; sink++; sink *= 3; sink ^= 55; sink += t->badge;
	}

	NOINLINE int leaf(int depth) { sink = depth; return depth + (int)sink; }
	NOINLINE int middle(int depth) { int kept = depth * 3; int r = leaf(depth + 1); return r + kept; }
	NOINLINE int outer(int depth) { int r = middle(depth + 1); sink = r; return r + depth; }

	NOINLINE int unused_parameter(int used, int) { return used; }

	Thread thread;
	Thread *volatile some = &thread;
}

extern "C" int run()
{
	app::State s = { 0x1000, 0x2000, { } };
	app::some->state(s);
	app::Small m = { 3, 4 };
	app::some->take(m, app::some->state());
	int r = app::some->many(1, 2, 3, 4, 5, 6, 7, 8);
	r += app::some->small(5);
	r += app::always(7, r) + app::always(7, r + 1);
	app::rare(app::some, r);
	app::rare(app::some->next, r + 1);
	app::rare(app::some, r + 2);
	return r + app::outer(1) + app::unused_parameter(r, 2);
}

extern "C" __attribute__((noreturn, force_align_arg_pointer)) void _start()
{
	run();
	for (;;) __asm__ volatile ("mov $60, %eax; xor %edi, %edi; syscall");
}
