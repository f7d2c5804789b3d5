// Kernel objects, and the capabilities that name them.
#pragma once

#include "genode.h"

namespace Kernel {

using Genode::addr_t;

class Pd;
class Object_identity_reference;
typedef unsigned short capid_t;

// What every object has: its type, and where it is as a whole.
class Object
{
public:
	enum Type { THREAD, PD, SIGNAL_RECEIVER, SIGNAL_CONTEXT, IRQ, VCPU };

	Object(Type type, void *obj) : _type(type), _obj(obj) { }
	Type type() const { return _type; }
	template <typename T> T *obj() const { return (T *)_obj; }

private:
	Type const _type;
	void *const _obj;
};

// What capabilities name. An object has one of its own (Core_object); each further one of
// a thread is an RPC object that it serves.
class Object_identity : public Genode::List<Object_identity_reference>
{
public:
	explicit Object_identity(Object &o) : _object(&o) { }
	Object *object() const { return _object; }

private:
	Object *_object;
};

// A capability in the table of a protection domain.
class Object_identity_reference : public Genode::Avl_node<Object_identity_reference>,
                                  public Genode::List<Object_identity_reference>::Element
{
public:
	Object_identity_reference(Object_identity &i, Pd &pd, capid_t capid);  // 0: the next that is free

	bool higher(Object_identity_reference *r) const { return r->_capid > _capid; }
	Object_identity_reference *find(capid_t capid);
	Object_identity *identity() const { return _identity; }
	capid_t capid() const { return _capid; }

private:
	capid_t const _capid;
	Object_identity *_identity;
	Pd &_pd;
	unsigned short _in_utcbs = 0;
};

class Object_identity_reference_tree : public Genode::Avl_tree<Object_identity_reference>
{
public:
	Object_identity_reference *find(capid_t capid) const { return first() ? first()->find(capid) : nullptr; }
};

// An object as core makes it: with its identity, and core's own capability for it.
template <typename T>
class Core_object : public T, public Object_identity, public Object_identity_reference
{
public:
	template <typename... ARGS>
	explicit Core_object(Pd &core, ARGS &&... args)
	: T(static_cast<ARGS &&>(args)...), Object_identity(*static_cast<Object *>(this)), Object_identity_reference(*static_cast<Object_identity *>(this), core, 0)
	{ }
};

// A protection domain: its capabilities and page tables.
class Pd : public Object
{
public:
	enum Rights : addr_t { PRESENT = 1, WRITABLE = 2, USER = 4, LARGE = 0x80, UNCACHED = 0x10 };

	struct Core_data
	{
		addr_t id;
		addr_t table_phys_addr;
		addr_t *table;
		Genode::String<160> name;
	};

	explicit Pd(Core_data const &data) : Object(PD, this), _core_data(data) { }

	// The object that a capability names, null if that is another one or none.
	template <typename T>
	T *find(capid_t capid, Object::Type type) const
	{
		Object_identity_reference *r = _cap_tree.find(capid);
		Object *o = r ? r->identity()->object() : nullptr;
		return o && o->type() == type ? o->obj<T>() : nullptr;
	}

	void map(addr_t virt, addr_t phys, addr_t rights);
	// Core's address of a mapped user page's byte, null if there is none.
	char *lookup(addr_t virt) const;
	void activate() const;

	Core_data const _core_data;

private:
	friend class Object_identity_reference;
	Object_identity_reference_tree _cap_tree;
	capid_t _capid_alloc = 1;
};

}
