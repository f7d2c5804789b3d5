// What this kernel and the user programs agree on, in the words of ../abi.h: programs
// that know only those are compiled for both kernels.
#pragma once

// A function whose callers rely on nothing but its declaration; not every compiler
// has that, some only keep it in one piece.
#if __has_attribute(noipa)
#define NOIPA noipa
#else
#define NOIPA noinline
#endif

// Kernel calls: int $0x80 with the operation in rdi, arguments in rsi, rdx, rcx; the
// result comes back in rdi. Capabilities are named by capids, in rsi.
enum Sys_call : unsigned long
{
	Sys_ipc_call = 1,      // rsi capability: send the message, wait for the answer
	Sys_ipc_wait,          // wait for a request
	Sys_ipc_reply_wait,    // answer the last request, wait for the next
	Sys_ipc_reply,         // answer the last request, and go on
	Sys_ipc_sleep,         // rsi milliseconds at a blockade; 0: for ever
	Sys_irq_receive,       // rsi signal receiver: wait for a signal; its imprint comes in the UTCB
	Sys_irq_attach,        // nothing: signals are waited for where they come
	Sys_set_name,          // nothing: core knows the names of threads
	Sys_log,               // rsi text, rdx length

	// Core's own
	Call_thread_start,     // rsi thread
	Call_thread_pause,     // rsi thread
	Call_thread_resume,    // rsi thread
	Call_thread_state,     // rsi thread, rdx Thread_state that is filled in
	Call_thread_set_state, // rsi thread, rdx Thread_state
	Call_run,              // rsi function, rdx its argument: called in the kernel
};

enum Sys_result : unsigned long { Ok = 0, Canceled = 1, Failed = 3 };

enum : unsigned long { Cap_shift = 0 };     // a selector is the capid itself
