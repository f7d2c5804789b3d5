// Threads.
#pragma once

#include "context.h"

class Ipc_gate_obj;

class Thread : public Receiver, public Sender, public Kobject
{
public:
	enum Operation { Op_control = 0, Op_ex_regs = 1, Op_switch = 2 };

	enum Ex_regs_flags
	{
		Exr_cancel            = 0x10000,
		Exr_trigger_exception = 0x20000,
		Exr_single_step       = 0x40000,
	};

	enum Ipc_result { Ipc_ok = 0, Ipc_canceled = 1, Ipc_timeout = 2, Ipc_error = 3 };
	enum Ipc_phase { Send = 1, Receive = 2 };

	Thread();
	static void *operator new(size_t);

	Address kobject_start_addr() const override { return (Address)this; }
	Mword kobject_size() const override { return Size; }
	Thread_object *as_thread() override { return (Thread_object *)this; }

	Mword user_ip() const;
	void user_ip(Mword);
	Mword user_sp() const;
	void user_sp(Mword);

	// IPC. 'dst' is the receiver of the send phase; 'from' is who the receive
	// phase waits for, null for anybody. Blocks the current thread.
	Ipc_result do_ipc(Thread *dst, Mword label, unsigned phases, Sender *from, bool closed, Mword timeout);
	bool reply(Thread *to);
	bool ipc_send_msg(Receiver *r) override;
	bool sender_ok(Sender const *s) const;
	void deliver(Thread *from, Mword label);
	void wake(Mword result);

	// Exceptions
	void send_exception(unsigned number, Mword error);
	static void copy_ts_to_utcb(Thread *snd, Thread *rcv, unsigned number, Mword error);
	static void copy_utcb_to_ts(Thread *snd, Thread *rcv);

	Ipc_gate_obj *_pager = nullptr;
	Ipc_gate_obj *_exc_handler = nullptr;
	Mword _send_label = 0;             // of a message that waits to be sent
	bool _wants_reply = false;         // and the call's receive phase comes next
	Mword _ipc_result = 0;
	Mword _exc_number = 0, _exc_error = 0;
	unsigned _magic;
	static const unsigned magic = 0xf001c001;
};

class Thread_object : public Thread
{
public:
	bool ex_regs(Address ip, Address sp, Address *o_ip = nullptr, Address *o_sp = nullptr, Mword *o_flags = nullptr, Mword ops = 0);
	bool control(Task *task, Utcb *utcb, Ipc_gate_obj *pager);
};

class Kernel_thread : public Thread_object
{
public:
	Kernel_thread();
	static bool poll; // while nobody is ready; boot option idle=poll
};

// The scheduler: strict priorities, round robin among equals.
class Sched
{
public:
	enum { Priorities = 4, Slice = 4 };

	static void make_ready(Context *);
	static void schedule();            // lets another thread run, if one at least as urgent waits
	static void schedule_urgent();     // … if a more urgent one waits
	static void block();               // the current thread is not ready any more
	static void tick();
	static void add_timeout(Context *, Mword ticks);
	static void remove_timeout(Context *);
	static Thread *current() { return _current; }
	static void start(Thread *idle);

private:
	static Thread *next();
	static void switch_to(Thread *);

	static Thread *_current, *_idle;
	static Context *_first[Priorities], *_last[Priorities], *_timeouts;
	static Mword _now;
	static unsigned _left;
};

inline Thread *current() { return Sched::current(); }

// What a debugger must not change: the timer's ticks and the processor's clock when
// they were so many, the system calls that had finished, and the LOG's characters.
struct Sched_mark { Mword ticks, clock, calls, log; };
enum { Mark_ticks = 50, Marks = 64 };
extern Sched_mark sched_marks[Marks];
extern Mword sched_calls;
