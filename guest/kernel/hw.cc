// The PC.

#include "hw.h"
#include "entry_frame.h"
#include "mem_layout.h"

// Task-state segment: only the stack for entries from user mode is used
// (AMD64 manual, volume 2, 12.2.5).
struct Tss
{
	uint32_t _reserved0;
	Mword _rsp0 __attribute__((packed));
	uint8_t _rest[90];
	uint16_t _io_bit_map;
} __attribute__((packed));

static Tss tss;
static Mword gdt[7];

struct Idt_entry { uint16_t low, selector; uint8_t ist, type; uint16_t mid; uint32_t high, zero; };
static Idt_entry idt[256];

extern "C" void entry_sys_call();
extern "C" void entry_timer();
extern "C" void entry_spurious();
extern "C" void (*trap_entries[22])();

static inline void outb(uint16_t port, uint8_t v) { asm volatile ("outb %0, %1" : : "a" (v), "Nd" (port)); }
static inline uint8_t inb(uint16_t port)
{
	uint8_t v;
	asm volatile ("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static void gate(unsigned n, void (*fn)(), unsigned dpl)
{
	Address a = (Address)fn;
	idt[n] = { (uint16_t)a, Cs_kernel, 0, (uint8_t)(0x8e | dpl << 5), (uint16_t)(a >> 16), (uint32_t)(a >> 32), 0 };
}

static void load_tables()
{
	gdt[1] = 0x00af9a000000ffffUL;                 // 0x08 kernel code
	gdt[2] = 0x00cf92000000ffffUL;                 // 0x10 kernel data
	gdt[3] = 0x00affa000000ffffUL;                 // 0x18 user code
	gdt[4] = 0x00cff2000000ffffUL;                 // 0x20 user data
	Address t = (Address)&tss;
	gdt[5] = (sizeof(tss) - 1) | (t & 0xffffff) << 16 | 0x89UL << 40 | (t >> 24 & 0xff) << 56;
	gdt[6] = t >> 32;
	tss._io_bit_map = sizeof(tss);

	struct { uint16_t size; Address base; } __attribute__((packed))
		g = { sizeof(gdt) - 1, (Address)gdt }, i = { sizeof(idt) - 1, (Address)idt };
	asm volatile ("lgdt %0; lidt %1; ltr %w2" : : "m" (g), "m" (i), "r" (0x28));
	asm volatile ("movw %w0, %%ds; movw %w0, %%es; movw %w0, %%ss" : : "r" (Ss_kernel));
}

void Hw::init()
{
	for (unsigned n = 0; n < 256; n++)
		gate(n, entry_spurious, 0);
	for (unsigned n = 0; n < 22; n++)
		gate(n, trap_entries[n], n == 3 ? 3 : 0);
	gate(0x20, entry_timer, 0);
	gate(0x80, entry_sys_call, 3);
	load_tables();

	// Interrupt controllers: vectors 0x20 and 0x28, only the timer is let through.
	outb(0x20, 0x11); outb(0xa0, 0x11);
	outb(0x21, 0x20); outb(0xa1, 0x28);
	outb(0x21, 4);    outb(0xa1, 2);
	outb(0x21, 1);    outb(0xa1, 1);
	outb(0x21, 0xfe); outb(0xa1, 0xff);

	unsigned divisor = 1193182 / Ticks_per_second;
	outb(0x43, 0x34);
	outb(0x40, (uint8_t)divisor);
	outb(0x40, (uint8_t)(divisor >> 8));
}

void Hw::set_kernel_stack(Address top) { tss._rsp0 = top; }

void Hw::ack_timer() { outb(0x20, 0x20); }

Mword Hw::written;

void Hw::put(char c)
{
	written++;
	while (!(inb(0x3fd) & 0x20))
		;
	outb(0x3f8, (uint8_t)c);
}

void Hw::put(char const *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
}

void print(char const *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	Hw::put(text, n);
}

void print_hex(Mword v)
{
	print("0x");
	for (int s = 60; s >= 0; s -= 4)
		if (v >> s || !s)
			Hw::put("0123456789abcdef"[v >> s & 15]);
}

void panic(char const *why)
{
	print("\nkernel panic: ");
	print(why);
	print("\n");
	for (;;)
		asm volatile ("cli; hlt");
}

// What a compiler puts in the place of functions that only derived classes have.
extern "C" void __cxa_pure_virtual() { panic("pure virtual call"); }
