package stub

import (
	"fmt"
	"strconv"
	"strings"

	"thaw/gdbremote"
	"thaw/printable"
	"thaw/session"
)

// command is a monitor command.
type command struct {
	name, args, help string
	run              func(s *Stub, args []string) string
}

// commands is the table that monitor commands and their help come from.
var commands []command

func init() { // not in the declaration: help itself looks into the table
	commands = []command{
		{"help", "", "this list", func(*Stub, []string) string { return help() }},
		{"stops", "", "list the recorded stops; > marks the shown one", func(s *Stub, _ []string) string { return s.list() }},
		{"stop", "N", "show stop N", (*Stub).goTo},
		{"verdicts", "", "what became of each thread's restored state, as of the shown stop", func(s *Stub, _ []string) string { return s.verdicts() }},
	}
}

// Monitor runs a monitor command. What is wrong with a command is told in the
// text: gdb shows no more of an error than that there was one.
func (s *Stub) Monitor(line string) (string, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return help(), nil
	}
	for _, c := range commands {
		if c.name == words[0] {
			return c.run(s, words[1:]), nil
		}
	}
	return fmt.Sprintf("There is no command %q.\n", printable.Text(words[0])) + help(), nil
}

func help() string {
	var b strings.Builder
	b.WriteString("This is a recording of thaw. Monitor commands:\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-10s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	b.WriteString(`Continue and stepi go to the next recorded stop, reverse-continue and
reverse-stepi to the one before. Breakpoints are not needed: gdb passes a stop
unseen when it steps off one. To run until a value changes, let gdb compare:
  set can-use-hw-watchpoints 0
  watch *(long *)ADDRESS
Machine code is not recorded; take it from files:
  symbol-file KERNEL-ELF
  set trust-readonly-sections on
`)
	return b.String()
}

// list names every stop.
func (s *Stub) list() string {
	var b strings.Builder
	for i, r := range s.stops {
		mark := " "
		if i+1 == s.at {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s%4d  %s\n", mark, r.Number, describe(r))
	}
	return b.String()
}

// describe is a stop in words: phase, reason, and where it stands.
func describe(r *session.StopRecord) string {
	phase := r.Phase
	if phase == "" {
		phase = "-"
	}
	return printable.Text(fmt.Sprintf("%-24s %s, at %s", phase, r.Reason, r.PC))
}

// goTo shows a stop by its number.
func (s *Stub) goTo(args []string) string {
	if len(args) != 1 {
		return "Say which: stop N. The command stops lists them.\n"
	}
	n, err := strconv.Atoi(args[0])
	if err == nil {
		err = s.show(n)
	}
	if err != nil {
		return fmt.Sprintf("%q is none of stops 1 to %d.\n", printable.Text(args[0]), len(s.stops))
	}
	return fmt.Sprintf("Stop %d: %s\ngdb goes on showing what it read before; make it read again:\n"+
		"  maintenance flush register-cache\n  maintenance flush dcache\n", n, describe(s.Record()))
}

// verdicts tells of each thread what became of its restored state.
func (s *Stub) verdicts() string {
	v, err := s.replay.View(s.at)
	if err != nil {
		return printable.Text(err.Error()) + "\n"
	}
	if len(v.Verdicts) == 0 {
		return fmt.Sprintf("Nothing was restored up to stop %d.\n", s.at)
	}
	var b strings.Builder
	for _, t := range v.Verdicts {
		id := "-"
		if t.Thread != 0 {
			id = t.Thread.String()
		}
		fmt.Fprintf(&b, "%-13s %4s %s\n", t.Verdict, id, printable.Text(fmt.Sprintf("%s of %s: %s", t.Name, t.TaskName, t.Cause)))
	}
	return b.String()
}

// ThreadExtra names a processor, its mode, and the thread that it runs.
func (s *Stub) ThreadExtra(id gdbremote.ThreadID) string {
	cpu, err := s.cpu(id)
	if err != nil {
		return ""
	}
	mode := "kernel"
	if s.machine.CPUs[cpu].User {
		mode = "user"
	}
	text := fmt.Sprintf("CPU#%d [%s]", cpu, mode)
	if v, err := s.replay.View(s.at); err == nil {
		if o := v.Snapshot.System.Running(cpu); o != nil {
			text += fmt.Sprintf(" runs %s %s of %s (task %s)", o.ID, o.Title(), v.Snapshot.TaskName(o.Thread.PD), o.Thread.PD)
		}
	}
	return printable.Text(text)
}
