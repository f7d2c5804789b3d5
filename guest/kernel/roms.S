/* The user programs, stripped, as data of the kernel. */
	.macro rom name
	.balign 4096
	.globl rom_\name, rom_\name\()_end
rom_\name:
	.incbin "\name\().rom"
rom_\name\()_end:
	.endm

	.section .roms, "aw", @progbits
	rom core
	rom rtcr
	rom sheep_counter
