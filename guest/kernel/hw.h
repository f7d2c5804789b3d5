// The PC: descriptor tables, interrupt controller, timer, serial line.
#pragma once

#include "types.h"

class Hw
{
public:
	enum { Ticks_per_second = 250 };

	static void init();
	static void set_kernel_stack(Address top);
	static void load_dir(Address phys) { asm volatile ("movq %0, %%cr3" : : "r" (phys) : "memory"); }
	static void ack_timer();
	static void put(char c);
	static Mword written;               // characters
	static void put(char const *text, size_t n);
};

void print(char const *text);
void print_hex(Mword v);
