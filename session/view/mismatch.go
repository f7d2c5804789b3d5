package view

import (
	"fmt"

	"thaw/kernel"
)

// Mismatch says that a component's file is not that of the program that runs.
type Mismatch struct {
	Component string    `json:"component"`
	File      string    `json:"file"`
	Task      kernel.ID `json:"task,omitempty"` // 0 for the kernel
	Name      string    `json:"name,omitempty"` // what the kernel calls the task or its first thread
	At        Place     `json:"at"`             // first difference, in the words of the file
	Differ    int       `json:"differ"`         // pages that differ, of those that were compared
	Pages     int       `json:"pages"`
}

// String is one sentence that says what to do.
func (m *Mismatch) String() string {
	who, do := "the running kernel", "the kernel ELF of the system that runs"
	if m.Task != 0 {
		who, do = fmt.Sprintf("what runs as %s (task %s, %s)", m.Component, m.Task, m.Name), fmt.Sprintf("the file of the system that runs with --symbols %s=FILE", m.Component)
	}
	at := m.At.String()
	if m.At.Function != "" {
		at = fmt.Sprintf("%#x, in %s", m.At.Addr, m.At.Function)
	}
	return fmt.Sprintf("%s is not %s: its text differs at %s, in %d of %d pages that are mapped; give %s", who, m.File, at, m.Differ, m.Pages, do)
}
