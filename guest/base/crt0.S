/* Start of a program: its first thread comes here with a stack, and with an
 * argument in rdi. Core comes without one and uses the one below. */
	.section .text.start, "ax", @progbits
	.globl _start
_start:
	testq %rsp, %rsp
	jnz 1f
	leaq start_stack_top(%rip), %rsp
1:	andq $-16, %rsp
	xorl %ebp, %ebp
	call start
	ud2

/* void call_on_stack(addr_t top, void (*fn)(addr_t), addr_t arg) */
	.text
	.globl call_on_stack
call_on_stack:
	movq %rdi, %rsp
	xorl %ebp, %ebp
	movq %rdx, %rdi
	call *%rsi
	ud2

	.bss
	.align 16
	.skip 8192
start_stack_top:
