/* Ways into the kernel and out of it. Every entry from user mode leaves an
 * Entry_frame (entry_frame.h) at the very end of the thread's block, since the
 * processor starts at the TSS's rsp0. */

	.macro save_all
	pushq %rax
	pushq %rbp
	pushq %rbx
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	.endm

	.text
	.globl kernel_start
kernel_start:
	leaq  initial_stack_top(%rip), %rsp
	call  kernel_main
1:	hlt
	jmp 1b

/* System call: int $0x80 */
	.globl entry_sys_call
entry_sys_call:
	save_all
	movq  %rsp, %rdi
	call  sys_call_wrapper
	.globl return_to_user
return_to_user:
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
	popq %rbx
	popq %rbp
	popq %rax
	iretq

	.globl entry_timer
entry_timer:
	save_all
	call timer_interrupt
	jmp return_to_user

	.globl entry_spurious
entry_spurious:
	iretq

/* An exception that was triggered by ex_regs: the thread returned "to user
 * mode" right here, with its user registers. The frame is laid out anew; the
 * user's ip, flags, sp and ss are in the thread's continuation. */
	.globl leave_by_trigger_exception
leave_by_trigger_exception:
	subq $40, %rsp
	save_all
	movq %rsp, %rdi
	call thread_handle_trigger_exception
	jmp return_to_user

/* Processor exceptions: the error code is taken off the stack, so that all
 * frames look the same. */
	.macro trap number, has_code
entry_trap_\number:
	.if \has_code
	popq  trap_error(%rip)
	.endif
	save_all
	movq  %rsp, %rdi
	movl  $\number, %esi
	call  thread_handle_trap
	jmp   return_to_user
	.endm

	.irp n, 0,1,2,3,4,5,6,7,9,15,16,18,19,20
	trap \n, 0
	.endr
	.irp n, 8,10,11,12,13,14,17,21
	trap \n, 1
	.endr

	.section .rodata
	.align 8
	.globl trap_entries
trap_entries:
	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21
	.quad entry_trap_\n
	.endr

	.bss
	.globl trap_error
trap_error: .skip 8
	.align 16
	.skip 8192
initial_stack_top:

	.text
/* void switch_stacks(Mword **save, Mword *load) */
	.globl switch_stacks
switch_stacks:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq  %rsp, (%rdi)
	movq  %rsi, %rsp
	popq  %r15
	popq  %r14
	popq  %r13
	popq  %r12
	popq  %rbx
	popq  %rbp
	ret

/* A thread runs for the first time: its entry frame is all there is on its
 * stack. */
	.globl user_invoke
user_invoke:
	jmp return_to_user
