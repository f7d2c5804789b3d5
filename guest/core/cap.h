// Capabilities as core keeps them: an index object for each, whose place in an
// array is the selector.
#pragma once

#include "base.h"

namespace Genode {

class Platform_thread;

class Native_capability
{
public:
	class Data;

	Native_capability() {}
	explicit Native_capability(Data *d) : _data(d) {}
	Data *data() const { return _data; }

	Data *_data = nullptr;
};

class Native_capability::Data
{
public:
	addr_t kcap() const;

	uint8_t _ref_cnt = 0;
	uint16_t _id = 0;
};

class Core_cap_index : public Native_capability::Data
{
public:
	void *_session = nullptr;
	Platform_thread const *_pt = nullptr;
	addr_t _gate = 0;
};

template <typename T, unsigned SZ>
class Cap_index_allocator_tpl
{
public:
	T *alloc()
	{
		T *t = &_indices[START_IDX + _used++];
		t->_ref_cnt = 1;
		t->_id = (uint16_t)_used;
		return t;
	}
	addr_t idx_to_kcap(T const *t) const { return addr_t(t - _indices) << Cap_shift; }

	enum { START_IDX = 0x200 };  // selectors below have a fixed meaning

	unsigned _used = 0;
	T _indices[SZ];
};

typedef Cap_index_allocator_tpl<Core_cap_index, 4096> Cap_index_allocator;

Cap_index_allocator *cap_idx_alloc();

inline Native_capability new_cap() { return Native_capability(cap_idx_alloc()->alloc()); }

// A capability of core and its copy in a protection domain.
class Cap_mapping
{
public:
	void map(addr_t task, addr_t to)
	{
		remote = to;
		sys(Sys_map_cap, task, local.data()->kcap(), to);
	}

	Native_capability local;
	addr_t remote = 0;
};

}
