// Package qemu starts QEMU with its gdbstub, and owns it until its end.
//
// It knows command lines, processes, sockets and files of the machine it runs
// on. It must not know the GDB protocol, guests, or what their output means.
//
// QEMU never outlives its owner: it is told to die with the thread that started
// it, which is kept for this purpose, so that even a SIGKILL of the owner ends
// QEMU. What such an end leaves in the file system is removed by the next Start.
package qemu
