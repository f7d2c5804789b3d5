package jdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"thaw/kernel"
	"thaw/testwait"
)

const shownPrompt = "\x1b[1;99r\x1b[99;1H\x1b[32mjdb: \x1b[m\x1b[K"

// fake plays JDB: it answers keys with recordings. Object lists get a second
// page, on which paging skips a row as 2016's JDB does.
type fake struct {
	t     *testing.T
	conn  net.Conn
	files map[string][]byte
	mode  string // "run", "prompt", "lp", "Q", "s", "space"
	typed string
	row   int // of the cursor in "s"
	page  int
	top   int // first row shown of Q's list
	log   int // bytes that the running guest writes at the first ESC
	left  chan struct{}
}

func startFake(t *testing.T, system, mode string) (*Conn, *fake) {
	t.Helper()
	a, b := net.Pipe()
	f := &fake{t: t, conn: b, mode: mode, files: map[string][]byte{}, left: make(chan struct{})}
	for _, k := range []string{"threads", "objects", "tasks", "space", "view"} {
		f.files[k] = recorded(t, system+"-"+k)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64)
		for {
			n, err := b.Read(buf)
			if err != nil {
				return
			}
			for _, k := range buf[:n] {
				if out := f.press(k); out != "" {
					if _, err := b.Write([]byte(out)); err != nil {
						return
					}
				}
			}
		}
	}()
	t.Cleanup(func() { a.Close(); b.Close(); testwait.For(t, done, "the debugger to end") })
	return New(a), f
}

func (f *fake) press(k byte) string {
	switch f.mode {
	case "run":
		if k != 0x1b {
			return ""
		}
		f.mode = "prompt"
		return strings.Repeat("[init -> child] log\r\n", f.log/21) + shownPrompt
	case "prompt":
		return f.command(k)
	}
	if k == 0x1b {
		if f.mode == "space" { // 2016: back to the task list
			f.mode = "s"
			return string(f.files["tasks"])
		}
		f.mode, f.typed = "prompt", ""
		return "\x1b[99;6H\x1b[K" + shownPrompt
	}
	switch f.mode + string(k) {
	case "sj":
		f.row++
		return fmt.Sprintf("\x1b[%d;1H", f.row+2)
	case "so":
		f.mode, f.page = "space", 0
		return string(f.files["space"])
	case "spaceJ":
		f.page++
		return f.emptyPage()
	case "QJ":
		if f.top > 0 {
			return "\x1b[97;1H"
		}
		f.top = 97
		return f.objectPage()
	case "Qk":
		f.top--
		return f.objectPage()
	}
	return "\x1b[31;6H" // nothing changes
}

func (f *fake) command(k byte) string {
	if k == 0x1b && f.typed == "" {
		return ""
	}
	f.typed += string(k)
	switch {
	case f.typed == "lp":
		f.mode = "lp"
		return string(f.files["threads"])
	case f.typed == "Q":
		f.mode, f.top = "Q", 0
		return string(f.files["objects"])
	case f.typed == "s":
		f.mode, f.row = "s", 0
		return string(f.files["tasks"])
	case f.typed == "g":
		f.mode = "run"
		close(f.left)
		return "\x1b[Kg"
	case f.typed == "Ji":
		f.typed = ""
		return "i\r\nScreen dimensions: 80x25 Cols: 4\r\n" + shownPrompt
	case strings.HasPrefix(f.typed, "t") && k == 0x1b:
		f.typed = ""
		return string(f.files["view"])
	case k == '\r' && !strings.HasPrefix(f.typed, "t"):
		f.typed = ""
		return shownPrompt
	}
	return ""
}

func (f *fake) emptyPage() string {
	var b strings.Builder
	b.WriteString("\x1b[1;1H")
	for r := range 98 {
		fmt.Fprintf(&b, "%06x :       --               --               --               --       \x1b[K\r\n", f.page*392+4*r)
	}
	b.WriteString("\x1b[99;1H\x1b[32mobjs: \x1b[m0: -- INVALID --\x1b[1;18H")
	return b.String()
}

// objectPage shows rows from f.top of a list of 100: the first 96 are the
// recording's.
func (f *fake) objectPage() string {
	var b strings.Builder
	b.WriteString("\x1b[2;1H")
	for i := f.top; i < 100; i++ {
		fmt.Fprintf(&b, "%8x fffffffff0000000 [Vlog   ]\x1b[K\r\n", 0x1000+i)
	}
	b.WriteString(strings.Repeat("\x1b[K\r\n", 96-(100-f.top)))
	b.WriteString("\x1b[99;1H\x1b[32mObjs: \x1b[m[ALL]\x1b[2;1H")
	return b.String()
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestSession(t *testing.T) {
	ctx := limited(t)
	c, f := startFake(t, "2016", "run")
	if err := c.Enter(ctx); err != nil {
		t.Fatal(err)
	}
	if c.width != "80" || c.height != "25" {
		t.Errorf("JDB's screen was %sx%s, want 80x25", c.width, c.height)
	}
	threads, err := c.Threads(ctx)
	if err != nil || len(threads) != 38 {
		t.Errorf("%d threads, %v; want 38", len(threads), err)
	}
	objects, err := c.Objects(ctx)
	ids := map[kernel.ID]bool{}
	for _, o := range objects {
		ids[o.ID] = true
	}
	// 96 on the first page, 0x1060 (the row that paging skips) to 0x1063 behind.
	if err != nil || len(objects) != 100 || !ids[0x1060] || !ids[0x1063] {
		t.Errorf("%d objects, %v; want 100, the one between the pages among them (%v)", len(objects), err, ids[0x1060])
	}
	tasks, err := c.Tasks(ctx)
	if err != nil || len(tasks) != 8 {
		t.Errorf("%d tasks, %v; want 8", len(tasks), err)
	}
	caps, err := c.Caps(ctx, tasks[3].ID, 391+10)
	if err != nil || len(caps) != 17 || f.row != 3 || f.page != 1 {
		t.Errorf("%d capabilities, %v, at row %d, page %d; want 17 at row 3, page 1", len(caps), err, f.row, f.page)
	}
	if _, err := c.Caps(ctx, 0xbad, 0); err == nil {
		t.Error("the object space of a task that is not listed is no error")
	}
	d, err := c.Detail(ctx, 0x5b)
	if err != nil || d.IP != 0x1027e4a {
		t.Errorf("ip %x, %v; want 1027e4a", d.IP, err)
	}
	if _, err := c.Detail(ctx, 0xa); err == nil {
		t.Error("the view of another thread than asked for is no error")
	}
	if err := c.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	testwait.For(t, f.left, "the debugger to be left")
	if err := c.Leave(ctx); err != nil {
		t.Errorf("leaving twice: %v", err)
	}
}

// The guest logs more than the driver keeps, then comes JDB.
func TestEnterAfterLog(t *testing.T) {
	ctx := limited(t)
	c, f := startFake(t, "2016", "run")
	f.log = 3 * maxOutput
	if err := c.Enter(ctx); err != nil {
		t.Fatal(err)
	}
}

// A guest that is in JDB already does not answer ESC at the prompt.
func TestEnterAgain(t *testing.T) {
	c, _ := startFake(t, "2025", "prompt")
	if err := c.Enter(limited(t)); err != nil {
		t.Fatal(err)
	}
}

// A guest that never answers ends with the context, one that floods with an
// error, a closed line with an error.
func TestNoJDB(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	go func() {
		buf := make([]byte, 16)
		for {
			if _, err := b.Read(buf); err != nil {
				return
			}
		}
	}()
	c := New(a)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := c.Enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a silent guest: %v", err)
	}
	go b.Write(bytes.Repeat([]byte("x"), maxOutput+1<<17))
	if err := c.ask(limited(t), "Q", listed); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a flood: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Enter(limited(t)); err == nil {
		t.Error("a closed line: no error")
	}
}
