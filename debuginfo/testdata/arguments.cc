/*
 * Arguments of all sorts: in registers, on the stack, in both, and by the address of
 * a copy.
 */
#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noipa)) /* no clones */
#endif

struct State { unsigned long ip, sp, regs[6]; };
struct Pair  { int a; long b; };
struct Mixed { long n; double x; };
struct Wide  { long long a; int b; };

struct Own /* is copied by a constructor of its own, so its address is passed */
{
	long v;
	Own(long v) : v(v) { }
	Own(Own const &o) : v(o.v + 1) { }
	~Own() { v = 0; }
};

struct Plain /* has constructors, and is copied as its bytes are */
{
	long v, w;
	Plain(long v) : v(v), w(0) { }
	Plain(long v, long w) : v(v), w(w) { }
};

volatile long sink;

struct Object
{
	long kept;

	NOINLINE void  state(State s)                { kept = s.ip; sink = s.regs[5]; }
	NOINLINE long  take(Pair p, State const &r)  { sink = p.a; return p.b + r.ip; }
	NOINLINE State give(int a, State s)          { kept = a; s.ip += 1; return s; }
	NOINLINE long  late(int a, int b, int c, int d, Pair p, int g, State s) { sink = a + b + c + d; return p.a + p.b + g + s.sp; }
	NOINLINE long  mixed(Mixed m, double d, int last) { sink = m.n; return long(m.x + d) + last; }
	NOINLINE long  own(Own o, int after)         { sink = o.v; return after; }
	NOINLINE long  plain(Plain p, int after)     { sink = p.w; return p.v + after; }
	NOINLINE long  wide(int a, Wide w, int b)    { sink = a + w.b; return long(w.a) + b; }
	NOINLINE long  unused(int, State, int last)  { return kept + last; }
};

Object object { 99 };
Object *volatile some = &object;

extern "C" __attribute__((used)) int run()
{
	State s { 0x1001, 0x1002, { 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1008 } };
	Pair  p { 0x21, 0x22 };
	some->state(s);
	sink = some->take(p, s);
	sink = some->give(0x31, s).ip;
	sink = some->late(0x41, 0x42, 0x43, 0x44, p, 0x45, s);
	sink = some->mixed(Mixed { 0x51, 2.5 }, 3.5, 0x52);
	sink = some->own(Own(0x61), 0x62);
	sink = some->plain(Plain(0x71, 0x72), 0x73);
	sink = some->wide(0x81, Wide { 0x82, 0x83 }, 0x84);
	sink = some->unused(0x91, s, 0x92);
	return 0;
}

extern "C" void _start() { for (;;) run(); }
