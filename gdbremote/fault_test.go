package gdbremote

import (
	"context"
	"errors"
	"net"
	"testing"

	"thaw/fault"
	"thaw/testwait"
)

// faulty is a machine with a fault of ours.
type faulty struct{ tireless }

func (faulty) ReadRegisters(ThreadID) ([]byte, []bool, error) { panic("registers") }

func (faulty) Resume(context.Context, Action, ThreadID) (Stop, error) { panic("run") }

// A fault of the handler's ends the server, not the program, which has a guest to put back.
func TestHandlerFault(t *testing.T) {
	for _, packet := range []string{"g", "c"} {
		ready, ended := make(chan string, 1), make(chan error, 1)
		go func() {
			ended <- (&Server{Handler: faulty{tireless{newMachine()}}}).ListenAndServe(t.Context(), ":0", func(a string) { ready <- a })
		}()
		conn, err := net.Dial("tcp", testwait.For(t, ready, "the server's address"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write(appendPacket(nil, []byte(packet))); err != nil {
			t.Fatal(err)
		}
		var ours *fault.Fault
		if err := testwait.For(t, ended, "the server to end"); !errors.As(err, &ours) {
			t.Errorf("%s: %v", packet, err)
		}
	}
}
