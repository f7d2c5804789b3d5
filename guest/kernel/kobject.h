// Kernel objects as Fiasco.OC's kernel debugger sees them.
#pragma once

#include "types.h"

class Kobject_dbg : public cxx::D_list_item
{
public:
	// What the kernel debugger hangs on an object, its name for example.
	class Dbg_extension : public cxx::H_list_item
	{
	public:
		virtual ~Dbg_extension() = 0;
	};

	typedef cxx::H_list<Dbg_extension> Dbg_ext_list;
	typedef cxx::D_list<Kobject_dbg> Kobject_list;

	virtual Address kobject_start_addr() const = 0;
	virtual Mword kobject_size() const = 0;
	virtual ~Kobject_dbg() {}

	Dbg_ext_list _jdb_data;
	Mword dbg_id() const { return _dbg_id; }

	static Kobject_list _kobjects;
	static void init();

protected:
	Kobject_dbg();

private:
	Mword _dbg_id;
	static Mword _next_dbg_id;
};

class Jdb_kobject_extension : public Kobject_dbg::Dbg_extension
{
public:
	virtual char const *type() const = 0;
};

class Jdb_kobject_name : public Jdb_kobject_extension
{
public:
	explicit Jdb_kobject_name(char const *name);
	char const *type() const override { return "Jdb_kobject_names"; }
	char const *name() const { return _name; }

private:
	char _name[16];
};

class Thread;
class Thread_object;
class Task;
class Ipc_gate_obj;
class Irq_sender;

// The interface that capabilities point to. What an object is asks no rtti.
class Kobject_iface
{
public:
	virtual Thread_object *as_thread() { return nullptr; }
	virtual Task *as_task() { return nullptr; }
	virtual Ipc_gate_obj *as_gate() { return nullptr; }
	virtual Irq_sender *as_irq() { return nullptr; }
	virtual Kobject_dbg *dbg() = 0;
	virtual ~Kobject_iface() {}
};

namespace Obj { class Mapping; }

class Kobject_mappable
{
public:
	cxx::H_list<Obj::Mapping> _root;
	Smword _cnt = 0;
};

class Kobject : public Kobject_iface, public Kobject_mappable, public Kobject_dbg
{
public:
	Kobject_dbg *dbg() override { return this; }
	void set_name(char const *name);

	Mword existence_lock = 0;
	Kobject *_next_to_reap = nullptr;
};
