// What the kernel and the user programs agree on.
#pragma once

// System calls: int $0x80 with the operation in rax, arguments in rdi, rsi, rdx,
// rcx; the result comes back in rax, a received label in rdx. Capabilities are
// named by selectors: index in the table << 12.
enum Sys_call : unsigned long
{
	Sys_ipc_call = 1,      // rdi gate: send the message, wait for the reply
	Sys_ipc_wait,          // wait for anybody
	Sys_ipc_reply_wait,    // answer the last caller, wait for anybody
	Sys_ipc_sleep,         // rdi milliseconds
	Sys_exc_reply,         // rdi thread, rsi 1: with the registers in the UTCB
	Sys_irq_receive,       // rdi IRQ
	Sys_irq_attach,        // rdi IRQ, rsi thread
	Sys_irq_trigger,       // rdi IRQ
	Sys_ex_regs,           // rdi thread; UTCB: ops, ip, sp; back: flags, ip, sp
	Sys_thread_control,    // rdi thread, rsi task, rdx UTCB address, rcx pager gate
	Sys_thread_prio,       // rdi thread, rsi priority
	Sys_create_task,       // rdi new selector
	Sys_create_thread,     // rdi new selector
	Sys_create_irq,        // rdi new selector
	Sys_create_gate,       // rdi new selector, rsi thread, rdx label
	Sys_map_cap,           // rdi task, rsi own selector, rdx selector there
	Sys_map_page,          // rdi task, rsi own address, rdx address there, rcx 1: writable
	Sys_set_name,          // rdi object; name in the UTCB
	Sys_log,               // rdi text, rsi length
	Sys_yield,
	Sys_ipc_reply,         // answer the last caller, and go on
};

enum Sys_result : unsigned long { Ok = 0, Canceled = 1, Timed_out = 2, Failed = 3 };

// Words of an exception message in the UTCB: the entry frame, then these.
enum Exception_words : unsigned long
{
	Exc_r15, Exc_r14, Exc_r13, Exc_r12, Exc_r11, Exc_r10, Exc_r9, Exc_r8, Exc_rcx, Exc_rdx, Exc_rsi,
	Exc_rdi, Exc_rbx, Exc_rbp, Exc_rax, Exc_rip, Exc_cs, Exc_rflags, Exc_rsp, Exc_ss,
	Exc_number, Exc_error, Exc_addr, Exc_words,
};

enum : unsigned long
{
	Exc_triggered = 0xff,          // exception number of ex_regs' trigger flag
	Ex_cancel     = 0x10000,
	Ex_trigger    = 0x20000,
	Keep          = ~0UL,          // ip or sp that ex_regs leaves alone
	Cap_shift     = 12,
};

// What core finds at its start, at the address in rdi.
struct Boot_info
{
	struct Rom { char name[24]; unsigned long addr, size; } roms[4];
	unsigned long ram_start, ram_end;   // memory for core to give away, mapped one to one
	char command_line[256];
};

// Capabilities that core starts with.
enum Core_selectors : unsigned long
{
	Core_task   = 1UL << Cap_shift,
	Core_thread = 3UL << Cap_shift,
};
