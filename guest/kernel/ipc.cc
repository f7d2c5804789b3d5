// Synchronous IPC and interrupts.

#include "ipc_gate.h"
#include "../abi.h"

void Sender::enqueue(Receiver *r)
{
	_wq = r;
	_wq_next = nullptr;
	Sender **p = &r->_sender_list;
	while (*p)
		p = &(*p)->_wq_next;
	*p = this;
}

void Sender::dequeue()
{
	if (!_wq)
		return;
	for (Sender **p = &_wq->_sender_list; *p; p = &(*p)->_wq_next)
		if (*p == this)
		{
			*p = _wq_next;
			break;
		}
	_wq = nullptr;
}

// Is this thread waiting for a message that 's' may send?
bool Thread::sender_ok(Sender const *s) const
{
	return (_state & Thread_receive_wait) && !(_state & Thread_cancel) && (!_partner || _partner == s);
}

void Thread::wake(Mword result)
{
	_ipc_result = result;
	_state &= ~Mword(Thread_ipc_mask);
	Sched::remove_timeout(this);
	Sched::make_ready(this);
}

// Hands 'from's message to this thread.
void Thread::deliver(Thread *from, Mword label)
{
	if (from->_state & Thread_in_exception)
		copy_ts_to_utcb(from, this, (unsigned)from->_exc_number, from->_exc_error);
	else
	{
		Mword n = from->_utcb._k->words;
		n = n > Utcb::Max_words ? (Mword)Utcb::Max_words : n;
		memcpy(_utcb._k->values, from->_utcb._k->values, n * sizeof(Mword));
		_utcb._k->words = n;
	}
	regs()->_rdx = label;
	wake(Ipc_ok);
}

// This thread waited to send, and 'r' is ready for it now.
bool Thread::ipc_send_msg(Receiver *r)
{
	Thread *to = static_cast<Thread *>(r);
	to->deliver(this, _send_label);
	to->_caller = _wants_reply ? (Mword)this : 0;
	_state &= ~Mword(Thread_send_wait);
	if (_wants_reply)
	{
		_partner = to;
		_state |= Thread_receive_wait;
	}
	else
		wake(Ipc_ok);
	return true;
}

Thread::Ipc_result Thread::do_ipc(Thread *dst, Mword label, unsigned phases, Sender *from, bool closed, Mword timeout)
{
	_ipc_result = Ipc_ok;
	_state &= ~Mword(Thread_cancel | Thread_timeout);
	if (phases & Send)
	{
		if (dst->sender_ok(this))
		{
			dst->deliver(this, label);
			dst->_caller = phases & Receive ? (Mword)this : 0;
		}
		else
		{
			_send_label = label;
			_wants_reply = phases & Receive;
			_partner = dst;
			enqueue(dst);
			_state |= Thread_send_wait;
		}
	}
	if ((phases & Receive) && !(_state & Thread_send_wait))
	{
		_partner = closed ? from : nullptr;
		_rcv_regs = regs();
		_state |= Thread_receive_wait;
		for (Sender *s = _sender_list, *n; s && (_state & Thread_receive_wait); s = n)
		{
			n = s->_wq_next;
			if (!sender_ok(s))
				continue;
			s->dequeue();
			s->ipc_send_msg(this);
		}
	}
	if (timeout && (_state & Thread_ipc_mask))
		Sched::add_timeout(this, timeout);
	while ((_state & Thread_ipc_mask) && !(_state & (Thread_cancel | Thread_timeout)))
		Sched::block();

	if (_state & Thread_ipc_mask)
	{
		_ipc_result = _state & Thread_cancel ? Ipc_canceled : Ipc_timeout;
		dequeue();
		Sched::remove_timeout(this);
		_state &= ~Mword(Thread_ipc_mask);
	}
	_state &= ~Mword(Thread_cancel | Thread_timeout);
	return (Ipc_result)_ipc_result;
}

// Answers a thread that called; one that does not wait any more gets nothing.
bool Thread::reply(Thread *to)
{
	_caller = 0;
	if (!to || !(to->_state & Thread_receive_wait) || (to->_state & Thread_cancel) || to->_partner != this || (to->_state & Thread_in_exception))
		return false;
	to->deliver(this, 0);
	return true;
}

// An interrupt: to the thread that waits for it, or kept until it does.
void Irq_sender::hit()
{
	Thread *t = static_cast<Thread *>(_irq_thread);
	_queued = _queued + 1;
	if (!t || _wq)
		return;
	if (t->sender_ok(this))
		ipc_send_msg(t);
	else
		enqueue(t);
}

bool Irq_sender::ipc_send_msg(Receiver *r)
{
	_queued = 0;
	Thread *t = static_cast<Thread *>(r);
	t->regs()->_rdx = _irq_id;
	t->wake(Thread::Ipc_ok);
	return true;
}

bool Irq_sender::attach(Thread *t, Mword id)
{
	if (_irq_thread && _irq_thread != t)
		return false;
	_irq_thread = t;
	_irq_id = id;
	return true;
}
