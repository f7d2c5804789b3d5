// A checkpointer under other names than those that thaw grew up with: its states are in
// an array of each session, and the sessions in a tree.
#include "../../../../containers/testdata/genode.h"

#define PHASE __attribute__((noipa))

extern "C" void *memcpy(void *to, void const *from, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) ((char *)to)[i] = ((char const *)from)[i];
	return to;
}

namespace Vault {

using namespace Genode;

volatile unsigned sink;

struct Frozen_thread { char label[32]; unsigned long flags; Thread_state regs; };

struct Frozen_session : Avl_node<Frozen_session>
{
	unsigned long id = 0;
	Frozen_thread threads[8] {};
	bool higher(Frozen_session *o) { return id < o->id; }
};

// what a checkpointer has beside its states
struct Live_thread { char label[32]; unsigned long ip, sp; };
struct Child { List_element<Live_thread> *first = nullptr; Live_thread now[4] {}; PHASE void pause() { sink++; } };

struct Archive
{
	Avl_tree<Frozen_session> sessions;
	unsigned long size = 0;
};

struct Heap { unsigned long used = 0; PHASE void release() { sink++; } };

class Keeper
{
	Child   &_child;
	Archive &_archive;
	Heap     _heap;

	PHASE void _destroy_old() { _heap.release(); }
	PHASE unsigned _find_thread(char const *) const { return sink; }
	PHASE void _freeze_threads() { sink += _find_thread("a") + _find_thread("b"); }
	PHASE void _freeze_caps() { sink++; }
	PHASE void _freeze_sessions() { _freeze_threads(); _freeze_caps(); }
	PHASE void _copy_memory() { sink++; }
public:
	Keeper(Child &c, Archive &a) : _child(c), _archive(a) {}
	PHASE void freeze()
	{
		_destroy_old();
		_child.pause();
		_freeze_sessions();
		_copy_memory();
		_archive.size++;
	}
};

class Reviver
{
	Child   &_child;
	Archive *_archive;

	PHASE void _revive_thread(Frozen_thread &t) { sink += t.regs.ip; }
	PHASE void _revive_threads(Frozen_session &s) { for (auto &t : s.threads) _revive_thread(t); }
	PHASE void _fill_memory() { sink++; }
	PHASE void _map_caps() { sink++; }
	PHASE void _start_threads() { sink++; }
	void _inline_step() { sink += 2; _map_caps(); }
public:
	Reviver(Child &c, Archive *a) : _child(c), _archive(a) {}
	PHASE void revive()
	{
		_inline_step();
		_fill_memory();
		_revive_threads(*(Frozen_session *)_archive);
		_start_threads();
		if (_archive->size > 3) _child.pause();
	}
};

}

extern "C" void _start()
{
	static Vault::Child child;
	static Vault::Archive archive;
	Vault::Keeper keeper(child, archive);
	keeper.freeze();
	Vault::Reviver(child, &archive).revive();
	static char const *volatile names[] = { "patient" };
	Vault::sink += names[0][0];
	for (;;) ;
}
