package qemu

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Mode says what a VM does with its Run.
type Mode string

// The modes.
const (
	// Snapshots runs the guest as ever; VM snapshots can be kept in the image.
	Snapshots Mode = ""
	// Record keeps all that comes to the guest from outside, by the number of
	// instructions that were executed before. There is no serial output.
	Record Mode = "record"
	// Replay runs the guest by that record: the same instructions again. It needs
	// the same configuration.
	Replay Mode = "replay"
)

// Run is a place for a run of a guest: a record that QEMU makes once and
// replays as often as wanted, and an image that VM snapshots are kept in, all in
// a private directory.
type Run struct{ dir *privateDir }

// imageSize is the size that the image pretends to have. Nothing is written to
// it but VM snapshots, which may be larger.
const imageSize = "1M"

// imageTimeout limits qemu-img.
const imageTimeout = 30 * time.Second

// NewRun makes a place for a run. Remove it when its last VM has ended.
func NewRun(ctx context.Context) (*Run, error) {
	sweepOnce()
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		return nil, fmt.Errorf("qemu-img not found, which makes the image for VM snapshots: apt-get install qemu-utils (%w: %w)", ErrNotFound, err)
	}
	dir, err := newPrivateDir(socketRoot())
	if err != nil {
		return nil, err
	}
	r := &Run{dir}
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	create := exec.CommandContext(ctx, program, "create", "-q", "-f", "qcow2", r.image(), imageSize)
	create.WaitDelay = time.Second
	if out, err := create.CombinedOutput(); err != nil {
		r.Remove()
		return nil, fmt.Errorf("making an image for VM snapshots: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return r, nil
}

// Remove removes the record and the image.
func (r *Run) Remove() { r.dir.remove() }

func (r *Run) image() string { return r.dir.file("snapshots.qcow2") }
