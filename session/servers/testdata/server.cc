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
struct Dataspace_owner {};
struct Dataspace_component : Rpc_object_base
{
	long _size; const Dataspace_owner *_owner;
	Dataspace_component(Data &d, long size, const Dataspace_owner *owner = nullptr) : Rpc_object_base(d), _size(size), _owner(owner) { }
};
struct Ram_session_component : Label, Rpc_object_base, Dataspace_owner
{
	char _label[64];
	template <typename... T> Ram_session_component(Data &d, T... c) : Rpc_object_base(d), _label { c... } { }
};
struct Rom_module { const char *_name; };
struct Rom_session_component : Rpc_object_base
{
	Rom_module *_rom_module; Dataspace_component _ds;
	Rom_session_component(Data &d, Rom_module &m, Data &ds) : Rpc_object_base(d), _rom_module(&m), _ds(ds, 0x23000) { }
};
struct Signal_context_component : Label, Rpc_object_base
{
	long _imprint;
	Signal_context_component(Data &d, long imprint) : Rpc_object_base(d), _imprint(imprint) { }
};

}

namespace Rtcr {

struct Log_session_component : Genode::Rpc_object_base
{
	struct { bool bootstrapped; Genode::String<160> creation_args; } _parent_state;
	Log_session_component(Genode::Data &d) : Rpc_object_base(d), _parent_state { false, "ram_quota=8K, label=\"sheep\", diag=0" } { }
};
struct Unnamed : Genode::Rpc_object_base { using Rpc_object_base::Rpc_object_base; long _size = 7; };

}

namespace Genode {

// which slots of its capability table a program uses
struct Note { enum { INVALID_ID = -1, UNUSED = 0 }; unsigned char _ref_cnt; unsigned short _id; bool used() { return _id != UNUSED && _id != (unsigned short)INVALID_ID; } };
struct Notes
{
	enum { START_IDX = 2 };
	Note notes[8] = {{0, 0}, {0, 0}, {1, 0xd48}, {0, 0}, {0, 0xffff}, {1, 0xd50}};
	Note *_indices = notes;
	Note &first() { return _indices[START_IDX]; }
};

}

using namespace Genode;

struct All
{
	char name[16] = "sheep_counter";
	Object_pool<Rpc_object_base> pool;
	Data ids[8] = {{1, 0xd48}, {1, 0xd50}, {1, 0x10}, {1, 0x18}, {1, 0x20}, {1, 0x28}, {1, 0x30}, {1, 0x38}};
	Ram_session_component ram {ids[1], 'i', 'n', 'i', 't', ' ', '-', '>', ' ', 'r', 't', 'c', 'r', ' ', '-', '>', ' ', 's', 'h', 'e', 'e', 'p'};
	Dataspace_component a {ids[0], 0x8000, &ram}, b {ids[2], 0x1000};
	Rom_module module {name};
	Rom_session_component rom {ids[3], module, ids[4]};
	Signal_context_component context {ids[5], 0x401ffc40};
	Rtcr::Log_session_component log {ids[6]};
	Rtcr::Unnamed unnamed {ids[7]};
	Notes notes;
};

alignas(64) All all __attribute__((section(".data"))) {};

int main()
{
	Rpc_object_base *objects[] = { &all.a, &all.b, &all.ram, &all.rom, &all.rom._ds, &all.context, &all.log, &all.unnamed };
	for (auto o : objects)
		all.pool._tree.insert(o);
	if (!all.notes.first().used())
		return 1;
	return write(1, &all, sizeof(all)) != (long)sizeof(all);
}
