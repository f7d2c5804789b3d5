package kept

import "fmt"

// Tree walks a binary tree of a kernel's. One that is damaged, or is being changed at
// this stop, is walked once through every node, and through most of them at the most.
// visit reads a node and tells where its children are, 0 for none; what it fails with
// does not end the walk. The error is the first one.
func Tree(root uint64, most int, visit func(addr uint64) (left, right uint64, err error)) (err error) {
	seen := map[uint64]bool{}
	for next := []uint64{root}; len(next) > 0; {
		addr := next[len(next)-1]
		next = next[:len(next)-1]
		if addr == 0 || seen[addr] {
			continue
		}
		if len(seen) >= most {
			return fmt.Errorf("it has more than %d nodes", most)
		}
		seen[addr] = true
		left, right, failed := visit(addr)
		if failed != nil && err == nil {
			err = failed
		}
		next = append(next, right, left)
	}
	return err
}
