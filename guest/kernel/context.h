// Execution contexts, from Context_base up to Thread; the order of the bases is
// Fiasco.OC's.
#pragma once

#include "entry_frame.h"
#include "kobject.h"
#include "mem_space.h"
#include "thread_state.h"

class Thread;
class Sender;

// The message and exception buffer that a thread shares with the kernel.
class Utcb
{
public:
	enum { Max_words = 63 };
	Mword values[Max_words];
	Mword words;      // how many of them a message has
};

class Context_base
{
public:
	enum { Size = 0x1000 };  // control block with kernel stack

	virtual ~Context_base() {}

	Mword _state = Thread_dead;
	unsigned _cpu = 0;
};

class Context : public Context_base
{
public:
	template <typename T>
	class Ku_mem_ptr
	{
	public:
		T *_u = nullptr;  // user address
		T *_k = nullptr;  // kernel address
	};

	Entry_frame *regs() const { return (Entry_frame *)((Address)this + Size) - 1; }
	Task *space() const { return static_cast<Task *>(_space._s.get()); }
	void activate();

	Mword *_kernel_sp = nullptr;
	void *_utcb_handler = nullptr;
	Ku_mem_ptr<Utcb> _utcb;

	// A space with a lock bit in its pointer.
	class Space_n_lock
	{
	public:
		Space *get() const { return (Space *)(_lock & ~1UL); }
		void set(Space *s) { _lock = (Mword)s; }

	private:
		Mword _lock = 0;
	};

	class Context_space_ref
	{
	public:
		Space_n_lock _s;
		Address _v = 0;
	} _space;

	// Scheduling
	unsigned _prio = 0;
	Context *_ready_next = nullptr;
	bool _queued = false;
	Mword _deadline = 0;             // tick at which a wait ends, 0 = never
	Context *_timeout_next = nullptr;

	Continuation _exc_cont;
};

class Receiver : public Context, public Ref_cnt_obj
{
public:
	Sender *_partner = nullptr;        // who it waits for, null = anybody
	Syscall_frame *_rcv_regs = nullptr;
	Mword _caller = 0;                 // thread that waits for a reply
	Sender *_sender_list = nullptr;    // senders that wait for this receiver
};

// Anything a receiver may wait for.
class Sender
{
public:
	// The receiver is ready now: hand over. Says whether there was a message.
	virtual bool ipc_send_msg(Receiver *r) = 0;
	virtual ~Sender() {}

	Receiver *_wq = nullptr;           // receiver it waits for
	Sender *_wq_next = nullptr;

	void enqueue(Receiver *r);
	void dequeue();
};
