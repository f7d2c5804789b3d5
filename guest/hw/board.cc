// The PC: descriptor tables, interrupt controllers, timer, serial line, the second processor.

#include "board.h"
#include "core.h"

using namespace Board;
using Genode::addr_t;
using Genode::uint16_t;
using Genode::uint32_t;
using Genode::uint8_t;

struct Idt_entry { uint16_t low, selector; uint8_t ist, type; uint16_t mid; uint32_t high, zero; };
struct Table { uint16_t size; void *base; } __attribute__((packed));

static Idt_entry idt[256];
extern "C" addr_t const trap_entries[256];
extern "C" char trampoline[], trampoline_end[];
extern "C" addr_t boot_pml4[];

static void outb(uint16_t port, uint8_t v) { asm volatile ("outb %0, %1" : : "a" (v), "Nd" (port)); }
static uint8_t inb(uint16_t port)
{
	uint8_t v;
	asm volatile ("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

void Board::put(char c)
{
	while (!(inb(0x3fd) & 0x20))
		;
	outb(0x3f8, (uint8_t)c);
}

// Every entry into the kernel, from whatever mode, is onto the processor's own stack.
void Cpu::init(addr_t stack_end)
{
	tss.ist[0] = stack_end;
	tss.io_bit_map = sizeof(tss);
	_gdt[1] = 0x00af9a000000ffffUL;                 // 0x08 kernel code
	_gdt[2] = 0x00cf92000000ffffUL;                 // 0x10 kernel data
	_gdt[3] = 0x00affa000000ffffUL;                 // 0x18 user code
	_gdt[4] = 0x00cff2000000ffffUL;                 // 0x20 user data
	addr_t t = (addr_t)&tss;
	_gdt[5] = (sizeof(tss) - 1) | (t & 0xffffff) << 16 | 0x89UL << 40 | (t >> 24 & 0xff) << 56;
	_gdt[6] = t >> 32;
	Table g { sizeof(_gdt) - 1, _gdt }, i { sizeof(idt) - 1, idt };
	asm volatile ("lgdt %0; lidt %1; ltr %w2" : : "m" (g), "m" (i), "r" (0x28));
	asm volatile ("movw %w0, %%ds; movw %w0, %%es; movw %w0, %%ss" : : "r" (0x10));
}

// Registers of the local interrupt controller (AMD64 manual, volume 2, 16.3).
static uint32_t volatile &apic(addr_t offset) { return *(uint32_t volatile *)Core::virt(0xfee00000 + offset); }

enum : addr_t { APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0, APIC_COMMAND = 0x300, APIC_DESTINATION = 0x310 };

static void send(unsigned to, uint32_t command)
{
	apic(APIC_DESTINATION) = to << 24;
	apic(APIC_COMMAND) = command;
}

void Cpu::init_devices()
{
	for (unsigned n = 0; n < 256; n++)
	{
		addr_t a = trap_entries[n];
		idt[n] = { (uint16_t)a, CS_KERNEL, 1, (uint8_t)(n == CALL || n == 3 ? 0xee : 0x8e), (uint16_t)(a >> 16), (uint32_t)(a >> 32), 0 };
	}
	// Interrupt controllers: vectors 0x20 and 0x28; timer and keyboard are let through.
	outb(0x20, 0x11); outb(0xa0, 0x11);
	outb(0x21, 0x20); outb(0xa1, 0x28);
	outb(0x21, 4);    outb(0xa1, 2);
	outb(0x21, 1);    outb(0xa1, 1);
	outb(0x21, 0xfc); outb(0xa1, 0xff);

	unsigned divisor = 1193182 / TICKS_PER_SECOND;
	outb(0x43, 0x34);
	outb(0x40, (uint8_t)divisor);
	outb(0x40, (uint8_t)(divisor >> 8));

	// The page tables that all others have their upper half of map the first GiB; the
	// local interrupt controllers lie in the fourth.
	addr_t *ram = (addr_t *)Core::virt(((addr_t *)Core::virt((addr_t)boot_pml4))[256] & ~0xfffUL);
	addr_t *devices = (addr_t *)Core::Ram::alloc(1);
	ram[3] = Core::phys(devices) | Kernel::Pd::PRESENT | Kernel::Pd::WRITABLE;
	devices[0xfee00000 >> 21 & 511] = 0xfee00000 | Kernel::Pd::PRESENT | Kernel::Pd::WRITABLE | Kernel::Pd::LARGE | Kernel::Pd::UNCACHED;
}

// QEMU notes the number in the clock's memory, as for its BIOS.
unsigned Cpu::count()
{
	outb(0x70, 0x5f);
	return inb(0x71) + 1u;
}

// The other processor begins in real mode, at a page below 1 MiB (entry.S).
void Cpu::start_other()
{
	addr_t const page = 0x8000;
	memcpy(Core::virt(page), trampoline, (size_t)(trampoline_end - trampoline));
	apic(APIC_SPURIOUS) = 0x1ff;
	send(1, 0x4500);                // INIT
	send(1, 0x4600 | page >> 12);   // start there
}

void Cpu::interrupt_other(unsigned to) { send(to, 0x4000 | IPI); }

void Cpu::acknowledge(unsigned vector)
{
	if (vector == IPI)
		apic(APIC_EOI) = 0;
	else if (vector >= TIMER && vector < TIMER + 16)
		outb(0x20, 0x20);
}
