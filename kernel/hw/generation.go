package hw

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// generation is what is the same in the kernels of several Genode releases: where
// their root objects are, and how the processor enters them. A variable tells which
// it is.
type generation struct {
	root           string // a variable that tells
	pd, made, cpus []offsets.Hop
	joined         []offsets.Hop // from a thread that was not started to its protection domain
	stacks         string        // array of the stacks that the kernel uses; "": each processor's is noted in it
	attached       *kernel.Attached
	pushed         bool // a kernel entry pushes right into the thread's saved registers
}

const (
	main     = "Kernel::Main"
	instance = main + "::_instance"
	core     = "unmanaged_singleton<Genode::Core_platform_pd>"
	pool     = "unmanaged_singleton<Kernel::Cpu_pool>"
)

var generations = []generation{
	{ // 25.08 to 26.02
		root: instance,
		pd:   []offsets.Hop{offsets.Through("", instance), offsets.In(main, "_core_platform_pd._kobj._space")},
		made: []offsets.Hop{offsets.Through("", instance), offsets.In(main, "_core_platform_pd._kobj._constructed")},
		cpus: []offsets.Hop{offsets.Through("", instance), offsets.Through(main, "_cpu_pool._cpus._first")},
	},
	{ // 18.02
		root: core + "::object_space",
		pd: []offsets.Hop{offsets.In("", core+"::object_space"), offsets.InBase("Genode::Core_platform_pd", "Genode::Kernel_object<Kernel::Pd>"),
			offsets.In("Genode::Kernel_object<Kernel::Pd>", "_data")},
		made: []offsets.Hop{offsets.In("", core+"::object_constructed")},
		cpus: []offsets.Hop{offsets.In("", pool+"::object_space"), offsets.In("Kernel::Cpu_pool", "_cpus")},
		joined: []offsets.Hop{offsets.Owner("Genode::Kernel_object<Kernel::Thread>", "_data"),
			offsets.Of("Genode::Kernel_object<Kernel::Thread>", "Genode::Platform_thread"), offsets.Through("Genode::Platform_thread", "_pd"),
			offsets.InBase("Genode::Platform_pd", "Genode::Kernel_object<Kernel::Pd>"), offsets.In("Genode::Kernel_object<Kernel::Pd>", "_data")},
		stacks: "kernel_stack",
		attached: &kernel.Attached{Tree: "_map._addr_tree", Element: "Genode::Allocator_avl_tpl<Genode::Rm_region, 8128>::Block", Used: "_used",
			Base: "_base", Size: "Genode::Rm_region::_size", Writable: "_write", Dataspace: "_dsc", Offset: "_off", Physical: "_phys_addr", Managed: "_managed", Nested: "_ds"},
		pushed: true,
	},
}

// generationOf finds a core's generation.
func generationOf(f kernel.Symbols) (*generation, error) {
	for i := range generations {
		if _, err := f.Variable(generations[i].root); err == nil {
			return &generations[i], nil
		}
	}
	return nil, fmt.Errorf("%s describes no kernel of base-hw: give %s", f.Path(), give)
}
