// Flags of Context::_state; values and names as in Fiasco.OC of 2016.
#pragma once

enum Thread_state
{
	Thread_ready               = 0x1,      // can be scheduled
	Thread_drq_ready           = 0x2,
	Thread_send_wait           = 0x4,      // waits to send a message
	Thread_receive_wait        = 0x8,      // waits for a message
	Thread_receive_in_progress = 0x10,
	Thread_ipc_mask            = 0x1c,
	Thread_ipc_transfer        = 0x20,
	Thread_cancel              = 0x80,     // state was changed: give up what is going on
	Thread_timeout             = 0x100,
	Thread_dead                = 0x200,    // has a control block but never ran
	Thread_suspended           = 0x400,
	Thread_fpu_owner           = 0x8000,
	Thread_in_exception        = 0x40000,  // sent an exception and got no reply so far
	Thread_drq_wait            = 0x100000,
	Thread_waiting             = 0x200000,
	Thread_vcpu_enabled        = 0x400000,
};
