package sel4

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// coreLayout is where Genode's core knows how threads are called.
type coreLayout struct {
	threads, element, next uint64         // list of Platform_threads; its element in one; the next in that
	tcb                    offsets.Member // selector of the TCB
	name, pd               uint64         // in a Platform_thread: characters; Platform_pd
	label                  uint64         // in a Platform_pd: characters
	nameLen, labelLen      int
	stackName, utcb        uint64 // in a Stack
	stackLen               int
}

func newCoreLayout(core kernel.Symbols) (*coreLayout, error) {
	f := offsets.Finder{File: core}
	const thread, list, pd, space = "Core::Platform_thread", "Genode::List<Core::Platform_thread>", "Core::Platform_pd", "Core::Vm_space"
	l := &coreLayout{
		threads: f.Variable("platform_thread_registry()::inst") + f.At("Platform_thread_registry", "_threads") + f.At(list, "_first"),
		element: f.Base(thread, list+"::Element"), next: f.At(list+"::Element", "_next"),
		tcb: f.Number(thread, "_info.tcb_sel._value"), pd: f.At(thread, "_pd"), utcb: f.At("Genode::Stack", "_utcb"),
	}
	l.name, l.nameLen = f.Text(thread, "_name._buf", maxName)
	l.label, l.labelLen = f.Text(space, "name._buf", maxName)
	l.label += f.At(pd, "_vm_space._space")
	l.stackName, l.stackLen = f.Text("Genode::Stack", "_name._buf", maxName)
	if f.Err != nil {
		return nil, fmt.Errorf("%s does not describe how core names threads (give core of this system, with debug info): %w", core.Path(), f.Err)
	}
	return l, nil
}
