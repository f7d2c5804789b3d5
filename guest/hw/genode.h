// What kernel and core have of Genode's base library: lists and strings of ../base,
// registers, trees, objects that are made in place.
#pragma once

// What rtcr keeps of a thread is the other kernel's state: it has another name here.
#define Cpu_state Stored_cpu_state
#define Thread_state_base Stored_state_base
#define Thread_state Stored_state
#include "base.h"
#undef Cpu_state
#undef Thread_state_base
#undef Thread_state

namespace Genode {

// Registers in the order in which an entry into the kernel pushes them (entry.S).
struct Cpu_state
{
	addr_t r8, r9, r10, r11, r12, r13, r14, r15, rax, rbx, rcx, rdx, rdi, rsi, rbp;
	addr_t trapno, errcode, ip, cs, eflags, sp, ss;
};

struct Thread_state
{
	enum State { VALID, UNAVAILABLE, PAGE_FAULT, EXCEPTION } state;
	Cpu_state cpu;
};

// A node of a balanced tree, whose order its class knows. A tree is such a node itself:
// its first child is the root.
class Avl_node_base
{
protected:
	Avl_node_base *_child[2] = { };
	unsigned char _depth = 1;

	struct Policy { virtual bool higher(Avl_node_base *a, Avl_node_base *b) const = 0; };

	// The tree at 'at' with a node more.
	static Avl_node_base *insert(Avl_node_base *at, Avl_node_base *n, Policy const &p);

private:
	static unsigned depth(Avl_node_base *n) { return n ? n->_depth : 0; }
	void recompute_depth();
	Avl_node_base *rotate(bool up);
};

// NT::higher(b) says that b belongs right of it.
template <typename NT>
class Avl_tree;

template <typename NT>
class Avl_node : public Avl_node_base
{
public:
	NT *child(bool right) const { return static_cast<NT *>(static_cast<Avl_node<NT> *>(_child[right])); }
	template <typename> friend class Avl_tree;
};

template <typename NT>
class Avl_tree : public Avl_node<NT>
{
public:
	NT *first() const { return this->child(false); }

	void insert(NT *n)
	{
		struct : Avl_node_base::Policy
		{
			static NT *of(Avl_node_base *n) { return static_cast<NT *>(static_cast<Avl_node<NT> *>(n)); }
			bool higher(Avl_node_base *a, Avl_node_base *b) const override { return of(a)->higher(of(b)); }
		} policy;
		this->_child[0] = Avl_node_base::insert(this->_child[0], static_cast<Avl_node<NT> *>(n), policy);
	}
};

// Room for an object, which is made later.
template <typename T>
class Reconstructible
{
public:
	T *operator->() { return (T *)_space; }
	T &operator*() { return *(T *)_space; }

	template <typename... ARGS>
	void construct(ARGS &&... args)
	{
		new (_space) T(static_cast<ARGS &&>(args)...);
		_constructed = true;
	}

private:
	alignas(16) char _space[sizeof(T)];
	bool _constructed = false;
};

template <typename T>
class Constructible : public Reconstructible<T> { };

// An object with a place of its own beside what refers to it.
template <typename T>
class Align_at
{
public:
	Align_at() : _obj(*new (_space) T()) { }
	T *operator->() { return &_obj; }
	T &operator*() { return _obj; }

private:
	alignas(16) char _space[sizeof(T)];
	T &_obj;
};

}

void panic(char const *why);
