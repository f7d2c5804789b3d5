// What an entry into the kernel leaves at the end of a thread's block.
#pragma once

#include "types.h"

enum : Mword
{
	Cs_kernel = 0x08, Ss_kernel = 0x10, Cs_user = 0x1b, Ss_user = 0x23,
	Flags_if = 0x200, Flags_tf = 0x100, Flags_fixed = 2,
};

class Syscall_frame
{
public:
	Mword _r15, _r14, _r13, _r12, _r11, _r10, _r9, _r8;
	Mword _rcx, _rdx, _rsi, _rdi, _rbx, _rbp, _rax;
};

class Return_frame
{
public:
	Mword _rip, _cs, _rflags, _rsp, _ss;
};

class Entry_frame : public Syscall_frame, public Return_frame
{
};

// The user state of a thread that must take a detour through the kernel first:
// an exception was triggered, and the frame leads to
// leave_by_trigger_exception.
class Continuation
{
public:
	bool valid() const { return _ip != No_value; }
	void activate(Return_frame *regs, void *cont_func);
	void restore(Return_frame *regs);

	Address _ip = No_value;
	Mword _flags = 0, _sp = 0, _ss = 0;
};
