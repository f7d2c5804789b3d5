// The scheduler and the timer.

#include "hw.h"
#include "thread.h"

Thread *Sched::_current, *Sched::_idle;
Context *Sched::_first[Priorities], *Sched::_last[Priorities], *Sched::_timeouts;
Mword Sched::_now;
unsigned Sched::_left;

Sched_mark sched_marks[Marks];
Mword sched_calls;

extern "C" void switch_stacks(Mword **save, Mword *load);

static void enqueue(Context *&first, Context *&last, Context *c)
{
	c->_ready_next = nullptr;
	(first ? last->_ready_next : first) = c;
	last = c;
}

void Sched::make_ready(Context *c)
{
	c->_state |= Thread_ready;
	if (c->_queued || c == _current)
		return;
	c->_queued = true;
	enqueue(_first[c->_prio], _last[c->_prio], c);
}

Thread *Sched::next()
{
	for (int p = Priorities - 1; p >= 0; p--)
		while (Context *c = _first[p])
		{
			_first[p] = c->_ready_next;
			c->_queued = false;
			if (c->_state & Thread_ready)
				return static_cast<Thread *>(c);
		}
	return _idle;
}

void Sched::switch_to(Thread *to)
{
	Thread *from = _current;
	if (to == from)
		return;
	_current = to;
	_left = Slice;
	Hw::set_kernel_stack((Address)to + Context_base::Size);
	if (to->space())
		to->space()->make_current();
	switch_stacks(&from->_kernel_sp, to->_kernel_sp);
}

void Sched::schedule()
{
	Thread *c = _current;
	if (c != _idle && c->_state & Thread_ready)
	{
		// Does anybody at least as urgent wait?
		int p = Priorities - 1;
		while (p > (int)c->_prio && !_first[p])
			p--;
		if (!_first[p])
			return;
		_current = nullptr;
		make_ready(c);
		_current = c;
	}
	switch_to(next());
}

void Sched::schedule_urgent()
{
	for (int p = Priorities - 1; p > (int)_current->_prio; p--)
		if (_first[p])
		{
			schedule();
			return;
		}
}

void Sched::block()
{
	_current->_state &= ~Mword(Thread_ready);
	schedule();
}

void Sched::add_timeout(Context *c, Mword ticks)
{
	c->_deadline = _now + ticks + 1;
	c->_timeout_next = _timeouts;
	_timeouts = c;
}

void Sched::remove_timeout(Context *c)
{
	if (!c->_deadline)
		return;
	c->_deadline = 0;
	for (Context **p = &_timeouts; *p; p = &(*p)->_timeout_next)
		if (*p == c)
		{
			*p = c->_timeout_next;
			return;
		}
}

static inline Mword clock()
{
	uint32_t low, high;
	asm volatile ("rdtsc" : "=a" (low), "=d" (high));
	return (Mword)high << 32 | low;
}

// The first tick behind each mark's that finds nobody at work.
static void mark(Mword now)
{
	static unsigned n;
	if (n < Marks && now >= (n + 1) * Mark_ticks)
		sched_marks[n++] = { now, clock(), sched_calls, Hw::written };
}

void Sched::tick()
{
	_now++;
	if (_current == _idle)
		mark(_now);
	for (Context *c = _timeouts, *n; c; c = n)
	{
		n = c->_timeout_next;
		if (c->_deadline > _now)
			continue;
		remove_timeout(c);
		c->_state |= Thread_timeout;
		make_ready(c);
	}
	if (_current == _idle || !_left || !--_left)
		schedule();
}

// Leaves the start-up stack for good.
void Sched::start(Thread *idle)
{
	static Mword *unused;
	_idle = _current = idle;
	Hw::set_kernel_stack((Address)idle + Context_base::Size);
	switch_stacks(&unused, idle->_kernel_sp);
}

extern "C" void timer_interrupt()
{
	Hw::ack_timer();
	Sched::tick();
}
