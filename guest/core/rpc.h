// Core's RPC interface, as rtcr uses it: word 0 of a message is the operation,
// the others its arguments; word 0 of the answer is a result.
#pragma once

namespace Genode {

enum Core_rpc : unsigned long
{
	Pd_create = 1,      // rom number → protection domain
	Pd_cap_install,     // pd, slot, kind, receiver (a thread, or RECEIVER_…) → 0; makes a new object
	Pd_attach,          // pd, address, pages → region: new memory at an address
	Cpu_thread_create,  // pd, name (3 words), stack slot → thread
	Cpu_thread_start,   // thread, ip, sp
	Cpu_thread_pause,   // thread
	Cpu_thread_resume,  // thread
	Cpu_thread_state,   // thread → state (buffer shared with rtcr)
	Cpu_thread_set_state,
	Ds_copy_out,        // pd, region → copy
	Ds_copy_in,         // pd, region, copy, 1: in the wrong direction
	Ds_keep_page,       // copy, earlier copy, page: the copy gets that page of the earlier one
	Pd_regions,         // pd → number of regions
	Pd_reload_data,     // pd: its program's initial data over its data segment
	Boot_bug,           // → text of the boot option (4 words)
};

// Receivers of a capability that are no thread of rtcr or its children.
enum : unsigned long { RECEIVER_CORE = ~0UL, RECEIVER_TIMER = ~1UL, RECEIVER_NONE = ~2UL };

enum Cap_kind : unsigned long { Kind_gate = 1, Kind_irq = 2 };

// Slots of a protection domain's capability table (Genode's layout).
enum Cap_slots : unsigned long
{
	SLOT_TASK = 1, SLOT_PARENT = 8, SLOT_THREADS = 9, SLOTS_PER_THREAD = 3, SLOT_USER = 0x200,
};

// Where core maps the buffer for thread states into rtcr.
enum : unsigned long { STATE_BUFFER = 0x30000000 };

}
