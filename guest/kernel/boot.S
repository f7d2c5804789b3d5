/* Start: QEMU enters here in 32-bit protected mode (PVH boot protocol) with the
 * address of its start info in ebx. Builds the first page tables, switches to
 * long mode and jumps to the upper half. */

	.section .note.Xen, "a", @note
	.align 4
	.long 4, 4, 18                  /* name size, value size, PHYS32_ENTRY */
	.asciz "Xen"
	.long boot_entry

	.section .bss_boot, "aw", @nobits
	.align 4096
	.globl boot_pml4
boot_pml4: .skip 4096
boot_pdpt_low: .skip 4096
boot_pdpt_high: .skip 4096
boot_pdpt_ram: .skip 4096
boot_pd: .skip 4096                     /* 1 GiB of RAM in 2-MiB pages */
boot_pd_kernel: .skip 4096              /* the kernel's 2 MiB at their link address */
boot_stack: .skip 4096
boot_stack_top:

	.section .boot, "awx", @progbits
	.code32
	.globl boot_entry
boot_entry:
	cli
	movl $boot_stack_top, %esp
	movl %ebx, %edi                 /* start info */

	/* RAM: at 0 (until the jump) and at Mem_layout::Physmem */
	movl $boot_pd, %esi
	xorl %ecx, %ecx
1:	movl %ecx, %eax
	shll $21, %eax
	orl  $0x83, %eax
	movl %eax, (%esi, %ecx, 8)
	incl %ecx
	cmpl $512, %ecx
	jb   1b

	movl $boot_pd + 3, boot_pdpt_low
	movl $boot_pd + 3, boot_pdpt_ram
	/* 0xfffffffff0000000: PML4 511, PDPT 511, PD 384 -> physical 0x400000 */
	movl $0x400083, boot_pd_kernel + 384 * 8
	movl $boot_pd_kernel + 3, boot_pdpt_high + 511 * 8
	movl $boot_pdpt_low + 3, boot_pml4
	movl $boot_pdpt_ram + 3, boot_pml4 + 256 * 8
	movl $boot_pdpt_high + 3, boot_pml4 + 511 * 8

	movl %cr4, %eax
	orl  $0x20, %eax                /* PAE */
	movl %eax, %cr4
	movl $boot_pml4, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx          /* EFER: long mode */
	rdmsr
	orl  $0x100, %eax
	wrmsr
	movl %cr0, %eax
	orl  $0x80010001, %eax          /* paging, write protect */
	movl %eax, %cr0
	lgdt boot_gdt_ptr
	ljmp $8, $2f

	.code64
2:	movl %edi, %edi
	movabsq $kernel_start, %rax
	jmp *%rax                       /* edi: start info */

	.align 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff
	.quad 0x00cf92000000ffff
boot_gdt_ptr:
	.word . - boot_gdt - 1
	.long boot_gdt
