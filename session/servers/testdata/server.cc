// A server's objects behind their gates, with the classes and members of Genode's, as far
// as a debugger sees them.
#include "../../../containers/testdata/genode.h"
#include <unistd.h>

namespace Genode {

struct Data { unsigned char refs; unsigned short _id; };

template <typename T> struct Object_pool
{
	struct Entry : Avl_node<Entry>
	{
		struct { Data *_data; } _cap;
		Entry(Data &d) : _cap { &d } {}
		virtual ~Entry() {}
		bool higher(Entry *e) { return e->_cap._data->_id > _cap._data->_id; }
	};
	Avl_tree<Entry> _tree;
};

struct Rpc_object_base : Object_pool<Rpc_object_base>::Entry { using Entry::Entry; virtual void dispatch() {} };
struct Label { virtual void label() {} long n = 0; };
struct Dataspace_component : Rpc_object_base { using Rpc_object_base::Rpc_object_base; long size = 0; };
struct Session_component : Label, Rpc_object_base { using Rpc_object_base::Rpc_object_base; };

}

using namespace Genode;

struct All
{
	Object_pool<Rpc_object_base> pool;
	Data ids[4] = {{1, 0xd48}, {1, 0xd50}, {1, 0x10}, {1, 0x18}};
	Dataspace_component a {ids[0]}, b {ids[2]};
	Session_component c {ids[1]};
};

alignas(64) All all __attribute__((section(".data"))) {};

int main()
{
	all.pool._tree.insert(&all.a);
	all.pool._tree.insert(&all.b);
	all.pool._tree.insert(&all.c);
	return write(1, &all, sizeof(all)) != (long)sizeof(all);
}
