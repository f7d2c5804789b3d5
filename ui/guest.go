package ui

import (
	"fmt"
	"strconv"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// guest is what keys do to the guest itself. Whatever changes it is asked first.
type guest struct {
	*desk
	threads *threadsPane
	caps    *capsPane
}

// force puts the requested state into the selected thread.
func (g *guest) force() {
	v := g.threads.verdict()
	g.line.confirm(fmt.Sprintf("put ip %x, sp %x into %s %s, in the running guest?", v.Requested.IP, v.Requested.SP, clean(v.Name), v.Thread), "put in", "leave all as it is",
		func() { g.threads.hold(); g.ctrl.(Forcer).Force(v.Thread) })
}

func (g *guest) unforce() { g.threads.hold(); g.ctrl.(Forcer).Unforce(g.threads.object()) }

// diverge tries out where the selected thread and its original part. It is asked
// first, though all is put back.
func (g *guest) diverge() {
	v := g.threads.verdict()
	g.line.confirm(fmt.Sprintf("execute %s %s and its original up to their next system call, and put all back?", clean(v.Name), v.Thread), "execute", "leave all as it is",
		func() { g.threads.hold(); g.ctrl.(Diverger).Diverge(v.Thread) })
}

// restart puts the guest back to the shown stop. What it did since is gone, unless
// its run was recorded.
func (g *guest) restart() {
	n := g.view.Snapshot.Number
	restart := func() { g.ctrl.(Traveller).Restart(n) }
	if g.view.Back == view.BackReverse {
		restart()
		return
	}
	g.line.confirm(fmt.Sprintf("put the guest back to stop %d? what it did since is gone; the stops stay", n), "put back", "leave it where it is", restart)
}

func (g *guest) reverseStep()     { g.ctrl.(Traveller).ReverseStep() }
func (g *guest) reverseContinue() { g.ctrl.(Traveller).ReverseContinue() }

// lastWrite goes back to the last write of what is selected: a capability's slot where
// keys go there, else the selected thread's saved state.
func (g *guest) lastWrite() {
	if w, ok := g.caps.word(); ok && g.caps.list.focus {
		g.ctrl.(Traveller).LastWriteOf(w, 1)
		return
	}
	g.threads.hold()
	g.ctrl.(Traveller).LastWriteOf(view.Word{Thread: g.threads.object()}, 1)
}

// wrote takes "ADDR [TASK]", "slot N [TASK]" or "register NAME", and looks for who wrote
// that, and where it came from, up to so many steps.
func (g *guest) wrote(arg string, steps int) {
	w, err := g.wordIn(arg)
	if err != nil {
		g.note = err.Error()
		return
	}
	g.ctrl.(Traveller).LastWriteOf(w, steps)
}

// watchOrigin takes the same, and has the guest stop at whatever writes that from now on.
func (g *guest) watchOrigin(arg string) {
	w, err := g.wordIn(arg)
	if err != nil {
		g.note = err.Error()
		return
	}
	g.ctrl.(Breaker).WatchOrigin(w)
}

// wordIn reads a piece of memory.
func (g *guest) wordIn(arg string) (w view.Word, err error) {
	words := strings.Fields(arg)
	if len(words) == 2 && words[0] == "register" {
		return view.Word{Thread: g.threads.object(), Register: words[1]}, nil
	}
	w.Task = g.threads.task()
	if len(words) > 1 && words[0] == "slot" {
		w.Table, words = true, words[1:]
	}
	if len(words) == 0 || len(words) > 2 {
		return w, fmt.Errorf("%q is no ADDR [TASK], slot N [TASK] or register NAME", clean(arg))
	}
	numbers := make([]uint64, len(words))
	for i, text := range words {
		if numbers[i], err = strconv.ParseUint(strings.TrimPrefix(text, "0x"), 16, 64); err != nil {
			return w, fmt.Errorf("%q is no hex number, as 401ff9a0", clean(text))
		}
	}
	if len(numbers) == 2 {
		w.Task = kernel.ID(numbers[1])
	}
	if w.Table {
		w.Slot = numbers[0]
	} else {
		w.Addr = numbers[0]
	}
	return w, nil
}

// wroteWords begin what may be asked about.
func (g *guest) wroteWords() []string { return []string{"register ", "slot "} }

func (g *guest) record(file string) { g.ctrl.(Recorder).Record(file) }

func (g *guest) reconnect() { g.ctrl.(Reconnecter).Reconnect() }

// needWritten: the guest goes backwards, and the selected thread has a saved
// state.
func (g *guest) needWritten() string {
	if why := g.needReverse(); why != "" {
		return why
	}
	if _, ok := g.caps.word(); ok && g.caps.list.focus {
		return ""
	}
	switch r := g.threads.selected(); {
	case r == nil || r.obj == nil || r.obj.Thread == nil:
		return "select a thread first"
	case r.obj.Thread.Usual().IPAddr == 0:
		return "this thread has no saved state: it never runs in user mode"
	}
	return ""
}

// needForce: the selected thread was requested, and its state did not come
// through.
func (g *guest) needForce() string {
	if _, ok := g.ctrl.(Forcer); !ok || g.recorded() != "" {
		return "a recording cannot be changed"
	}
	if why := g.needChangeable(); why != "" {
		return why
	}
	switch v := g.threads.verdict(); {
	case v == nil:
		return "select a thread of the restored child"
	case !v.Requested.Known:
		return "no state was requested for this thread"
	case v.Verdict == view.Applied:
		return "the requested state came through"
	}
	return ""
}

// needForced: a state was forced into the selected thread.
func (g *guest) needForced() string {
	if why := g.needFree(); why != "" {
		return why
	}
	if v := g.threads.verdict(); v != nil {
		for _, h := range v.History {
			if h.What == "forced" {
				return ""
			}
		}
	}
	return "nothing was forced into this thread"
}

// needDiverge: the selected thread has just come back to user mode.
func (g *guest) needDiverge() string {
	if _, ok := g.ctrl.(Diverger); !ok || g.recorded() != "" {
		return "a recording cannot be executed: record with --divergence"
	}
	if why := g.needChangeable(); why != "" {
		return why
	}
	switch v := g.threads.verdict(); {
	case v == nil || !v.Requested.Known:
		return "select a thread of the restored child"
	case g.view.Snapshot == nil || g.view.Snapshot.Thread != v.Thread:
		return "go to the stop where this thread returns to user mode"
	}
	return ""
}
