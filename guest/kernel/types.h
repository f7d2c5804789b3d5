// Basic types and the lists that kernel objects are linked with. Names of
// classes and members are those of Fiasco.OC's cxx library.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef unsigned long Mword;
typedef long Smword;
typedef unsigned long Address;

enum : Mword
{
	Page_size = 4096,
	No_value  = ~0UL,
};

inline void *operator new(size_t, void *p) { return p; }

void panic(char const *why);

extern "C" void *memcpy(void *, void const *, size_t);
extern "C" void *memset(void *, int, size_t);

namespace cxx {

// Member of a doubly linked, cyclic list.
class D_list_item
{
public:
	D_list_item *_dli_next = nullptr, *_dli_prev = nullptr;
};

// A cyclic list that is closed by its head item.
template <typename T>
class D_list
{
public:
	void init() { _h._dli_next = _h._dli_prev = &_h; }

	void push_back(T *e)
	{
		D_list_item *i = e;
		i->_dli_prev = _h._dli_prev;
		i->_dli_next = &_h;
		_h._dli_prev->_dli_next = i;
		_h._dli_prev = i;
	}

	D_list_item *first() { return _h._dli_next; }
	D_list_item *end() { return &_h; }

private:
	D_list_item _h;
};

// Member of a list with a plain head pointer.
class H_list_item
{
public:
	H_list_item *_n = nullptr, **_pn = nullptr;
};

template <typename T>
class H_list
{
public:
	void add(T *e)
	{
		H_list_item *i = e;
		if (_f)
			_f->_pn = &i->_n;
		i->_n = _f;
		i->_pn = &_f;
		_f = i;
	}

	H_list_item *_f = nullptr;
};

}
