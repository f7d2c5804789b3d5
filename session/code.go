package session

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"thaw/kernel"
	"thaw/readfile"
	"thaw/session/components"
	"thaw/session/view"
)

// How much of the code around a place is shown.
const (
	sourceAround = 6        // lines before and behind
	maxSource    = 16 << 20 // bytes of a source file
)

// askCode shows source lines and instructions where a thread is in user mode, at
// an address of a task, or else where the stopped processor is. Source files are
// looked for where the debug info says that they were.
func (a *asker) askCode(s *view.Snapshot, p *view.Peek) error {
	at, c := s.PC, a.programs.Here(s.System)
	switch q := p.Query; {
	case q.Addr != 0 && q.Task == 0:
		at = c.Place(q.Addr)
	case q.Addr != 0:
		o := s.System.Object(q.Task)
		if o == nil || o.PD == nil {
			return fmt.Errorf("task %s is not there any more", q.Task)
		}
		c = a.programs.At(s.System, o, q.Addr)
		at = c.Place(q.Addr)
	case q.Thread != 0:
		o, task, err := components.UserThread(s, q.Thread)
		if err != nil {
			return err
		}
		at, c = s.Places[o.ID], a.programs.At(s.System, task, o.Thread.IP)
	}
	if c == nil {
		return fmt.Errorf("there is no debug info for the program at %#x", at.Addr)
	}
	p.Title = at.Bare().String()
	p.Text = append(p.Text, sourceLines(at, a.sources)...)
	p.Text = append(p.Text, "")
	p.Text = append(p.Text, c.Instructions(at)...)
	return nil
}

// askStack unwinds the stack of a thread in user mode, by its saved registers.
func (a *asker) askStack(s *view.Snapshot, p *view.Peek) error {
	id := p.Query.Thread
	if id == 0 || id == s.Thread {
		p.Title = "backtrace of the processor"
		p.Frames = withCode(s.Frames, 0)
		return nil
	}
	o, task, err := components.UserThread(s, id)
	if err != nil {
		return err
	}
	p.Title = stackTitle(o)
	frames, err := a.programs.Stack(s, o, task, a.m.FreshView())
	p.Frames = withCode(frames, task.ID)
	return err
}

func stackTitle(thread *kernel.Object) string {
	return fmt.Sprintf("backtrace of %s %s", thread.Title(), thread.ID)
}

// withCode tells where the code of each frame is. A return address may lie
// behind its function.
func withCode(frames []view.Frame, task kernel.ID) []view.PeekFrame {
	out := make([]view.PeekFrame, len(frames))
	for i, f := range frames {
		out[i].Frame = f
		if at := f.Place.Addr; at != 0 {
			if i > 0 && at != frames[0].Place.Addr {
				at--
			}
			out[i].Leads = view.Query{Kind: view.QueryCode, Task: task, Addr: at}
		}
	}
	return out
}

// sourceLines are the lines around a place, the one that is meant marked; or
// why there are none.
func sourceLines(at view.Place, dirs []string) []string {
	if at.File == "" {
		return []string{"no source line is known"}
	}
	f, err := openSource(at.File, dirs)
	if err != nil {
		return []string{fmt.Sprintf("%s:%d (the file is not here; --source names a directory to look in)", at.File, at.Line)}
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() > maxSource {
		return []string{fmt.Sprintf("%s:%d (no source file)", at.File, at.Line)}
	}
	out := []string{fmt.Sprintf("%s:%d", filepath.Base(at.File), at.Line)}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan() && n <= at.Line+sourceAround; n++ {
		if n < at.Line-sourceAround {
			continue
		}
		mark := "  "
		if n == at.Line {
			mark = "▸ "
		}
		out = append(out, fmt.Sprintf("%s%5d  %s", mark, n, strings.ReplaceAll(lines.Text(), "\t", "    ")))
	}
	return out
}

// openSource opens a source file where it was when the program was built, or else
// in one of the directories: under its whole name, or without leading parts of
// that.
func openSource(name string, dirs []string) (*os.File, error) {
	f, first := readfile.Open(name)
	if first == nil {
		return f, nil
	}
	for _, dir := range dirs {
		for rest := strings.TrimLeft(filepath.ToSlash(name), "/"); rest != ""; _, rest, _ = strings.Cut(rest, "/") {
			if !filepath.IsLocal(rest) {
				continue
			}
			if f, err := readfile.Open(filepath.Join(dir, rest)); err == nil {
				return f, nil
			}
		}
	}
	return nil, first
}
