// Kernel objects and capability tables.

#include "mem_space.h"
#include "obj_space.h"

Kobject_dbg::Kobject_list Kobject_dbg::_kobjects;
Mword Kobject_dbg::_next_dbg_id;

void Kobject_dbg::init() { _kobjects.init(); }

Kobject_dbg::Kobject_dbg() : _dbg_id(++_next_dbg_id) { _kobjects.push_back(this); }

Kobject_dbg::Dbg_extension::~Dbg_extension() {}

Jdb_kobject_name::Jdb_kobject_name(char const *name)
{
	unsigned i = 0;
	for (; i < sizeof(_name) - 1 && name[i]; i++)
		_name[i] = name[i];
	_name[i] = 0;
}

void Kobject::set_name(char const *name)
{
	_jdb_data.add(new (Kmem_alloc::object(sizeof(Jdb_kobject_name))) Jdb_kobject_name(name));
}

// The table is reached through its pages' place in all of RAM, since the task
// need not be the one that runs.
Obj::Entry *Obj_space::entry(Mem_space &mem, Mword index, bool alloc)
{
	Address virt = Mem_layout::Caps_start + index * sizeof(Obj::Entry);
	if (virt >= Mem_layout::Caps_end || virt < Mem_layout::Caps_start)
		return nullptr;
	void *e = mem.lookup(virt);
	if (!e && alloc)
	{
		mem.map(virt & ~(Page_size - 1), Mem_layout::pmem_to_phys(Kmem_alloc::pages(1)), Mem_space::Writable);
		e = mem.lookup(virt);
	}
	return (Obj::Entry *)e;
}

Kobject_iface *Obj_space::lookup(Mem_space &mem, Mword selector)
{
	Obj::Entry *e = entry(mem, selector >> Cap_shift, false);
	return e ? e->obj() : nullptr;
}

bool Obj_space::insert(Mem_space &mem, Mword selector, Kobject_iface *o, Mword rights)
{
	Obj::Entry *e = entry(mem, selector >> Cap_shift, true);
	if (!e)
		return false;
	e->set(o, rights);
	e->_flags = Obj::Mapping::Ref_cnt;
	return true;
}
