// Threads: control, ex_regs, exceptions.

#include "hw.h"
#include "ipc_gate.h"
#include "../abi.h"

extern "C" char leave_by_trigger_exception[], user_invoke[];
extern "C" Mword trap_error;

void *Thread::operator new(size_t) { return Kmem_alloc::pages(unsigned(Size) / unsigned(Page_size)); }

// A new thread's stack leads to its entry frame, and so to user mode. Until
// somebody binds it, it belongs to the kernel's own task.
Thread::Thread() : _magic(magic)
{
	_space._s.set(Kernel_task::kernel_task());
	Entry_frame *f = regs();
	f->_cs = Cs_user;
	f->_ss = Ss_user;
	f->_rflags = Flags_if | Flags_fixed;
	_kernel_sp = (Mword *)f - 7;
	_kernel_sp[6] = (Mword)user_invoke;
}

bool Kernel_thread::poll;

// Polling idles for 64 instructions at a time, so that QEMU translates few jumps.
static void idle_loop()
{
	while (Kernel_thread::poll)
		asm volatile ("sti; .fill 64, 1, 0x90; cli");
	for (;;)
		asm volatile ("sti; hlt; cli");
}

Kernel_thread::Kernel_thread()
{
	_state = Thread_ready;
	memset(regs(), 0, sizeof(Entry_frame));
	_kernel_sp[6] = (Mword)idle_loop;
}

void Continuation::activate(Return_frame *regs, void *cont_func)
{
	_ip = regs->_rip;
	_flags = regs->_rflags;
	_sp = regs->_rsp;
	_ss = regs->_ss;
	regs->_rip = (Address)cont_func;
	regs->_cs = Cs_kernel;
	regs->_rflags &= ~Mword(Flags_tf | Flags_if);
	regs->_rsp = (Address)(regs + 1);
	regs->_ss = Ss_kernel;
}

void Continuation::restore(Return_frame *regs)
{
	regs->_rip = _ip;
	regs->_cs = Cs_user;
	regs->_rflags = _flags;
	regs->_rsp = _sp;
	regs->_ss = _ss;
	_ip = No_value;
}

Mword Thread::user_ip() const { return _exc_cont.valid() ? _exc_cont._ip : regs()->_rip; }
Mword Thread::user_sp() const { return _exc_cont.valid() ? _exc_cont._sp : regs()->_rsp; }

void Thread::user_ip(Mword ip) { (_exc_cont.valid() ? _exc_cont._ip : regs()->_rip) = ip; }
void Thread::user_sp(Mword sp) { (_exc_cont.valid() ? _exc_cont._sp : regs()->_rsp) = sp; }

bool Thread_object::control(Task *task, Utcb *utcb, Ipc_gate_obj *pager)
{
	_space._s.set(task);
	_utcb._u = utcb;
	_utcb._k = (Utcb *)task->lookup((Address)utcb);
	_pager = _exc_handler = pager;
	return _utcb._k != nullptr;
}

// Makes a thread ready, whatever it waits for.
__attribute__((noinline))
void Context::activate() { Sched::make_ready(this); }

// Sets ip and sp of a thread. Not of one that is in an exception, unless that
// is cancelled: nothing happens then, and nobody is told.
__attribute__((noinline))
bool Thread_object::ex_regs(Address ip, Address sp, Address *o_ip, Address *o_sp, Mword *o_flags, Mword ops)
{
	if (!space())
		return false;
	if (o_sp)
		*o_sp = user_sp();
	if (o_ip)
		*o_ip = user_ip();
	if (o_flags)
		*o_flags = _state & Thread_ready;

	if (!(ops & Exr_cancel) && (_state & Thread_in_exception))
		return true;

	if (_state & Thread_dead)
	{
		_state &= ~Mword(Thread_dead);
		activate();
	}
	else if (ops & Exr_cancel)
	{
		_state |= Thread_cancel;
		activate();
	}
	if ((ops & Exr_trigger_exception) && !_exc_cont.valid())
		_exc_cont.activate(regs(), leave_by_trigger_exception);
	if (ip != No_value)
		user_ip(ip);
	if (sp != No_value)
		user_sp(sp);
	return true;
}

// The exception message: all registers of the sender.
__attribute__((noinline))
void Thread::copy_ts_to_utcb(Thread *snd, Thread *rcv, unsigned number, Mword error)
{
	Mword *v = rcv->_utcb._k->values;
	memcpy(v, snd->regs(), sizeof(Entry_frame));
	v[Exc_number] = number;
	v[Exc_error] = error;
	asm volatile ("movq %%cr2, %0" : "=r" (v[Exc_addr]));
	rcv->_utcb._k->words = Exc_words;
}

// The reply to an exception: all registers of the receiver but its segments.
__attribute__((noinline))
void Thread::copy_utcb_to_ts(Thread *snd, Thread *rcv)
{
	Mword const *v = snd->_utcb._k->values;
	Entry_frame *f = rcv->regs();
	memcpy(static_cast<Syscall_frame *>(f), v, sizeof(Syscall_frame));
	f->_rip = v[Exc_rip];
	f->_rsp = v[Exc_rsp];
	f->_rflags = (v[Exc_rflags] & 0xcd5) | Flags_if | Flags_fixed;
}

// Runs in the context of the thread that has the exception.
void Thread::send_exception(unsigned number, Mword error)
{
	if (!_exc_handler || !_exc_handler->_thread)
	{
		Sched::block();
		return;
	}
	_exc_number = number;
	_exc_error = error;
	_state |= Thread_in_exception;
	Thread *h = _exc_handler->_thread;
	do_ipc(h, _exc_handler->_id, Send | Receive, h, true, 0);
	_state &= ~Mword(Thread_in_exception);
}

extern "C" void thread_handle_trigger_exception(Entry_frame *f)
{
	current()->_exc_cont.restore(f);
	current()->send_exception(Exc_triggered, 0);
}

extern "C" void thread_handle_trap(Entry_frame *f, unsigned number)
{
	if ((f->_cs & 3) == 0)
	{
		print("\ntrap ");
		print_hex(number);
		print(" at ");
		print_hex(f->_rip);
		panic("trap in the kernel");
	}
	current()->send_exception(number, trap_error);
}
