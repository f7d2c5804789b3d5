package live_test

import (
	"bufio"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/session/live"
	"thaw/session/view"
	"thaw/session/watch"
)

// A guest that runs is looked at without having stopped once, by the word of QEMU, and
// shows what it shows at a stop afterwards.
func TestLookWhileItRuns(t *testing.T) {
	t.Run("RAM of QEMU's own", func(t *testing.T) { lookWhileItRuns(t) })
	t.Run("RAM in a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "ram")
		lookWhileItRuns(t, "-object", "memory-backend-file,id=ram,size=64M,share=on,mem-path="+file, "-machine", "memory-backend=ram")
	})
}

func lookWhileItRuns(t *testing.T, options ...string) {
	ctx := deadline(t)
	port, qmp := freePort(t), filepath.Join(t.TempDir(), "qmp")
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	pid := startPlain(t, "tcp:"+addr, append(options, "-qmp", "unix:"+qmp+",server=on,wait=off")...)
	c, _ := onLab(ctx, t)
	var g *watch.Guest
	var qemu net.Conn
	for g == nil {
		found, err := live.FindRunning(addr, "", elf.EM_X86_64)
		if err != nil && !strings.Contains(err.Error(), "listens there") && !strings.Contains(err.Error(), "no memory") || ctx.Err() != nil {
			t.Fatal(err)
		}
		if qemu == nil {
			qemu, _ = net.Dial("unix", qmp)
		}
		for i := range found {
			g, err = watch.Open(ctx, &found[i], watch.Kernel{File: c.Files["kernel"], Decoder: c.Decoder, Paging: c.Paging})
			if err == nil {
				if want := fmt.Sprintf("process %d", pid); !strings.Contains(found[i].Name, want) {
					t.Errorf("it is read from %s, and QEMU is %s", found[i].Name, want)
				}
				break
			}
			if !errors.Is(err, watch.ErrNotFound) {
				t.Fatal(err)
			}
		}
	}
	var look *view.Look
	for look == nil || look.Torn > 0 || len(look.PDs) < 4 || len(look.Threads) < 8 {
		now, err := g.Look(ctx)
		if err != nil && (ctx.Err() != nil || !errors.Is(err, watch.ErrNotFound)) {
			t.Fatalf("after %+v: %v", look, err)
		}
		look = now
	}
	if len(look.Problems) > 0 {
		t.Errorf("problems: %q", look.Problems)
	}
	if status, events := askQMP(t, qemu); status != "running" || slices.Contains(events, "STOP") {
		t.Errorf("the guest is %s; events: %q", status, events)
	}

	_, snap := snapshotAt(ctx, t, addr)
	for _, p := range look.PDs {
		if o := snap.System.Object(p.ID); o == nil || o.PD == nil {
			t.Errorf("protection domain %s was seen while it ran, and is not there at a stop", p.ID)
		}
	}
	for _, th := range look.Threads {
		o := snap.System.Object(th.ID)
		// The guest still boots: one that was just made may have had no name, only its class.
		if o == nil || o.Thread == nil || o.Title() != th.Name && o.Class != th.Name {
			t.Errorf("thread %s %s was seen while it ran, and is not there at a stop", th.ID, th.Name)
		}
	}
	if running := look.Running(); len(running) != 1 || running[0].CPU != 0 || running[0].State == "" {
		t.Errorf("one thread runs, on the only processor: %+v", running)
	}
}

// askQMP asks QEMU how it is, and what events there were since the connection was made.
func askQMP(t *testing.T, conn net.Conn) (status string, events []string) {
	t.Helper()
	if conn == nil {
		t.Fatal("QEMU's own socket was not there")
	}
	defer conn.Close()
	fmt.Fprintln(conn, `{"execute":"qmp_capabilities"}{"execute":"query-status"}`)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		var m struct {
			Event  string
			Return struct{ Status string }
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Event != "" {
			events = append(events, m.Event)
		}
		if m.Return.Status != "" {
			return m.Return.Status, events
		}
	}
	t.Fatal("QEMU does not tell")
	return "", nil
}

// snapshotAt attaches to a guest and takes a snapshot.
func snapshotAt(ctx context.Context, t *testing.T, addr string) (*live.Target, *view.Snapshot) {
	t.Helper()
	c, _ := onLab(ctx, t)
	e, target := begin(ctx, t, c, addr, live.Options{})
	t.Cleanup(func() { e.Close(context.Background()) })
	snap, err := e.Snapshot(ctx, "test")
	if err != nil {
		t.Fatal(err)
	}
	return target, snap
}
