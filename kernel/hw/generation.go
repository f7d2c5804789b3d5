package hw

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// generation is where the kernels of several Genode releases have their root objects. A
// variable tells which it is. Of what differs within one there are several ways.
type generation struct {
	root     string // a variable that tells
	made     []offsets.Hop
	pd, cpus [][]offsets.Hop
	attached *kernel.Attached
}

const (
	main     = "Kernel::Main"
	instance = main + "::_instance"
	core     = "unmanaged_singleton<Genode::Core_platform_pd>"
	pool     = "unmanaged_singleton<Kernel::Cpu_pool>"
	corePD   = "Genode::Core_platform_pd"
	inKernel = "Genode::Kernel_object<Kernel::Pd>"
)

var generations = []generation{
	{ // 21.11 to 26.02
		root: instance,
		made: []offsets.Hop{offsets.Through("", instance), offsets.In(main, "_core_platform_pd._kobj._constructed")},
		pd:   [][]offsets.Hop{{offsets.Through("", instance), offsets.In(main, "_core_platform_pd._kobj._space")}},
		cpus: [][]offsets.Hop{
			{offsets.Through("", instance), offsets.Through(main, "_cpu_pool._cpus._first")}, // from 24.08 on
			{offsets.Through("", instance), offsets.In(main, "_cpu_pool._cpus")},             // an array
		},
	},
	{ // 18.02 to 21.08
		root: core + "::object_space",
		made: []offsets.Hop{offsets.In("", core+"::object_constructed")},
		pd: [][]offsets.Hop{
			{offsets.In("", core+"::object_space"), offsets.In(corePD, "_kobj._space")},
			{offsets.In("", core+"::object_space"), offsets.In(corePD, "_kobj._data")},                               // 19.08
			{offsets.In("", core+"::object_space"), offsets.InBase(corePD, inKernel), offsets.In(inKernel, "_data")}, // 18.02
		},
		cpus: [][]offsets.Hop{{offsets.In("", pool+"::object_space"), offsets.In("Kernel::Cpu_pool", "_cpus")}},
		attached: &kernel.Attached{Tree: "_map._addr_tree", Element: "Genode::Allocator_avl_tpl<Genode::Rm_region, 8128>::Block", Used: "_used",
			Base: "_base", Size: "Genode::Rm_region::_size", Writable: "_write", Dataspace: "_dsc", Offset: "_off", Physical: "_phys_addr", Managed: "_managed", Nested: "_ds"},
	},
}

// joined are the ways from a thread that was not started to the protection domain that
// it will run in. Up to 25.08 the kernel has none of it then, and core's object knows.
var joined = [][]offsets.Hop{
	joining("Core::Platform_thread", "Core::Platform_pd", "_kobj._space"),
	joining("Genode::Platform_thread", "Genode::Platform_pd", "_kobj._space"), // up to 22.11
	joining("Genode::Platform_thread", "Genode::Platform_pd", "_kobj._data"),  // 19.08
	{offsets.Owner("Genode::Kernel_object<Kernel::Thread>", "_data"),
		offsets.Of("Genode::Kernel_object<Kernel::Thread>", "Genode::Platform_thread"), offsets.Through("Genode::Platform_thread", "_pd"),
		offsets.InBase("Genode::Platform_pd", inKernel), offsets.In(inKernel, "_data")},
}

func joining(thread, pd, object string) []offsets.Hop {
	return []offsets.Hop{offsets.Owner(thread, object), offsets.Through(thread, "_pd"), offsets.In(pd, object)}
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

// pushes says whether a kernel entry pushes right into the thread's saved registers, as
// it does up to 24.11: what a processor executes was called a job as long.
func pushes(f kernel.Symbols) bool {
	t, err := f.Type("Kernel::Thread")
	if err != nil {
		return false
	}
	_, job := t.BaseOffset("Kernel::Cpu_job")
	return job
}
