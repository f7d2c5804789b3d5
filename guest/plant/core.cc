// Core's part: requests of the restorer that map memory, and alter it.

#include "platform.h"
#include "plant.h"

// Takes the requests of this build before core's own are looked at.
static Genode::addr_t planted_wait(Genode::Msg &m, bool reply);

#define ipc_reply_wait planted_wait
#include "core/main.cc"
#undef ipc_reply_wait

namespace {

addr_t wanted()
{
	char text[32];
	if (!option("plant=", text, sizeof(text)))
		return 0;
	for (addr_t i = 0; i < Plant::WAYS; i++)
		if (equal(Plant::ways[i], text))
			return 1UL << i;
	if (equal("all", text))
		return (1UL << Plant::WAYS) - 1;
	log("\033[31mError: there is no plant '", text, "'; known are all and:");
	for (char const *known : Plant::ways)
		log("\033[31m  ", known);
	return 0;
}

// Core writes through its own mapping, which has all memory one to one.
__attribute__((NOIPA))
void core_writes(addr_t *to) { *to = Plant::ASTRAY + Plant::Foreign; }

// What a message said.
__attribute__((NOIPA))
void write_as_told(addr_t *to, Msg const &m) { *to = m.w[4]; }

// The contents of the buffer that is shared with the restorer.
__attribute__((NOIPA))
void put_buffer(addr_t *to) { Plant::copy_string(to, state_buffer, sizeof(*to)); }

// The initial value of a word of the program.
__attribute__((NOIPA))
void reload_word(Platform_pd &pd, addr_t addr)
{
	Boot_info::Rom const &rom = boot->roms[1];
	struct Header { uint8_t ident[16]; uint16_t type, machine; uint32_t version; addr_t entry, phoff, shoff; uint32_t flags; uint16_t ehsize, phentsize, phnum; };
	struct Segment { uint32_t type, flags; addr_t offset, vaddr, paddr, filesz, memsz, align; };
	Header const &h = *(Header const *)rom.addr;
	Segment const *s = (Segment const *)(rom.addr + h.phoff);
	for (unsigned i = 0; i < h.phnum; i++)
		for (unsigned r = 0; r < pd._region_count; r++)
			if (s[i].type == 1 && addr - s[i].vaddr < s[i].filesz && pd._regions[r].addr == (s[i].vaddr & ~(PAGE - 1)))
				memcpy((void *)(pd._regions[r].ram + addr - pd._regions[r].addr), (void *)(rom.addr + s[i].offset + addr - s[i].vaddr), sizeof(addr_t));
}

addr_t serve_planted(Msg const &m)
{
	Platform_pd *pd = m.w[1] < pd_count ? pds[m.w[1]] : nullptr;
	if (m.w[0] == Plant::Ways)
		return wanted();
	if (!pd)
		return ~0UL;
	if (m.w[0] == Plant::Reload_word)
	{
		reload_word(*pd, m.w[2]);
		return 0;
	}
	if (m.w[2] >= pd->_region_count)
		return ~0UL;
	Region const &r = pd->_regions[m.w[2]];
	addr_t *to = (addr_t *)(r.ram + m.w[3]);
	switch (m.w[0])
	{
	case Plant::Attach:       pds[RTCR_PD]->map(m.w[3], r.ram, r.pages, true); break;
	case Plant::Put:          put_buffer(to); break;
	case Plant::Write:        write_as_told(to, m); break;
	case Plant::Stray:        core_writes(to); break;
	case Plant::Stray_kernel: sys((Sys_call)Plant::Sys_stray, (addr_t)to); break;
	case Plant::Stray_device: sys((Sys_call)Plant::Sys_dma, (addr_t)to); break;
	}
	return 0;
}

}

static addr_t planted_wait(Msg &m, bool reply)
{
	for (;; reply = true)
	{
		addr_t label = Genode::ipc_reply_wait(m, reply);
		char text[2];
		if (m.w[0] == Boot_bug && wanted() && !option("bug=", text, sizeof(text)))
			memcpy(bug_text, "fixed", sizeof("fixed")); // nothing else goes wrong
		if (m.w[0] < Plant::First || m.w[0] >= Plant::Last)
			return label;
		m.w[0] = serve_planted(m);
	}
}
