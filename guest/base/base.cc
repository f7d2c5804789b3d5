// What the user programs share.

#include "base.h"

using namespace Genode;

void *memcpy(void *dst, void const *src, size_t n)
{
	char *d = (char *)dst;
	char const *s = (char const *)src;
	while (n--)
		*d++ = *s++;
	return dst;
}

void *memset(void *p, int c, size_t n)
{
	char *d = (char *)p;
	while (n--)
		*d++ = (char)c;
	return p;
}

void Msg::to_utcb() const
{
	Utcb &u = utcb();
	for (unsigned i = 0; i < 8; i++)
		u.values[i] = w[i];
	u.words = 8;
}

void Msg::from_utcb()
{
	Utcb &u = utcb();
	for (unsigned i = 0; i < 8; i++)
		w[i] = u.values[i];
}

__attribute__((noinline))
addr_t Genode::ipc_call(addr_t selector, Msg &msg)
{
	Result r;
	do
	{
		msg.to_utcb();
		r = sys(Sys_ipc_call, selector);
	}
	while (r.code == Canceled);
	if (r.code == Ok)
		msg.from_utcb();
	return r.code;
}

__attribute__((noinline))
addr_t Genode::ipc_reply_wait(Msg &msg, bool reply)
{
	if (reply)
		msg.to_utcb();
	Result r = sys(reply ? Sys_ipc_reply_wait : Sys_ipc_wait);
	while (r.code != Ok)
		r = sys(Sys_ipc_wait);
	msg.from_utcb();
	return r.label;
}

void Genode::sleep_ms(addr_t ms) { sys(Sys_ipc_sleep, ms); }

void Genode::set_name(addr_t selector, char const *name)
{
	char *to = (char *)utcb().values;
	unsigned i = 0;
	for (; i < 31 && name[i]; i++)
		to[i] = name[i];
	to[i] = 0;
	sys(Sys_set_name, selector);
}

bool Genode::equal(char const *a, char const *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

Log_line::Log_line(char const *label)
{
	*this << "[init" << label << "] ";
}

Log_line::~Log_line()
{
	*this << "\033[0m\n";
	sys(Sys_log, (addr_t)_text, _n);
}

void Log_line::_put(char c)
{
	if (_n < sizeof(_text))
		_text[_n++] = c;
}

Log_line &Log_line::operator<<(char const *s)
{
	while (*s)
		_put(*s++);
	return *this;
}

Log_line &Log_line::operator<<(addr_t n)
{
	char digits[20];
	unsigned i = 0;
	do
		digits[i++] = char('0' + n % 10);
	while (n /= 10);
	while (i)
		_put(digits[--i]);
	return *this;
}

Log_line &Log_line::operator<<(Hex h)
{
	*this << "0x";
	bool any = false;
	for (int s = 60; s >= 0; s -= 4)
		if ((any |= h.value >> s || !s))
			_put("0123456789abcdef"[h.value >> s & 15]);
	return *this;
}
