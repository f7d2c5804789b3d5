/*
 * Classes, lists and constants in the manner of the kernels and components
 * that are debugged. Built freestanding, without any library.
 */
typedef unsigned long addr_t;
typedef unsigned long Mword;

/* declared before it is defined, in another place of the namespace */
namespace sys { class Late; struct Never; }
sys::Late *late_pointer;
sys::Never *never_pointer;

namespace cxx {

	struct D_item { D_item *_prev, *_next; };

	template <typename T> struct D_list { T *_first; };

	struct H_item { H_item *_n; };

	template <typename T, int N> struct Table { T items[N]; };
}

namespace sys {

	struct Base_a { virtual int a() { return 1; } long in_a; int shared; };
	struct Base_b { virtual int b() { return 2; } long in_b; int shared; };

	class Dbg : public Base_b, public cxx::D_item
	{
		public:
			static cxx::D_list<Dbg> _objects;
			static int const limit = 42;
			unsigned long _id;
			enum Flags { FLAG_READY = 1, FLAG_WAIT = 2, FLAG_DEAD = 0x200 };
			enum { HIDDEN = -5, BIG = 0xf5000000 };
			Flags _flags;
			unsigned _low : 3, _mid : 7;
			int _signed_bits : 5;
			unsigned long long _far : 40;
	};

	class Thread : public Base_a, public Dbg
	{
		public:
			enum class Mode : unsigned char { IDLE, BUSY = 7 };
			int a() override;
			int b() override { return 20; }
			union { unsigned word; unsigned char octets[4]; };
			struct { short x, y; } pos;
			char _name[16];
			Mode mode;
			Thread *partner;
			Thread &self;
			cxx::Table<addr_t, 3> table;
			Thread() : self(*this) { }
	};

	class Late { public: int when; virtual void tick() { when++; } };

	int Thread::a() { return 10; }

	cxx::D_list<Dbg> Dbg::_objects;

	Thread first, second, third;
	Late late;

	struct Node : cxx::H_item { int value; };
	struct Ext { virtual void run() {} int pad; };
	struct Tagged : Ext, cxx::H_item { int tag; };
	struct Head { cxx::H_item *_f; } heads;
	struct Tags { Tagged *_f; } tags;
}

namespace { struct Private { int secret; virtual int p() { return 3; } } volatile private_object __attribute__((used)); int private_count = 9; }

int local_static(int step)
{
	static int alloc = 5;
	struct Inner { int deep; };
	static volatile Inner inner = { 77 };
	alloc += step;
	return alloc + inner.deep;
}

constexpr unsigned long PAGE = 4096;
double ratio = 1.5;
int matrix[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } };
char const *greeting = "hello";
wchar_t wide;
int (*callback)(int) = local_static;

extern "C" int _start()
{
	late_pointer = &sys::late;
	sys::late.tick();
	private_object.secret = 8;
	return sys::first.a() + sys::second.b() + local_static((int)PAGE) + private_count;
}
