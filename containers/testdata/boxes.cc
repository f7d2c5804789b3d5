// States in all of Genode's containers. It writes its data, from the first variable to
// the end, to its standard output: what a debugger would read of it.
#include <unistd.h>
#include <initializer_list>
#include "genode.h"

using namespace Genode;

struct Other { unsigned long filler = 7; };

struct State : Other, List<State>::Element, Fifo<State>::Element, Avl_node<State>
{
	unsigned long ip;
	State(unsigned long ip) : ip(ip) {}
	bool higher(State *o) { return ip < o->ip; }
};

struct Named : Other, Avl_string<16>
{
	unsigned long ip;
	Named(char const *n, unsigned long ip) : Avl_string<16>(n), ip(ip) {}
};

struct Entry : Other, Dictionary<Entry, String<16>>::Element
{
	unsigned long ip;
	Entry(Dictionary<Entry, String<16>> &d, char const *n, unsigned long ip) : Element(d, n), ip(ip) {}
};

// in two trees
struct Twice : Other, Avl_node<Twice>, Id_space<Twice>::Element
{
	unsigned long ip;
	Twice(Id_space<Twice> &s, unsigned long ip) : Id_space<Twice>::Element(*this, s), ip(ip) {}
	bool higher(Twice *o) { return ip < o->ip; }
};

struct Chain { Chain *next; unsigned long ip; };

struct Session : List<Session>::Element { Avl_tree<State> threads; State *kept[4] = {}; };

struct Box
{
	List<State>                    list;
	Fifo<State>                    fifo;
	Avl_tree<State>                tree;
	List<List_element<State>>      wrapped;
	Avl_tree<Avl_string_base>      strings;
	Dictionary<Entry, String<16>>  dictionary;
	Registry<State>                registry;
	Id_space<Twice>                ids;
	Avl_tree<Twice>                twice;
	Constructible<State>           constructed, none;
	State                          array[2][2] = {{{1}, {2}}, {{3}, {4}}};
	State                         *pointers[4] = {};
	Chain                         *chain = nullptr;
	List<Session>                  sessions;
	Avl_tree<State>               &reference = tree;
	Avl_tree<State>               *pointer = &tree;
	Avl_tree<State>                empty;
	List<State>                    circle, wild;
	int                            number = 3;
};

// so that all of it is within what is written
struct All
{
	Box box {};
	State s[9] = {{10}, {20}, {30}, {15}, {25}, {35}, {5}, {1}, {2}};
	Named n[3] = {{"ep", 7}, {"signal", 8}, {"child", 9}};
	Entry e[2] = {{box.dictionary, "b", 2}, {box.dictionary, "a", 1}};
	Twice t[3] = {{box.ids, 3}, {box.ids, 1}, {box.ids, 2}};
	List_element<State> w[2] = {&s[0], &s[1]};
	Registry<State>::Element r[2] = {{*(Registry<State> *)&box.registry, s[2]}, {box.registry, s[3]}};
	Chain c[2] = {{&c[1], 11}, {nullptr, 12}};
	Session session[2] {};
};

alignas(64) All all __attribute__((section(".data"))) {};
extern char _end;

int main()
{
	for (int i : {0, 1, 2, 3}) all.box.tree.insert(&all.s[i]);
	all.box.list.insert(&all.s[4]), all.box.list.insert(&all.s[5]);
	all.box.fifo.enqueue(all.s[4]), all.box.fifo.enqueue(all.s[5]);
	for (auto &w : all.w) all.box.wrapped.insert(&w);
	for (auto &n : all.n) all.box.strings.insert(&n);
	for (auto &t : all.t) all.box.twice.insert(&t);
	all.box.constructed.construct(all.s[6]);
	all.box.pointers[1] = &all.s[7], all.box.pointers[3] = &all.s[8];
	all.box.chain = all.c;
	for (auto &s : all.session) all.box.sessions.insert(&s);
	all.session[0].threads.insert(&all.s[6]);
	all.session[1].threads.insert(&all.s[7]);
	all.session[0].kept[2] = &all.s[8];
	// one that runs into itself, and one that leads to where nothing is
	static struct { void *first; } *circle = (decltype(circle))&all.box.circle, *wild = (decltype(wild))&all.box.wild;
	circle->first = &all.s[4];
	wild->first = (void *)0xdead0000;
	return write(1, &all, sizeof(all)) != (long)sizeof(all);
}
