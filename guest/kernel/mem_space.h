// An address space: page tables, and the task that has them.
#pragma once

#include "kobject.h"
#include "mem_layout.h"

class Pdir
{
public:
	Mword _entries[512];
};

// A value that each processor has for itself; here is one.
template <typename T>
class Per_cpu
{
public:
	T &current() { return _d; }

private:
	T _d;
};

class Mem_space
{
public:
	enum Rights : Mword { Present = 1, Writable = 2, User = 4 };

	void init_dir();
	bool map(Address virt, Address phys, Mword rights);
	// The kernel's view of a mapped page, null if there is none.
	void *lookup(Address virt);
	Address phys_dir() const { return Mem_layout::pmem_to_phys(_dir); }
	void make_current();

	Pdir *_dir = nullptr;

private:
	static Per_cpu<Mem_space *> _current;
	Mword *walk(Address virt, bool alloc);
};

class Ref_cnt_obj
{
public:
	Smword _ref_cnt = 1;
};

class Space : public Ref_cnt_obj, public Mem_space
{
public:
	virtual ~Space() {}
	Mword _caps = 0;
};

class Task : public Kobject, public Space
{
public:
	Task() { init_dir(); }
	Address kobject_start_addr() const override { return (Address)this; }
	Mword kobject_size() const override { return sizeof(*this); }
	Task *as_task() override { return this; }
};

class Kernel_task : public Task
{
public:
	Kernel_task();
	static Kernel_task *kernel_task() { return _task; }

private:
	static Kernel_task *_task;
};

class Sigma0_task : public Task
{
};
