// What a child asks its parent for: word 0 of the message is the operation. A
// session or capability comes back as a slot of the child's table.
#pragma once

enum Parent_rpc : unsigned long
{
	Parent_thread = 1,    // ip, sp, stack slot, name (4 words)
	Parent_session,       // kind → slot, and for memory its address
};

enum Session_kind : unsigned long
{
	Session_log = 1, Session_timer, Session_ram, Cap_exit, Cap_signal_proxy, Cap_semaphore, Cap_constructor,
};
