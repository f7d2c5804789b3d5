// What threads wait for: answers, requests, signals, a time.

#include "core.h"

using namespace Kernel;

// The end of a list, by its first element and the member that leads to the next.
template <typename T>
static T *&end(T *&first, T *T::*next)
{
	T **p = &first;
	while (*p)
		p = &((*p)->*next);
	return *p;
}

static void copy_message(Genode::Utcb &to, Genode::Utcb const &from)
{
	addr_t n = from.words < Genode::Utcb::MAX_WORDS ? from.words : (addr_t)Genode::Utcb::MAX_WORDS;
	memcpy(to.values, from.values, n * sizeof(addr_t));
	to.words = n;
}

void Ipc_node::send(Ipc_node &server)
{
	_out.state = Out::SEND;
	_out.node = &server;
	_next = nullptr;
	end(server._in.queue, &Ipc_node::_next) = this;
	_thread._become_inactive(Thread::AWAITS_IPC);
	if (server._in.state == In::WAIT)
	{
		server.receive();
		server._thread._become_active();
	}
}

// Takes up the first request.
void Ipc_node::receive()
{
	_in.state = In::REPLY;
	copy_message(*_thread._utcb, *_in.queue->_thread._utcb);
}

void Ipc_node::await_request()
{
	if (_in.queue)
	{
		receive();
		return;
	}
	_in.state = In::WAIT;
	_thread._become_inactive(Thread::AWAITS_IPC);
}

void Ipc_node::reply()
{
	if (_in.state != In::REPLY)
		return;
	Ipc_node &caller = *_in.queue;
	_in.queue = caller._next;
	_in.state = In::READY;
	copy_message(*caller._thread._utcb, *_thread._utcb);
	caller._out.state = Out::READY;
	caller._out.node = nullptr;
	caller._thread._become_active();
}

Signal_context::Signal_context(Signal_receiver &r, addr_t imprint)
: Object(SIGNAL_CONTEXT, this), _receiver(r), _imprint(imprint), _next(r._contexts)
{
	r._contexts = this;
}

void Signal_context::submit()
{
	_submits = _submits + 1;
	_receiver.deliver();
}

// Hands a signal to who waits for one. That it comes for the next one says that the one
// before was worked on.
void Signal_receiver::deliver()
{
	for (Signal_context *c = _contexts; c && _handler; c = c->_next)
	{
		if (!c->_submits)
			continue;
		Thread &t = _handler->_thread;
		t._utcb->values[0] = c->_imprint;
		t._utcb->values[1] = c->_submits;
		c->_submits = 0;
		c->_ack = false;
		_handler->_receiver = nullptr;
		_handler = nullptr;
		t._become_active();
	}
}

void Signal_receiver::await(Signal_handler &h)
{
	for (Signal_context *c = _contexts; c; c = c->_next)
		c->_ack = true;
	_handler = &h;
	h._receiver = this;
	h._thread._become_inactive(Thread::AWAITS_SIGNAL);
	deliver();
}

User_irq *User_irq::_all;

User_irq::User_irq(unsigned vector, Signal_context &c) : Irq(vector), Object(IRQ, this), _context(c), _next(_all) { _all = this; }

void User_irq::occurred(unsigned vector)
{
	for (User_irq *i = _all; i; i = i->_next)
		if (i->_id == vector)
			i->_context.submit();
}

void Timer::set(Timeout &t, addr_t ticks)
{
	t._end = _now + ticks;
	t._listed = true;
	t._next = _timeout_list;
	_timeout_list = &t;
}

void Timer::tick()
{
	_now++;
	for (Timeout **p = &_timeout_list; *p;)
	{
		Timeout &t = **p;
		if (t._end > _now)
		{
			p = &t._next;
			continue;
		}
		*p = t._next;
		t._listed = false;
		t.timeout_triggered();
	}
}

void Scheduler::ready(Context &c)
{
	if (c._state != Context::UNREADY)
		return;
	c._state = Context::READY;
	c._next = nullptr;
	end(_first[c._prio], &Context::_next) = &c;
}

void Scheduler::unready(Context &c)
{
	if (c._state == Context::UNREADY)
		return;
	c._state = Context::UNREADY;
	Context **p = &_first[c._prio];
	while (*p != &c)
		p = &(*p)->_next;
	*p = c._next;
}

void Scheduler::yield()
{
	Context &c = *_current;
	if (c._state == Context::UNREADY)
		return;
	unready(c);
	ready(c);
}

Scheduler::Context &Scheduler::update()
{
	Context *next = &_idle;
	for (Context *first : _first)
		next = first ? first : next;
	return *(_current = next);
}
