// Who runs on a processor: strict priorities, and turns within one.
#pragma once

#include "object.h"

namespace Kernel {

class Scheduler
{
public:
	enum { PRIORITIES = 4 };

	class Context
	{
	public:
		enum State { UNREADY, LISTED, READY };
		explicit Context(unsigned prio) : _prio(prio) { }

	private:
		friend class Scheduler;
		State _state = UNREADY;
		unsigned const _prio;
		Context *_next = nullptr;
		Context *_destination = nullptr;    // whom it lends its time: nobody does so, since servers are more urgent than who calls them
	};

	explicit Scheduler(Context &idle) : _idle(idle) { }

	void ready(Context &c);
	void unready(Context &c);
	void yield();           // the current context's turn is over
	Context &update();      // decides who is the current one
	Context &current() { return *_current; }

private:
	Context &_idle;
	Context *_current = nullptr;
	Context *_first[PRIORITIES] = { };      // those that are ready, the current one among them
};

}
