// The PC: what each processor has of its own, and devices.
#pragma once

#include "genode.h"

namespace Board {

struct Tss      // AMD64 manual, volume 2, 12.2.5
{
	Genode::uint32_t reserved0;
	Genode::addr_t rsp[3], reserved1, ist[7], reserved2;
	Genode::uint16_t reserved3, io_bit_map;
} __attribute__((packed));

class Cpu
{
public:
	class Context : public Genode::Cpu_state { };       // the guest uses no other registers

	enum : Genode::addr_t { CS_KERNEL = 0x08, SS_KERNEL = 0x10, CS_USER = 0x1b, SS_USER = 0x23, FLAGS = 0x202 };
	enum Vector { PAGE_FAULT = 14, EXCEPTIONS = 32, TIMER = 32, KEYBOARD = 33, CALL = 0x80, IPI = 0xf0 };
	enum { TICKS_PER_SECOND = 250, STACK_SIZE = 0x10000 };

	void init(Genode::addr_t stack_end);
	static void init_devices();
	static unsigned count();                    // of processors
	static void start_other();
	static void interrupt_other(unsigned to);
	static void acknowledge(unsigned vector);

	Tss tss { };

private:
	Genode::addr_t _gdt[7] { };
};

void put(char c);       // onto the serial line

}
