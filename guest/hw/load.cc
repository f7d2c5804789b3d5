// Threads and capabilities for tests of size (boot options "threads=" and "caps="). They lie
// side by side, as Genode's allocators of equal objects have them.

#include "core.h"

using namespace Core;
using Genode::PAGE;

namespace {

// A thread that nobody starts, with its name.
struct Idle
{
	Kernel_object<Kernel::Thread> kobj { };
	char label[16] = "idle ";
};

char *room(addr_t size) { return Ram::alloc((size + PAGE - 1) / PAGE); }

// Digits of a number, behind what is there.
void append(char *text, addr_t n)
{
	while (*text)
		text++;
	for (addr_t unit = 10000; unit; unit /= 10)
		*text++ = (char)('0' + n / unit % 10);
}

}

void Core::make_load(Kernel::Pd &core, Kernel::Pd &holder, Kernel::Object_identity &named, addr_t threads, addr_t caps)
{
	Idle *idle = (Idle *)room(threads * sizeof(Idle));
	for (addr_t i = 0; i < threads; i++)
	{
		new (&idle[i]) Idle();
		append(idle[i].label, i);
		in_kernel([&] { idle[i].kobj.construct(core, Kernel::Main::_instance->cpus().cpu(0), 0u, core, idle[i].label); });
	}
	enum { FIRST = 0x1000 };
	Kernel::Object_identity_reference *refs = (Kernel::Object_identity_reference *)room(caps * sizeof(*refs));
	for (addr_t i = 0; i < caps && FIRST + i <= 0xffff; i++)
		in_kernel([&] { new (&refs[i]) Kernel::Object_identity_reference(named, holder, (Kernel::capid_t)(FIRST + i)); });
}
