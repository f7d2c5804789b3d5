// Containers with the classes and members of Genode's, as far as a debugger sees them.
// They only take elements in.
#pragma once

namespace Genode {

template <typename LT> class List
{
	LT *_first = nullptr;
public:
	class Element
	{
		friend class List;
		LT mutable *_next = nullptr;
	};
	void insert(LT *e) { e->List<LT>::Element::_next = _first; _first = e; }
};

template <typename T> class List_element : public List<List_element<T>>::Element
{
	T *_object;
public:
	List_element(T *object) : _object(object) {}
};

template <typename QT> class Fifo
{
public:
	class Element
	{
		friend class Fifo;
	protected:
		QT *_next = nullptr;
		bool _enqueued = false;
	};
private:
	QT *_head = nullptr;
	Element *_tail = nullptr;
public:
	void enqueue(QT &e)
	{
		if (_tail) _tail->_next = &e; else _head = &e;
		_tail = &e;
	}
};

class Avl_node_base
{
protected:
	struct Policy { virtual bool higher(Avl_node_base *a, Avl_node_base *b) const = 0; };
	struct
	{
		Avl_node_base *_child[2] = {};
		Avl_node_base *_parent = nullptr;
		unsigned char _depth = 0;
	};
	void _insert(Avl_node_base *n, Policy &p)
	{
		Avl_node_base *at = this;
		bool side = false;
		while (at->_child[side])
		{
			at = at->_child[side];
			side = p.higher(at, n);
		}
		at->_child[side] = n;
		n->_parent = at;
	}
};

template <typename NT> struct Avl_node : Avl_node_base {};

template <typename NT> class Avl_tree : Avl_node<NT>
{
	struct Policy : Avl_node_base::Policy
	{
		bool higher(Avl_node_base *a, Avl_node_base *b) const override { return of(a)->higher(of(b)); }
		static NT *of(Avl_node_base *n) { return static_cast<NT *>(static_cast<Avl_node<NT> *>(n)); }
	} _policy {};
public:
	void insert(Avl_node<NT> *n) { this->_insert(n, _policy); }
};

inline bool less(char const *a, char const *b)
{
	for (; *a && *a == *b; a++, b++) ;
	return *a < *b;
}

class Avl_string_base : public Avl_node<Avl_string_base>
{
	struct { char const *_str; };
public:
	Avl_string_base(char const *s) : _str(s) {}
	bool higher(Avl_string_base *o) { return less(_str, o->_str); }
};

template <int N> class Avl_string : public Avl_string_base
{
	char _str_buf[N] = {};
public:
	Avl_string(char const *s) : Avl_string_base(_str_buf) { for (int i = 0; s[i] && i < N - 1; i++) _str_buf[i] = s[i]; }
};

template <unsigned long N> struct String
{
	char _buf[N] = {};
	unsigned long _len = 0;
	String(char const *s) { for (; s[_len] && _len < N - 1; _len++) _buf[_len] = s[_len]; }
};

template <typename T, typename NAME> class Dictionary
{
	Avl_tree<T> _tree {};
public:
	class Element : private Avl_node<T>
	{
	public:
		NAME const name;
	private:
		friend class Avl_tree<T>;
		friend class Avl_node<T>;
		friend class Dictionary;
		bool higher(T const *o) const { return less(name._buf, o->Element::name._buf); }
	public:
		Element(Dictionary &d, NAME const &n) : name(n) { d._tree.insert(this); }
	};
};

class Registry_base
{
protected:
	class Element : public List<Element>::Element
	{
		Registry_base &_registry;
	protected:
		void * const _obj;
	public:
		Element(Registry_base &r, void *o) : _registry(r), _obj(o) { r._elements.insert(this); }
	};
	List<Element> _elements {};
};

template <typename T> struct Registry : private Registry_base
{
	struct Element : Registry_base::Element
	{
		Element(Registry &r, T &o) : Registry_base::Element(r, &o) {}
	};
};

template <typename T> class Id_space
{
public:
	struct Id { unsigned long value; };
	class Element : public Avl_node<Element>
	{
		T &_obj;
		Id_space &_id_space;
		Id _id {0};
	public:
		Element(T &o, Id_space &s) : _obj(o), _id_space(s), _id{s._cnt++} { s._elements.insert(this); }
		bool higher(Element *o) { return o->_id.value > _id.value; }
	};
private:
	Avl_tree<Element> _elements {};
	unsigned long _cnt = 0;
};

template <typename T> class Reconstructible
{
	alignas(T) char _space[sizeof(T)];
	bool _constructed = false;
public:
	void construct(T const &from)
	{
		for (unsigned i = 0; i < sizeof(T); i++) _space[i] = ((char const *)&from)[i];
		_constructed = true;
	}
};

template <typename T> class Constructible : public Reconstructible<T> {};

struct Cpu_state { unsigned long ip, sp, rax, rbx, r12; };
struct Thread_state : Cpu_state { bool exception; };

}
