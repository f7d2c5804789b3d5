package qemu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// maxQMPLine bounds one message of QEMU.
const maxQMPLine = 16 << 20

// qmp is a connection to QEMU's monitor. Answers come in the order of
// commands; events are dropped.
type qmp struct {
	file    *os.File
	answers chan qmpMessage

	turn   chan struct{} // held by the one command under way
	nextID uint64
}

// qmpMessage is anything QEMU sends.
type qmpMessage struct {
	Greeting json.RawMessage `json:"QMP"`
	Return   json.RawMessage `json:"return"`
	Error    *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	Event string `json:"event"`
	ID    uint64 `json:"id"`
}

func newQMP(f *os.File) *qmp {
	return &qmp{file: f, answers: make(chan qmpMessage, 16), turn: make(chan struct{}, 1)}
}

func (q *qmp) close() { q.file.Close() }

// read takes messages until QEMU closes, so that QEMU never blocks on us.
func (q *qmp) read() {
	defer close(q.answers)
	sc := bufio.NewScanner(q.file)
	sc.Buffer(nil, maxQMPLine)
	for sc.Scan() {
		var m qmpMessage
		if json.Unmarshal(sc.Bytes(), &m) != nil || m.Event != "" {
			continue
		}
		select {
		case q.answers <- m:
		default: // nobody waits for that many
		}
	}
}

// errQMPClosed says that QEMU has closed the connection, by ending.
var errQMPClosed = errors.New("QEMU closed its monitor connection")

// next is the next answer.
func (q *qmp) next(ctx context.Context) (qmpMessage, error) {
	select {
	case m, ok := <-q.answers:
		if !ok {
			return m, errQMPClosed
		}
		return m, nil
	case <-ctx.Done():
		return qmpMessage{}, ctx.Err()
	}
}

// negotiate takes the greeting and leaves negotiation mode.
func (q *qmp) negotiate(ctx context.Context) error {
	m, err := q.next(ctx)
	if err != nil {
		return err
	}
	if m.Greeting == nil {
		return errors.New("QEMU's monitor does not greet")
	}
	_, err = q.command(ctx, "qmp_capabilities", nil)
	return err
}

// command runs a command. An answer that comes after ctx has ended is skipped
// by the next one.
func (q *qmp) command(ctx context.Context, name string, args any) (json.RawMessage, error) {
	select {
	case q.turn <- struct{}{}:
		defer func() { <-q.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("QMP command %s: %w", name, ctx.Err())
	}
	q.nextID++
	line, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        uint64 `json:"id"`
	}{name, args, q.nextID})
	if err != nil {
		return nil, fmt.Errorf("QMP command %s: %w", name, err)
	}
	q.file.SetWriteDeadline(time.Now().Add(killGrace))
	if _, err := q.file.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("QMP command %s: %w", name, err)
	}
	for {
		m, err := q.next(ctx)
		switch {
		case err != nil:
			return nil, fmt.Errorf("QMP command %s: %w", name, err)
		case m.ID != q.nextID:
			continue
		case m.Error != nil:
			return nil, fmt.Errorf("QMP command %s: %s", name, m.Error.Desc)
		}
		return m.Return, nil
	}
}
