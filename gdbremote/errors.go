package gdbremote

import (
	"errors"
	"fmt"
	"strings"
)

// Causes one can ask for with errors.Is on any error of this package.
var (
	// ErrUnsupported says the stub does not know the request, or did not
	// offer it (nothing was sent then).
	ErrUnsupported = errors.New("not supported by this stub")
	// ErrConnection says the connection is gone or can no longer be trusted.
	// The client is of no more use; dial again.
	ErrConnection = errors.New("connection to the stub is broken")
	// ErrNotStopped says the guest runs, and the request needs it stopped.
	// Nothing was sent. Call Interrupt, and Wait for the stop.
	ErrNotStopped = errors.New("the guest is running; stop it first")
	// ErrNotRunning says there is no stop to wait for.
	ErrNotRunning = errors.New("the guest is not running")
	// ErrTimeout says the stub did not answer in time.
	ErrTimeout = errors.New("no answer in time")
	// ErrProtocol says the stub's answer breaks the protocol or a bound.
	ErrProtocol = errors.New("answer breaks the protocol")
	// ErrMemory says the stub refused to read or write memory at an address.
	ErrMemory = errors.New("memory cannot be accessed")
	// ErrNotInserted says a breakpoint that should be removed is not set.
	ErrNotInserted = errors.New("no such breakpoint is set")
	// ErrNoRegister says the target description has no register of that name.
	ErrNoRegister = errors.New("no such register")
	// ErrClosed says Close, Detach or Kill has ended the client.
	ErrClosed = errors.New("client is closed")
)

// Error is a failed request: what was sent, to whom, and what came back.
type Error struct {
	Op    string // the packet sent, shortened, or what was being done
	To    string // the stub's address as given to Dial
	Reply string // the answer, shortened; empty if none came
	Err   error  // the cause
}

// Error says what was sent where, what came back, and the cause.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stub at %s: %s", e.To, e.Op)
	if e.Reply != "" {
		fmt.Fprintf(&b, " answered %q", e.Reply)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// StubError is an error answer of the stub: "E14", or "E.text" of newer stubs.
type StubError struct {
	Code string // two digits as sent ("14"; QEMU sends errno in decimal), or ""
	Text string // the text of an "E.text" answer, else ""
}

// Error names the code, with its meaning where QEMU's errno use gives one.
func (e *StubError) Error() string {
	if e.Code == "" {
		return "the stub says: " + e.Text
	}
	if m, ok := stubErrorMeaning[e.Code]; ok {
		return "error E" + e.Code + " (" + m + ")"
	}
	return "error E" + e.Code
}

// stubErrorMeaning has what QEMU means by its error codes.
var stubErrorMeaning = map[string]string{
	"14": "bad address",
	"22": "invalid argument",
}

// IsUnsupported reports whether err says that the stub lacks the request.
func IsUnsupported(err error) bool { return errors.Is(err, ErrUnsupported) }

// parseStubError recognises error answers.
func parseStubError(reply []byte) (*StubError, bool) {
	if len(reply) >= 2 && reply[0] == 'E' && reply[1] == '.' {
		return &StubError{Text: shorten(reply[2:], 200)}, true
	}
	if len(reply) == 3 && reply[0] == 'E' && isHex(reply[1]) && isHex(reply[2]) {
		return &StubError{Code: string(reply[1:])}, true
	}
	return nil, false
}

// shorten makes a printable text of at most n bytes of p, for messages.
func shorten(p []byte, n int) string {
	cut := len(p) > n
	if cut {
		p = p[:n]
	}
	b := make([]byte, 0, len(p)+3)
	for _, c := range p {
		if c < 0x20 || c > 0x7e {
			c = '.'
		}
		b = append(b, c)
	}
	if cut {
		b = append(b, "..."...)
	}
	return string(b)
}

// requestError wraps the cause of a failed request.
func (c *link) requestError(op string, reply []byte, err error) error {
	return &Error{Op: op, To: c.addr, Reply: shorten(reply, 80), Err: err}
}

// checkOK turns an answer that should be "OK" into nil or the reason it is not.
func (c *link) checkOK(op string, reply []byte) error {
	if string(reply) == "OK" {
		return nil
	}
	return c.unexpected(op, reply)
}

// unexpected explains an answer that is not of the form the request asks for.
func (c *link) unexpected(op string, reply []byte) error {
	if len(reply) == 0 {
		return c.requestError(op, nil, ErrUnsupported)
	}
	if se, ok := parseStubError(reply); ok {
		return c.requestError(op, reply, se)
	}
	return c.requestError(op, reply, ErrProtocol)
}
