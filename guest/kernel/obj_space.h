// Capability tables: an array of entries at Mem_layout::Caps_start of each task,
// in pages that are mapped when the first capability in them is set.
#pragma once

#include "kobject.h"
#include "mem_layout.h"

namespace Obj {

enum : Mword { Rights_w = 1, Rights_s = 2, Rights_mask = 3 };

class Capability
{
public:
	Kobject_iface *obj() const { return (Kobject_iface *)(_obj & ~Mword(Rights_mask)); }
	void set(Kobject_iface *o, Mword rights) { _obj = (Mword)o | (rights & Rights_mask); }

	Mword _obj;
};

class Mapping : public cxx::H_list_item
{
public:
	enum Flag { Delete = 0x08, Ref_cnt = 0x10 };

	Mword _flags : 8;
	Mword _pad : 24;
};

class Entry : public Capability, public Mapping
{
};

}

class Mem_space;

class Obj_space
{
public:
	enum : unsigned { Cap_shift = 12 };  // selectors keep flags in their low bits

	static Obj::Entry *entry(Mem_space &mem, Mword index, bool alloc);
	static Kobject_iface *lookup(Mem_space &mem, Mword selector);
	static bool insert(Mem_space &mem, Mword selector, Kobject_iface *o, Mword rights);
};
