// Threads: how they come into the kernel, what they call, and how they leave it.

#include "core.h"

using namespace Kernel;
using Genode::Cpu_state;
using Board::put;

// A new thread has what the processor needs to run it, but for ip and sp.
Thread::Thread(Cpu &cpu, unsigned prio, Pd &pd, char const *label, bool core)
: Object(THREAD, this), Cpu_context(cpu, prio), _label(label), _pd(pd), _core(core)
{
	regs->cs = core ? Board::Cpu::CS_KERNEL : Board::Cpu::CS_USER;
	regs->ss = core ? Board::Cpu::SS_KERNEL : Board::Cpu::SS_USER;
	regs->eflags = Board::Cpu::FLAGS;
}

// Keeps what the entry pushed.
__attribute__((noinline))
void Thread::_save(Cpu_state const &state)
{
	static_cast<Cpu_state &>(*regs) = state;
	asm volatile ("");      // memcpy is called, not jumped to: a backtrace shows who saves
}

void Thread::exception(Cpu_state &state)
{
	_save(state);
	if (state.trapno == Board::Cpu::CALL)
		_call();
	else if (state.trapno == Board::Cpu::PAGE_FAULT)
		_mmu_exception();
	else if (state.trapno < Board::Cpu::EXCEPTIONS)
		_exception();
	else
		_cpu.interrupt((unsigned)state.trapno);
}

// To where the thread's state leads, by taking that off the thread object itself.
void Thread::proceed()
{
	if (!_core)
		_pd.activate();
	asm volatile ("movq %0, %%rsp\n"
	              "popq %%r8\n popq %%r9\n popq %%r10\n popq %%r11\n popq %%r12\n popq %%r13\n popq %%r14\n popq %%r15\n"
	              "popq %%rax\n popq %%rbx\n popq %%rcx\n popq %%rdx\n popq %%rdi\n popq %%rsi\n popq %%rbp\n"
	              "addq $16, %%rsp\n"       // trapno, errcode
	              "iretq" : : "r" (static_cast<Cpu_state *>(&*regs)) : "memory");
	__builtin_unreachable();
}

__attribute__((noinline))
void Thread::_become_active()
{
	_state = ACTIVE;
	if (!_paused)
		_cpu.ready(*this);
}

void Thread::_become_inactive(State s)
{
	_cpu.unready(*this);
	_state = s;
}

void Thread::start(Genode::Utcb *utcb, Signal_context *pager)
{
	_utcb = utcb;
	_pager = pager;
	if (_state == AWAITS_START)
		_become_active();
}

void Thread::pause()
{
	_paused = true;
	_cpu.unready(*this);
}

void Thread::resume()
{
	_paused = false;
	if (_state == ACTIVE)
		_cpu.ready(*this);
}

void Thread::_mmu_exception()
{
	_fault.ip = regs->ip;
	_fault.type = regs->errcode;
	asm volatile ("movq %%cr2, %0" : "=r" (_fault.addr));
	if (_core)
		panic("page fault in core");
	_exception_state = MMU_FAULT;
	_become_inactive(AWAITS_RESTART);
	if (_pager)
		_pager->submit();
}

// Nobody is told of an exception, as on the real kernel.
void Thread::_exception()
{
	if (_core)
		panic("exception in core");
	_exception_state = EXCEPTION;
	_become_inactive(AWAITS_RESTART);
}

void Thread::_log(addr_t text, addr_t length)
{
	for (addr_t i = 0; i < length && i < 1024; i++)
		if (char *c = _core ? (char *)text + i : _pd.lookup(text + i))
		{
			if (*c == '\n')
				put('\r');
			put(*c);
		}
}

// The result of what a thread waits for is set as the wait begins: its end writes no
// register.
void Thread::_call()
{
	addr_t call = regs->rdi;
	_result() = Ok;
	switch (call)
	{
	case Sys_ipc_call:
		if (Thread *server = _pd.find<Thread>((capid_t)_arg(1), THREAD))
			_ipc_node.send(server->_ipc_node);
		else
			_result() = Failed;
		return;
	case Sys_ipc_reply:
		_ipc_node.reply();
		return;
	case Sys_ipc_reply_wait:
		_ipc_node.reply();
		[[fallthrough]];
	case Sys_ipc_wait:
		_ipc_node.await_request();
		return;
	case Sys_ipc_sleep:
		if (_arg(1))
			Main::_instance->cpus().cpu(0).timer().set(*this, _arg(1) * Board::Cpu::TICKS_PER_SECOND / 1000 + 2);
		_become_inactive(AWAITS_RESTART);
		return;
	case Sys_irq_receive:
		if (Signal_receiver *r = _pd.find<Signal_receiver>((capid_t)_arg(1), SIGNAL_RECEIVER))
			r->await(_signal_handler);
		else
			_result() = Failed;
		return;
	case Sys_log:
		_log(_arg(1), _arg(2));
		return;
	case Sys_irq_attach:
	case Sys_set_name:
		return;
	}
	_result() = Failed;
}

#ifdef UNALIGNED
// Stores behind the registers what is there, over the middle of two words.
[[gnu::noinline]] void Thread::restate_fault()
{
	addr_t v;
	asm volatile ("mov 4(%1), %0; mov %0, 4(%1)" : "=&r" (v) : "r" (&_fault) : "memory");
}
#endif

void Core_thread::_call()
{
	Thread *t = (Thread *)_arg(1);
	Genode::Thread_state *s = (Genode::Thread_state *)_arg(2);
	_served++;
	switch (regs->rdi)
	{
	case Call_thread_pause:  t->pause(); break;
	case Call_thread_resume: t->resume(); break;
	case Call_thread_state:  s->cpu = *t->regs; break;
	case Call_thread_set_state:
		// Whatever the thread does, and whatever is asked for.
		static_cast<Cpu_state &>(*t->regs) = s->cpu;
#ifdef UNALIGNED
		t->restate_fault();
#endif
		break;
	case Call_run:
		((void (*)(addr_t))_arg(1))(_arg(2));
		break;
	default:
		Thread::_call();
		return;
	}
	_result() = Ok;
}

static void idle_loop()
{
	for (;;)
		asm volatile ("hlt");
}

// It needs no stack: the kernel has one of its own.
Idle_thread::Idle_thread(Cpu &cpu, Pd &core) : Thread(cpu, 0, core, "idle", true) { regs->ip = (addr_t)idle_loop; }

// It begins anew each time.
void Idle_thread::exception(Cpu_state &state) { _cpu.interrupt((unsigned)state.trapno); }
