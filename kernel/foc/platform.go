package foc

import (
	"debug/elf"
	"math"

	"thaw/kernel"
)

const (
	objectList = "Kobject_dbg::_kobjects"
	give       = "Fiasco.OC's kernel ELF with debug info and JDB"
)

// Kernel is Fiasco.OC in the table of kernels.
var Kernel = kernel.Known{
	Give:    give,
	Files:   []string{"fiasco.image", "foc.image", "fiasco.debug"},
	Causes:  causes,
	Folders: []string{"var/libcache/kernel-foc*/build", "kernel/fiasco.oc", "kernel/foc"},
	Describes: func(f kernel.Symbols) bool {
		_, err := f.Variable(objectList)
		return err == nil
	},
	New: func(f, _ kernel.Symbols) (kernel.Decoder, error) { return NewLayout(f) },
}

// Platform is what the debugger must know of Fiasco.OC beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

// newPlatform is that of a kernel with pointers of so many bytes, for a processor.
func newPlatform(ptr int, m elf.Machine) kernel.Platform {
	unused := uint64(math.MaxUint64) // the kernel's mark of a continuation that is not in use: all bits of a word
	if ptr == 4 {
		unused = math.MaxUint32
	}
	return kernel.Platform{
		Name:          "Fiasco.OC",
		Chronological: true, // Kobject_dbg counts them
		Requests:      requests,
		Operations:    operations,
		Cancel:        &kernel.Cancel{Function: "Context::activate", Thread: "Thread", State: "_state", Flag: "Thread_cancel", Like: "ex_regs with the cancel flag"},
		Attached: &kernel.Attached{List: "_regions", Region: "_region", Base: "_base", Size: "_size", Writable: "_write", Dataspace: "_dsc",
			Offset: "_off", Physical: "_phys_addr", Managed: "_managed", Nested: "_ds"},
		Server:   &kernel.Server{Function: "Genode::Rpc_entrypoint::entry", Objects: "_tree", Label: "_cap._data->_id"},
		Slots:    &kernel.Slots{Notes: "Genode::cap_idx_alloc::alloc", List: "_indices", ID: "_id", None: []string{"UNUSED", "INVALID_ID"}, First: "START_IDX"},
		Causes:   causes,
		Entries:  []string{"entry_*"},
		Kept:     "the entry frame or the continuation",
		Selector: map[elf.Machine]string{elf.EM_X86_64: "rdx"}[m], // of l4sys's bindings
		Places: []*kernel.PlaceKind{
			{Name: inFrame, Text: "entry frame", Pushed: m == elf.EM_X86_64 || m == elf.EM_386},
			{Name: inCont, Text: string(inCont), Why: "an exception is triggered", Aside: true, Unused: unused},
		},
	}
}

// requests are who takes a thread's state in Genode's core, as it moved over the
// years: core keeps it in the thread's pager object.
var requests = []kernel.Request{
	{
		Component: "core", Function: "Genode::Platform_thread::state(Genode::Thread_state)",
		Has:      kernel.Member{Type: "Genode::Thread_state", Path: "ip"}, // 16.08 and later
		Selector: "_pager_obj->_badge", IP: "s.ip", SP: "s.sp", Registers: "s",
		RegionMap: "((Genode::Rm_client *)_pager_obj)->_region_map",
		Copy:      &kernel.Copy{Name: copyName, IP: "_pager_obj->state.ip", SP: "_pager_obj->state.sp"},
	},
	{
		Component: "core", Function: "Core::Platform_thread::state(Genode::Thread_state)",
		Has:      kernel.Member{Type: "Genode::Thread_state", Path: "cpu.ip"}, // 26.02
		Selector: "_pager_obj->_badge", IP: "s.cpu.ip", SP: "s.cpu.sp", Registers: "s.cpu",
		Copy: &kernel.Copy{Name: copyName, IP: "_pager_obj->state.state.cpu.ip", SP: "_pager_obj->state.state.cpu.sp"},
	},
	{
		Component: "core", Function: "Core::Platform_thread::state(Genode::Thread_state)",
		Has:      kernel.Member{Type: "Genode::Thread_state", Path: "ip"},
		Selector: "_pager_obj->_badge", IP: "s.ip", SP: "s.sp", Registers: "s",
		Copy: &kernel.Copy{Name: copyName, IP: "_pager_obj->state.ip", SP: "_pager_obj->state.sp"},
	},
}

const copyName = "core's pager copy (Platform_thread::_pager_obj->state)"

// operations set a thread's state in the kernel.
var operations = []kernel.Operation{{
	Name:     "ex_regs",
	Function: "Thread_object::ex_regs(unsigned long, unsigned long, unsigned long*, unsigned long*, unsigned long*, unsigned long)",
	Object:   "this", IP: "ip", SP: "sp", Flags: "ops",
	Unset:  -1, // ip or sp of -1 leaves it as it is
	Cancel: "Thread::Exr_cancel", Trigger: "Thread::Exr_trigger_exception",
	NoEffect: "came without the cancel flag while the thread was in an exception",
}}

// causes are this kernel's words for the causes of verdicts, and the bugs of the lab
// guest that show them.
var causes = kernel.Causes{
	"another-state":     {Lab: "swapped-threads"},
	"partial-registers": {Lab: "partial-registers", Advice: "hand over all registers: an exception reply can, ex_regs carries ip and sp only"},
	"applied":           {Lab: "fixed"},
	"overwritten":       {Lab: "overwritten", Advice: "find who sends the later write: a resume with a stale copy, a signal, or a second ex_regs"},
	"no-effect": {Name: "ex_regs-in-exception", Lab: "exregs-in-exception", Why: ": the kernel changes nothing then and reports success",
		Advice: "set the cancel flag, or put the state into the exception reply"},
	"stays-in-copy": {Lab: "state-ignored", Why: " and the copy is handed over only in the reply to an exception",
		Advice: "let ex_regs with the cancel flag set ip and sp, or bring the thread into an exception first and put the state into the reply"},
	"refused":         {Lab: "state-dropped"},
	"coincident":      {Lab: "state-ignored"},
	"written-blocked": {Lab: "exregs-blocked", Advice: "end the wait: the cancel flag of ex_regs does"},
	"written-not-run": {Lab: "fixed"},
	"blocked":         {Lab: "state-ignored"},
	"not-run":         {Lab: "state-running"},
}
