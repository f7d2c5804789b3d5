// What the kernel and the user programs agree on.
#pragma once

// A function whose callers rely on nothing but its declaration; not every compiler
// has that, some only keep it in one piece.
#if __has_attribute(noipa)
#define NOIPA noipa
#else
#define NOIPA noinline
#endif

// System calls: int $0x80 with the operation in rax, arguments in rdx, rsi, rdi,
// rcx; the result comes back in rax, a received label in rdx. Capabilities are
// named by selectors: index in the table << 12. An object that is invoked is named
// in rdx, as in Fiasco.OC's binding for amd64.
enum Sys_call : unsigned long
{
	Sys_ipc_call = 1,      // rdx gate: send the message, wait for the reply
	Sys_ipc_wait,          // wait for anybody
	Sys_ipc_reply_wait,    // answer the last caller, wait for anybody
	Sys_ipc_sleep,         // rdx milliseconds
	Sys_exc_reply,         // rdx thread, rsi 1: with the registers in the UTCB
	Sys_irq_receive,       // rdx IRQ
	Sys_irq_attach,        // rdx IRQ, rsi thread
	Sys_irq_trigger,       // rdx IRQ
	Sys_ex_regs,           // rdx thread; UTCB: ops, ip, sp; back: flags, ip, sp
	Sys_thread_control,    // rdx thread, rsi task, rdi UTCB address, rcx pager gate
	Sys_thread_prio,       // rdx thread, rsi priority
	Sys_create_task,       // rdx new selector
	Sys_create_thread,     // rdx new selector
	Sys_create_irq,        // rdx new selector
	Sys_create_gate,       // rdx new selector, rsi thread, rdi label
	Sys_map_cap,           // rdx task, rsi own selector, rdi selector there
	Sys_map_page,          // rdx task, rsi own address, rdi address there, rcx 1: writable
	Sys_set_name,          // rdx object; name in the UTCB
	Sys_log,               // rdx text, rsi length
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
