package gdbremote

import (
	"io"
	"time"
)

// Options changes how a client talks. The zero value is ready to use.
type Options struct {
	// Timeout is the longest one call may take unless its context ends
	// sooner; 5 s if zero. Wait has no limit but its context's.
	Timeout time.Duration
	// WireLog, if set, gets one line per packet sent and received.
	WireLog io.Writer
	// AllowRemote permits hosts other than this one. A stub has no
	// authentication and can read and write all of the guest.
	AllowRemote bool
	// Window is how many requests may be in flight at once; 400 if zero,
	// 1 for stubs that cannot take requests ahead of their answers.
	Window int
	// Warn, if set, gets sentences the user should see.
	Warn func(string)
}

const (
	defaultTimeout = 5 * time.Second
	defaultWindow  = 400
	maxWindow      = 1000
)

// Client is a connection to one stub. Its methods may be called from several
// goroutines; exchanges are done one after the other. Interrupt, Running,
// LastStop and Close never wait for an exchange.
//
// Each part stands on the one before: a link carries packets, an exchange requests and
// their answers, registerFile knows the registers, a runner lets the guest go.
type Client struct {
	runner
	agreed    bool // qSupported was answered, so features counts
	abandoned bool // a debugger before left physical mode on
}
