package gdbremote

import "context"

// Action is how a Handler is asked to let its guest run.
type Action int

// The actions.
const (
	ActionContinue  Action = iota
	ActionStep             // of the thread, and nothing else goes on
	ActionStepAmong        // of the thread, while all others go on
	ActionReverseContinue
	ActionReverseStep
)

// Handler is what a Server shows to clients. Calls come one at a time.
// Errors go to the client as E14 for memory and E01 for everything else.
type Handler interface {
	// Threads lists the virtual CPUs; there is at least one.
	Threads() []ThreadID
	// LastStop is the answer to why the guest is stopped.
	LastStop() Stop
	// TargetFile is a document of the target description ("target.xml" is the
	// first), false if there is none of that name.
	TargetFile(name string) ([]byte, bool)
	// ReadRegisters gives the g packet's bytes of a virtual CPU, and says which of them are
	// known, byte for byte; all are where it says nothing.
	ReadRegisters(id ThreadID) (values []byte, known []bool, err error)
	// ReadMemory fills buf, or fails if it cannot fill all of it. The virtual
	// CPU's page tables count for Virtual addresses.
	ReadMemory(id ThreadID, mode AddressMode, addr uint64, buf []byte) error
	// Resume lets the guest run until it stops. ctx ends when the client
	// interrupts or leaves; the stop is due soon then. ErrUnsupported refuses.
	Resume(ctx context.Context, action Action, id ThreadID) (Stop, error)
}

// What a Handler may be able to do besides.
type (
	// MemoryWriter takes M packets.
	MemoryWriter interface {
		WriteMemory(id ThreadID, mode AddressMode, addr uint64, data []byte) error
	}
	// RegisterWriter takes P packets; number is the target description's.
	RegisterWriter interface {
		WriteRegister(id ThreadID, number int, value []byte) error
	}
	// Breakpointer takes Z and z packets. ErrUnsupported refuses the kind,
	// ErrNotInserted becomes E22.
	Breakpointer interface {
		SetBreakpoint(b Breakpoint, insert bool) error
	}
	// Monitorer takes qRcmd packets.
	Monitorer interface {
		Monitor(command string) (string, error)
	}
	// Reverser can go backwards; Resume is called with the reverse actions only
	// if Reverse returns true.
	Reverser interface {
		Reverse() bool
	}
	// PhysicalReader says that ReadMemory knows Physical addresses.
	PhysicalReader interface {
		HasPhysical() bool
	}
	// RegisterFinder says which bytes of ReadRegisters' answer are the register of a number
	// of the target description (p packets), false if none has it.
	RegisterFinder interface {
		FindRegister(number int) (from, to int, ok bool)
	}
	// ProcessBreakpointer takes Z and z packets in place of a Breakpointer: a breakpoint
	// belongs to the process of a thread.
	ProcessBreakpointer interface {
		SetBreakpointIn(id ThreadID, b Breakpoint, insert bool) error
	}
	// ThreadDescriber has names of threads and what else is worth telling, in one
	// answer (qXfer:threads).
	ThreadDescriber interface {
		DescribeThreads() []ThreadDescription
		// DescribeThread tells of one, which every stop asks for; nothing where there is none.
		DescribeThread(id ThreadID) ThreadDescription
	}
	// Executer knows the files of processes' programs (qXfer:exec-file), "" if not. They
	// are where they are linked to be (qOffsets).
	Executer interface {
		ExecFile(pid int64) string
	}
	// Librarian knows the libraries in a process and where they begin (qXfer:libraries).
	Librarian interface {
		Libraries(pid int64) []Library
	}
	// Greeter is told that a client comes: breakpoints of the one before are gone.
	Greeter interface{ Greet() }
	// ThreadNamer takes qThreadExtraInfo packets.
	ThreadNamer interface {
		ThreadExtra(id ThreadID) string
	}
)

// Library is a library in a process.
type Library struct {
	File  string
	Addr  uint64 // of its first segment
	Moved uint64 // by so much from where it is linked to be
}

// ThreadDescription is a thread as a ThreadDescriber tells of it.
type ThreadDescription struct {
	ID    ThreadID
	Name  string
	Extra string // state, say
	Core  int    // processor that it is on, -1 if on none
}
