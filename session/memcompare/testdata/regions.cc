// Region maps as core keeps them, for attached_test.go: the outer one has memory
// at two places and shows parts of the inner one, which is a region map itself.
typedef unsigned long addr_t;

namespace Genode {

class Dataspace_component
{
public:
	addr_t _phys_addr, _size;
	bool _managed;
};

class Rm_region
{
public:
	addr_t _base, _size;
	bool _write;
	Dataspace_component *_dsc;
	addr_t _off;
};

class Region_map_component
{
public:
	class Ref { public: Ref *_next; Rm_region *_region; };
	class List { public: Ref *_first; };
	List _regions;
	Dataspace_component _ds;
};

}

using namespace Genode;

extern Region_map_component outer, inner, knot, ring;

Dataspace_component ram[] = { { 0x100000, 0x4000, false }, { 0x200000, 0x10000, false }, { 0x300000, 0x2000, false } };

// inner: memory at 0x3000-0x4fff
Rm_region inner_region { 0x3000, 0x2000, true, &ram[2], 0 };
Region_map_component::Ref inner_ref { nullptr, &inner_region };
Region_map_component inner { { &inner_ref }, { 0, 0x10000, true } };

// outer: memory at 0x1000, part of some at 0x20000, and at 0x40000 what inner has
// from 0x4000 on
Rm_region outer_regions[] = { { 0x1000, 0x4000, false, &ram[0], 0 }, { 0x20000, 0x3000, true, &ram[1], 0x5000 }, { 0x40000, 0x8000, true, &inner._ds, 0x4000 }, { 0x60000, 0x1000, true, nullptr, 0 } };
extern Region_map_component::Ref refs[4];
Region_map_component::Ref refs[4] = { { &refs[1], &outer_regions[0] }, { &refs[2], &outer_regions[1] }, { &refs[3], &outer_regions[2] }, { nullptr, &outer_regions[3] } };
Region_map_component outer { { &refs[0] }, { 0, 0x100000, true } };

// knot: is attached to itself
Rm_region knot_region { 0, 0x10000, true, &knot._ds, 0 };
Region_map_component::Ref knot_ref { nullptr, &knot_region };
Region_map_component knot { { &knot_ref }, { 0, 0x10000, true } };

// ring: its list does not end
extern Region_map_component::Ref ring_refs[2];
Region_map_component::Ref ring_refs[2] = { { &ring_refs[1], &inner_region }, { &ring_refs[1], &outer_regions[0] } };
Region_map_component ring { { &ring_refs[0] }, { 0, 0x10000, true } };

// Newer cores keep regions in a tree, of which unused parts hold nothing of value.
namespace Genode {

struct Avl_node_base { Avl_node_base *_child[2]; };

struct Block_base : Avl_node_base { addr_t _addr, _block_size; bool _used; };

struct Block : Block_base, Rm_region { };

struct Tree_map
{
	Avl_node_base _tree;
	Dataspace_component _ds;
};

}

Block low { { { nullptr, nullptr }, 0, 0, true }, { 0x1000, 0x4000, false, &ram[0], 0 } };
Block unused { { { nullptr, nullptr }, 0, 0, false }, { 1, 2, true, (Dataspace_component *)3, 4 } };
Block middle { { { &low, &unused }, 0, 0, true }, { 0x20000, 0x3000, true, &ram[1], 0x5000 } };
Tree_map tree { { { &middle, nullptr } }, { 0, 0x100000, true } };
extern Block turn;
Block turn { { { &turn, nullptr }, 0, 0, true }, { 0x1000, 0x4000, false, &ram[0], 0 } };
Tree_map loop { { { &turn, nullptr } }, { 0, 0x100000, true } };

extern "C" void _start() { for (;;); }
