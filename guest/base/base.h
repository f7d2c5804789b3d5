// What the user programs share: messages, lists, strings, the LOG.
#pragma once

#include <syscall.h>

namespace Genode {

// A message: what it is about, and arguments.
struct Msg
{
	addr_t w[8] {};

	void to_utcb() const;
	void from_utcb();
};

// Calls the server behind a gate; its answer replaces the message. A call that
// is cancelled is made again.
addr_t ipc_call(addr_t selector, Msg &msg);

// Server side: answers the caller before, if there was one, and waits for the
// next request. Returns its label.
addr_t ipc_reply_wait(Msg &msg, bool reply);

// Sleeps, as a thread that has no timer session must.
void sleep_ms(addr_t ms);

void set_name(addr_t selector, char const *name);
bool equal(char const *a, char const *b);

template <unsigned CAPACITY>
class String
{
public:
	String() {}
	String(char const *s)
	{
		for (; _len < CAPACITY - 1 && s[_len]; _len++)
			_buf[_len] = s[_len];
		_buf[_len++] = 0;
	}
	char const *string() const { return _buf; }

private:
	char _buf[CAPACITY] {};
	size_t _len = 0;
};

// A list of elements that inherit List<LT>::Element.
template <typename LT>
class List
{
public:
	class Element
	{
	public:
		LT *next() const { return _next; }
		LT *_next = nullptr;
	};

	LT *first() const { return _first; }

	void insert(LT *e)
	{
		e->Element::_next = _first;
		_first = e;
	}

private:
	LT *_first = nullptr;
};

// Writes "[init -> label] text" to the LOG; the pieces are strings and numbers.
struct Hex { addr_t value; };

// A build with -DMEETING has a function of rtcr's and one that the child calls over
// and over begin at the same address.
#ifdef MEETING
#define MEET __attribute__((noinline, section(".text.start")))
#else
#define MEET
#endif

class Log_line
{
public:
	explicit Log_line(char const *label);
	~Log_line();
	Log_line &operator<<(char const *s);
	Log_line &operator<<(addr_t n);
	Log_line &operator<<(Hex h);

private:
	char _text[400];
	unsigned _n = 0;
	MEET void _put(char c);
};

// The label that a program logs with.
extern char const *log_label;

template <typename... ARGS>
void log(ARGS... args)
{
	Log_line l(log_label);
	(l << ... << args);
}

// A thread's registers, as core keeps them and rtcr stores them.
struct Cpu_state
{
	addr_t ip = 0, sp = 0;
	addr_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
	addr_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rdi = 0, rsi = 0, rbp = 0;
	addr_t errcode = 0, eflags = 0, trapno = 0xfe, ss = 0;
};

struct Thread_state_base : Cpu_state
{
	bool unresolved_page_fault = false, exception = false;
};

struct Thread_state : Thread_state_base
{
	addr_t kcap = 0;            // selector of the thread's gate in its protection domain
	int id = 0;                 // badge of that gate
	addr_t utcb = 0;
	unsigned exceptions = 0;    // how many the thread raised
	bool paused = false;
	bool in_exception = false;
};

}
