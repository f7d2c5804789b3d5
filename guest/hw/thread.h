// Threads, what they wait for, and the processors that run them.
#pragma once

#include "board.h"
#include "scheduler.h"

namespace Kernel {

class Cpu;
class Thread;

// A thread's part in IPC.
class Ipc_node
{
public:
	explicit Ipc_node(Thread &t) : _thread(t) { }

	void send(Ipc_node &server);
	void await_request();
	void reply();

private:
	friend class Thread;

	// What it asks another one for.
	struct Out
	{
		enum State { READY, SEND };
		State state = READY;
		Ipc_node *node = nullptr;
	};

	// Who asks it: callers in their order, of which the first is served.
	struct In
	{
		enum State { READY, WAIT, REPLY };
		State state = READY;
		Ipc_node *queue = nullptr;
	};

	Thread &_thread;
	Out _out { };
	In _in { };
	Ipc_node *_next = nullptr;      // in the queue

	void receive();
};

class Signal_receiver;

// A thread's wait for a signal.
struct Signal_handler
{
	Thread &_thread;
	Signal_receiver *_receiver;
};

class Signal_context : public Object
{
public:
	Signal_context(Signal_receiver &r, addr_t imprint);
	void submit();
	addr_t imprint() const { return _imprint; }

private:
	friend class Signal_receiver;
	Signal_receiver &_receiver;
	addr_t const _imprint;
	unsigned _submits = 0;
	bool _ack = true;               // the last one that was delivered has been worked on
	bool _killed = false;
	Signal_context *_next;          // of the receiver's
};

class Signal_receiver : public Object
{
public:
	Signal_receiver() : Object(SIGNAL_RECEIVER, this) { }
	void await(Signal_handler &h);

private:
	friend class Signal_context;
	Signal_handler *_handler = nullptr;
	Signal_context *_contexts = nullptr;

	void deliver();
};

// A wait for a thread to end the use of a context: nobody begins one here.
struct Signal_context_killer { Signal_context *_context = nullptr; };

// What comes at its time.
class Timeout
{
public:
	virtual void timeout_triggered() = 0;

private:
	friend class Timer;
	bool _listed = false;
	addr_t _end = 0;                // tick
	Timeout *_next = nullptr;
};

class Timer
{
public:
	void set(Timeout &t, addr_t ticks);
	void tick();

private:
	addr_t _now = 0;
	Timeout *_timeout_list = nullptr;
};

// What a processor runs.
class Cpu_context : public Scheduler::Context
{
public:
	Cpu_context(Cpu &cpu, unsigned prio) : Scheduler::Context(prio), _cpu(cpu) { }
	virtual void exception(Genode::Cpu_state &state) = 0;
	[[noreturn]] virtual void proceed() = 0;

protected:
	Cpu &_cpu;
};

class Thread : public Object, public Cpu_context, public Timeout
{
public:
	enum State { ACTIVE = 1, AWAITS_START, AWAITS_IPC, AWAITS_RESTART, AWAITS_SIGNAL, AWAITS_SIGNAL_CONTEXT_KILL, DEAD };
	enum Exception_state { NO_EXCEPTION, MMU_FAULT, EXCEPTION };
	struct Fault { addr_t ip = 0, addr = 0, type = 0; };

	Thread(Cpu &cpu, unsigned prio, Pd &pd, char const *label, bool core = false);

	void exception(Genode::Cpu_state &state) override;
	[[noreturn]] void proceed() override;
	void timeout_triggered() override { _become_active(); }

	void start(Genode::Utcb *utcb, Signal_context *pager);
	void pause();
	void resume();
	Fault const &fault() const { return _fault; }
#ifdef UNALIGNED
	void restate_fault();
#endif

	Genode::Align_at<Board::Cpu::Context> regs { };

protected:
	virtual void _call();
	addr_t &_result() { return regs->rdi; }
	addr_t _arg(unsigned n) { return n == 1 ? regs->rsi : regs->rdx; }

private:
	friend class Ipc_node;
	friend class Signal_context;
	friend class Signal_receiver;

	char const *const _label;
	Pd &_pd;
	bool const _core;               // it runs in the kernel's mode, on whatever page tables there are
	State _state = AWAITS_START;
	bool _paused = false;
	Exception_state _exception_state = NO_EXCEPTION;
	Fault _fault { };
	Genode::Utcb *_utcb = nullptr;  // where core sees it
	Ipc_node _ipc_node { *this };
	Signal_handler _signal_handler { *this, nullptr };
	Signal_context_killer _signal_context_killer { };
	Signal_context *_pager = nullptr;

	void _save(Genode::Cpu_state const &state);
	void _become_active();
	void _become_inactive(State s);
	void _mmu_exception();
	void _exception();
	void _log(addr_t text, addr_t length);
};

// A thread of core, with kernel calls that others have not.
class Core_thread : public Thread
{
public:
	Core_thread(Cpu &cpu, unsigned prio, Pd &core, char const *label) : Thread(cpu, prio, core, label, true) { }

protected:
	void _call() override;

private:
	unsigned _served = 0;           // calls
};

// A processor that has nothing to do.
class Idle_thread : public Thread
{
public:
	Idle_thread(Cpu &cpu, Pd &core);
	void exception(Genode::Cpu_state &state) override;
};

class Irq
{
public:
	explicit Irq(unsigned id) : _id(id) { }

protected:
	unsigned const _id;             // vector
};

// An interrupt that becomes a signal.
class User_irq : public Irq, public Object
{
public:
	User_irq(unsigned vector, Signal_context &c);
	static void occurred(unsigned vector);

private:
	Signal_context &_context;
	User_irq *_next;
	static User_irq *_all;
};

class Cpu : public Board::Cpu, public Genode::List<Cpu>::Element
{
public:
	Cpu(unsigned id, Pd &core) : _id { id }, _idle(*this, core) { }

	struct Id { unsigned value; };

	void ready(Scheduler::Context &c);
	void unready(Scheduler::Context &c);
	void interrupt(unsigned vector);
	Timer &timer() { return _timer; }
	Cpu_context &current() { return static_cast<Cpu_context &>(_scheduler.current()); }
	Cpu_context &schedule() { return static_cast<Cpu_context &>(_scheduler.update()); }

private:
	Id const _id;
	Timer _timer { };
	Idle_thread _idle;
	Scheduler _scheduler { _idle };

	void remote_effect();
};

}
