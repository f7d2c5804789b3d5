package live

import (
	"os/exec"
	"testing"
	"time"

	"thaw/testwait"
)

// A process that has ended is told as such before anybody has asked for its result.
func TestAlive(t *testing.T) {
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &Running{pid: cmd.Process.Pid}
	if err := r.Alive(); err != nil {
		t.Error(err)
	}
	in.Close()
	testwait.Until(t, 30*time.Second, "it to be seen that the process has ended", func() bool { return r.Alive() != nil })
	cmd.Wait()
	if r.Alive() == nil {
		t.Error("a process that is gone is alive")
	}
}
