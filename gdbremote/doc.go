// Package gdbremote speaks the GDB remote serial protocol: a client for stubs
// such as QEMU's, and a small server that tests and recordings answer with.
//
// It knows packets, registers by the names the stub's target description
// gives them, memory by address, breakpoints by address, and virtual CPUs
// (the protocol calls them threads). It must not know guest operating
// systems, debug information, symbols, or what a value in memory means.
//
// How stubs differ, and what this package does about it:
//
//   - QEMU stops its guest when a client connects, and says so with a stop
//     packet nobody asked for. Stop packets that arrive where an answer was
//     expected are recorded (Client.LastStop) and skipped.
//   - QEMU stops its guest on any byte it receives while the guest runs, so
//     nothing is sent while Client.Running is true except Interrupt's 0x03.
//     Every other call returns ErrNotStopped.
//   - QEMU serves one client; a second one connects and hears nothing. Even if
//     it gives up, QEMU notices it after the first has left, and stops the guest.
//   - QEMU before 8 ends when "bs" or "bc" reaches it outside replay, so
//     reverse execution is refused here unless qSupported has offered it.
//   - Answers come in the order of requests, which is what allows many
//     requests to be in flight at once (Options.Window). An exchange that ends
//     half-way leaves that order unknown, so the connection is then marked
//     broken with its cause, and every later call returns that cause.
//
// Everything a stub sends is treated as hostile: packets, documents, lists and
// texts have upper bounds, and what exceeds them is an error.
package gdbremote
