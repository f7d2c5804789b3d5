package inferiors

import (
	"cmp"
	"fmt"
	"strings"

	"thaw/gdbremote"
)

// commands are what monitor answers, for which gdb has no words.
var commands = []struct {
	name, help string
	answer     func(s *Stub, b *strings.Builder)
}{
	{"why", "why the guest stands", func(s *Stub, b *strings.Builder) { b.WriteString(s.shown.Reason + "\n") }},
	{"breakpoints", "of each process, with how often they were hit", (*Stub).breakpoints},
	{"components", "which process is which", (*Stub).components},
	{"registers", "all of the processors, those too that gdb does not know", (*Stub).processorRegisters},
}

func (s *Stub) breakpoints(b *strings.Builder) {
	all := s.guest.Breaks()
	if len(all) == 0 {
		all = []string{"none"}
	}
	b.WriteString(strings.Join(all, "\n") + "\n")
}

func (s *Stub) components(b *strings.Builder) {
	for _, o := range s.shown.System.PDs() {
		file := cmp.Or(s.shown.Files[o.ID], "its file is not known")
		fmt.Fprintf(b, "process %d  id %s  %s  %d threads  %d capabilities  %s\n", s.pids.of(o.ID), o.ID, s.shown.Names[o.ID],
			len(s.shown.System.ThreadsOf(o.ID)), len(o.PD.Caps), file)
	}
}

func (s *Stub) processorRegisters(b *strings.Builder) {
	for n, all := range s.shown.CPUs {
		for _, r := range all {
			fmt.Fprintf(b, "processor %d  %-10s %#x\n", n, r.Name, r.Value)
		}
	}
}

// Monitor answers a command of the table, or else has the guest answer it. All others are
// told what there is.
func (s *Stub) Monitor(command string) (string, error) {
	var answer, help strings.Builder
	for _, c := range commands {
		if c.name == strings.TrimSpace(command) {
			c.answer(s, &answer)
			return answer.String(), nil
		}
		help.WriteString(c.name + ": " + c.help + "\n")
	}
	m, ok := s.guest.(gdbremote.Monitorer)
	if !ok {
		return help.String(), nil
	}
	text, err := m.Monitor(command)
	if strings.TrimSpace(command) == "help" {
		text = help.String() + text
	}
	if looked := s.look(); err == nil {
		err = looked // it may have gone to another stop
	}
	return text, err
}
