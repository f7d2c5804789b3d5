// Capability tables and page tables.

#include "core.h"

using namespace Kernel;
using Genode::Avl_node_base;

void Avl_node_base::recompute_depth()
{
	unsigned l = depth(_child[0]), r = depth(_child[1]);
	_depth = (unsigned char)((l > r ? l : r) + 1);
}

// The child on a side comes up, this node goes down on the other.
Avl_node_base *Avl_node_base::rotate(bool up)
{
	Avl_node_base *n = _child[up];
	_child[up] = n->_child[!up];
	n->_child[!up] = this;
	recompute_depth();
	n->recompute_depth();
	return n;
}

Avl_node_base *Avl_node_base::insert(Avl_node_base *at, Avl_node_base *n, Policy const &p)
{
	if (!at)
		return n;
	bool side = p.higher(at, n);
	at->_child[side] = insert(at->_child[side], n, p);
	at->recompute_depth();
	Avl_node_base *&c = at->_child[side];
	if (depth(c) < depth(at->_child[!side]) + 2)
		return at;
	if (depth(c->_child[!side]) > depth(c->_child[side]))
		c = c->rotate(!side);
	return at->rotate(side);
}

Object_identity_reference::Object_identity_reference(Object_identity &i, Pd &pd, capid_t capid)
: _capid(capid ? capid : pd._capid_alloc++), _identity(&i), _pd(pd)
{
	i.insert(this);
	pd._cap_tree.insert(this);
}

Object_identity_reference *Object_identity_reference::find(capid_t capid)
{
	Object_identity_reference *r = this;
	while (r && r->_capid != capid)
		r = r->child(capid > r->_capid);
	return r;
}

// Entry of a page table, null if there is no table for it and none is to be made.
static addr_t *entry(addr_t *table, addr_t virt, bool make)
{
	for (int shift = 39; shift > 12; shift -= 9)
	{
		addr_t &e = table[virt >> shift & 511];
		if (!(e & Pd::PRESENT))
		{
			if (!make)
				return nullptr;
			e = Core::phys(Core::Ram::alloc(1)) | Pd::PRESENT | Pd::WRITABLE | Pd::USER;
		}
		table = (addr_t *)Core::virt(e & 0x000ffffffffff000UL);
	}
	return &table[virt >> 12 & 511];
}

void Pd::map(addr_t virt, addr_t phys, addr_t rights)
{
	*entry(_core_data.table, virt, true) = phys | rights | PRESENT;
	asm volatile ("invlpg (%0)" : : "r" (virt) : "memory");
}

char *Pd::lookup(addr_t virt) const
{
	addr_t *e = virt < Core::USER_END ? entry(_core_data.table, virt, false) : nullptr;
	return e && *e & PRESENT ? Core::virt((*e & 0x000ffffffffff000UL) + (virt & (Genode::PAGE - 1))) : nullptr;
}

void Pd::activate() const
{
	addr_t now;
	asm volatile ("movq %%cr3, %0" : "=r" (now));
	if (now != _core_data.table_phys_addr)
		asm volatile ("movq %0, %%cr3" : : "r" (_core_data.table_phys_addr) : "memory");
}
