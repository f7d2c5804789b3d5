/* Ways into the kernel. Each pushes a Genode::Cpu_state (genode.h) onto the processor's
 * own stack, where the first entry of the TSS's interrupt stacks leads. */

	.text
	.globl kernel_start
kernel_start:
	leaq  kernel_stacks + 0x10000(%rip), %rsp
	call  kernel_main

other_start:
	leaq  kernel_stacks + 0x20000(%rip), %rsp
	movl  $0xfee000f0, %eax         /* its interrupt controller is switched on */
	movabsq $0xffff800000000000, %rdx
	movl  $0x1ff, (%rax, %rdx)
	call  kernel_main_other

	.balign 16
entries:
	.set n, 0
	.rept 256
	.balign 16
	.ifeq (n - 8) * (n - 10) * (n - 11) * (n - 12) * (n - 13) * (n - 14) * (n - 17) * (n - 21)
	.else
	pushq $0                        /* in place of an error code */
	.endif
	pushq $n
	jmp   enter
	.set n, n + 1
	.endr

enter:
	.cfi_startproc
	.cfi_undefined %rip             /* nothing is found beyond by unwinding */
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %rdx
	pushq %rcx
	pushq %rbx
	pushq %rax
	pushq %r15
	pushq %r14
	pushq %r13
	pushq %r12
	pushq %r11
	pushq %r10
	pushq %r9
	pushq %r8
	movq  %rsp, %rdi
	xorl  %ebp, %ebp
	call  _ZN6Kernel24main_handle_kernel_entryEPN6Genode9Cpu_stateE
	ud2
	.cfi_endproc

	.section .rodata
	.balign 8
	.globl trap_entries
trap_entries:
	.set n, 0
	.rept 256
	.quad entries + 16 * n
	.set n, n + 1
	.endr

/* The second processor comes here in real mode, with the code copied to 0x8000: to long
 * mode with the page tables of the start, in one step. */
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	xorw  %ax, %ax
	movw  %ax, %ds
	movl  %cr4, %eax
	orl   $0x20, %eax               /* PAE */
	movl  %eax, %cr4
	movl  $boot_pml4, %eax
	movl  %eax, %cr3
	movl  $0xc0000080, %ecx         /* EFER: long mode */
	rdmsr
	orl   $0x100, %eax
	wrmsr
	lgdtl 0x8000 + gdt_pointer - trampoline
	movl  %cr0, %eax
	orl   $0x80010001, %eax         /* paging, write protect, protection */
	movl  %eax, %cr0
	ljmpl $8, $0x8000 + long_mode - trampoline
	.code64
long_mode:
	movabsq $other_start, %rax
	jmp   *%rax
	.balign 8
gdt:
	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long 0x8000 + gdt - trampoline
trampoline_end:

/* The user programs, stripped. */
	.macro rom name
	.balign 4096
	.globl rom_\name
rom_\name:
	.incbin "\name\().rom"
	.endm

	.section .roms, "a", @progbits
	rom rtcr
	rom sheep_counter
