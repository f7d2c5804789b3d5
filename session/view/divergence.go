package view

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/words"
)

// Divergence tells where a restored thread, coming back to user mode, parts from
// the checkpointed one, had that gone on from where the kernel keeps it: both are
// executed up to their next system call, and put back.
type Divergence struct {
	Stop      int            `json:"stop"` // number of the stop at which both were tried
	Original  kernel.ID      `json:"original"`
	Registers []RegisterPair `json:"registers,omitempty"` // that differ at the beginning, ip and sp among them
	Common    int            `json:"common"`              // instructions that both execute alike
	Last      Place          `json:"last"`                // the last of them
	Text      string         `json:"text,omitempty"`      // of that instruction, "" if not known
	At        []RegisterPair `json:"at,omitempty"`        // registers that differ as it is executed
	Parted    bool           `json:"parted"`              // they part within what was executed
	By        string         `json:"by,omitempty"`        // what parts them: "instruction", "capability slot"
	Paths     [2]Path        `json:"paths"`               // the original's, the restored one's
	Problem   string         `json:"problem,omitempty"`   // why it could not be found out
}

// Path is what one of both executes.
type Path struct {
	At           Place    `json:"at"`           // its first instruction that the other does not execute, else its last one
	Instructions int      `json:"instructions"` // up to its end
	End          string   `json:"end"`          // "system call", "page fault at 0x8000", …
	EndAt        Place    `json:"endAt"`
	Slot         *SlotCap `json:"slot,omitempty"` // that the system call names, nil if none
}

// RegisterPair is a register with different values.
type RegisterPair struct {
	Name     string `json:"name"`
	Original uint64 `json:"original"`
	Restored uint64 `json:"restored"`
}

// What parts two threads.
const (
	ByInstruction = "instruction"
	BySlot        = "capability slot"
)

// EmptySlot is the type of a slot that only the other child has.
const EmptySlot = "empty"

// Lines put a divergence in words, the most important first.
func (d *Divergence) Lines() []string {
	if d.Problem != "" {
		return []string{"not compared with its original: " + d.Problem}
	}
	if !d.Parted {
		return []string{fmt.Sprintf("goes on like its original for %s, up to: %s", words.Count(d.Common, "instruction"), d.Paths[1].ending())}
	}
	var out []string
	switch {
	case d.By == BySlot:
		out = append(out, fmt.Sprintf("parts from its original at the first system call, after %s: another object is invoked", words.Count(d.Common, "common instruction")))
	case d.Common == 0:
		out = append(out, "parts from its original at the first instruction")
	default:
		out = append(out, fmt.Sprintf("parts from its original after %s, behind %s", words.Count(d.Common, "common instruction"), d.Last.Bare()))
		if d.Text != "" {
			out[0] += ": " + d.Text
		}
	}
	for i, who := range []string{"original", "restored"} {
		p := d.Paths[i]
		out = append(out, fmt.Sprintf("%s: %s, after %s: %s", who, p.At.Bare(), words.Count(p.Instructions, "instruction"), p.ending()))
	}
	if d.Common > 0 && len(d.At) > 0 {
		out = append(out, "registers that differ there (original, restored): "+pairsText(d.At))
	} else if len(d.Registers) > 0 {
		out = append(out, "registers that differ at the beginning (original, restored): "+pairsText(d.Registers))
	}
	return out
}

// ending is how a path ends.
func (p *Path) ending() string {
	text := p.End
	if p.EndAt != p.At {
		text += " in " + p.EndAt.Bare().String()
	}
	if p.Slot != nil {
		text += " on slot " + p.Slot.String()
	}
	return text
}

func pairsText(all []RegisterPair) string {
	var out []string
	for _, p := range all {
		out = append(out, fmt.Sprintf("%s %x, %x", p.Name, p.Original, p.Restored))
	}
	return strings.Join(out, "; ")
}
