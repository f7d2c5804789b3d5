// A tree with the classes and members of Genode's, as far as a debugger sees them. It only
// takes nodes in, and is not balanced.
#pragma once

namespace Genode {

class Avl_node_base
{
protected:
	struct Policy { virtual bool higher(Avl_node_base *a, Avl_node_base *b) const = 0; };

	Avl_node_base *_child[2] = { };     // left and right
	Avl_node_base *_parent = nullptr;

	void insert(Avl_node_base *n, Policy &p)
	{
		Avl_node_base *at = this;
		bool right = false;             // the root is the left child of the tree itself
		while (at->_child[right])
		{
			at = at->_child[right];
			right = p.higher(at, n);
		}
		at->_child[right] = n;
		n->_parent = at;
	}
};

template <typename NT>
struct Avl_node : Avl_node_base
{
	NT *child(bool right) const { return static_cast<NT *>(static_cast<Avl_node<NT> *>(_child[right])); }
};

template <typename NT>
class Avl_tree : Avl_node<NT>
{
	struct Policy : Avl_node_base::Policy
	{
		static NT *node(Avl_node_base *n) { return static_cast<NT *>(static_cast<Avl_node<NT> *>(n)); }
		bool higher(Avl_node_base *a, Avl_node_base *b) const override { return node(a)->higher(node(b)); }
	} _policy { };

public:
	void insert(Avl_node<NT> *n) { Avl_node_base::insert(n, _policy); }
	NT *first() const { return this->child(false); }
};

}
