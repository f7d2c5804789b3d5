package report

import (
	"fmt"

	"thaw/kernel"
	"thaw/session/view"
)

// The JSON forms. Addresses are hex strings, since JSON numbers lose bits;
// object ids are the hex numbers that the kernel debugger shows.

// Format is that of the JSON forms: it grows when a member changes its meaning or goes.
const Format = 1

// CheckJSON is the result of a check.
type CheckJSON struct {
	Format       int          `json:"format"`
	Scenario     string       `json:"scenario"`
	Restore      int          `json:"restore,omitempty"` // which one of the session, from 2 on
	Late         string       `json:"late,omitempty"`    // why the beginning of the restore was not seen
	Phases       []phaseJSON  `json:"phases"`
	Threads      []threadJSON `json:"threads"`
	Capabilities *capsJSON    `json:"capabilities"`
	Memory       *memoryJSON  `json:"memory"`
	Waits        []waitJSON   `json:"waits,omitempty"`
	Origins      []originJSON `json:"origins,omitempty"` // of memory that was asked about

	Mismatches []mismatchJSON `json:"mismatches,omitempty"` // files that are not those of the programs that run: no verdict stands
	Forced     string         `json:"forced,omitempty"`     // what became of the thread whose state was forced
	Expected   bool           `json:"expected"`             // the scenario's expectations were met
	Failures   []string       `json:"failures,omitempty"`   // those that were not
}

// mismatchJSON is a file that is not that of the program that runs.
type mismatchJSON struct {
	Component string `json:"component"`
	File      string `json:"file"`
	Task      string `json:"task"`
	Address   string `json:"address"` // of the first difference
	Function  string `json:"function,omitempty"`
	Text      string `json:"text"` // one sentence
}

type phaseJSON struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Hits  int    `json:"hits"`
}

type threadJSON struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Task         string           `json:"task"`
	Original     string           `json:"original,omitempty"`
	Verdict      view.Verdict     `json:"verdict"`
	Rule         string           `json:"rule"`
	Cause        string           `json:"cause"`
	Evidence     []string         `json:"evidence"`
	Divergence   *view.Divergence `json:"divergence,omitempty"`
	History      []happeningJSON  `json:"history"`
	Checkpointed *stageJSON       `json:"checkpointed"`
	Requested    *stageJSON       `json:"requested"`
	Kernel       *stageJSON       `json:"kernel"`
	Entered      *stageJSON       `json:"entered"`
}

type happeningJSON struct {
	Stop     int      `json:"stop"`
	Seconds  float64  `json:"seconds"`
	What     string   `json:"what"`
	Where    string   `json:"where,omitempty"`
	Function string   `json:"function,omitempty"`
	Address  string   `json:"address,omitempty"`
	Old      string   `json:"old,omitempty"`
	New      string   `json:"new,omitempty"`
	Text     string   `json:"text"`
	Frames   []string `json:"frames,omitempty"`
}

// happenings puts a thread's history in the words of JSON.
func happenings(history []view.Happening) []happeningJSON {
	out := make([]happeningJSON, 0, len(history))
	for _, h := range history {
		j := happeningJSON{Stop: h.Stop, Seconds: h.Time.Seconds(), What: h.What, Where: h.Where, Function: h.Place.Function, Text: h.Text}
		if h.New != 0 {
			j.New = hexString(h.New)
		}
		if h.What == "written" {
			j.Address, j.Old = hexString(h.Addr), hexString(h.Old)
		}
		for _, f := range h.Frames {
			if f.Note == "" {
				j.Frames = append(j.Frames, f.Place.String())
			}
		}
		out = append(out, j)
	}
	return out
}

// again is the number of a restore that is not the first one.
func again(restore int) int {
	if restore > 1 {
		return restore
	}
	return 0
}

type stageJSON struct {
	IP        string            `json:"ip"`
	SP        string            `json:"sp"`
	Source    string            `json:"source"`
	Function  string            `json:"function,omitempty"`
	Stop      int               `json:"stop"`
	Registers map[string]string `json:"registers,omitempty"`
}

type capsJSON struct {
	Same    int          `json:"same"`
	Moved   []movedJSON  `json:"moved"`
	Missing []slotJSON   `json:"missing"`
	Extra   []slotJSON   `json:"extra"`
	Changed []changeJSON `json:"changed"`
	Later   []slotJSON   `json:"not_made_yet"`
	Copies  []copyJSON   `json:"copies"`
	Unused  []unusedJSON `json:"unused"`
}

// movedJSON is what stands in another slot after the restore.
type movedJSON struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Certainty string   `json:"certainty"` // "certain", "likely", "possible"
	Before    slotJSON `json:"before"`
	After     slotJSON `json:"after"`
}

// copyJSON is a further slot for what another slot of the same child holds.
type copyJSON struct {
	slotJSON
	Of string `json:"of"` // that slot
	In string `json:"in"` // "original" or "restored"
}

// unusedJSON is a slot that a child has given back, and that the kernel still has filled.
type unusedJSON struct {
	slotJSON
	In string `json:"in"` // "original" or "restored"
}

func capsOf(d *view.CapDiff) *capsJSON {
	out := &capsJSON{Same: d.Same, Moved: []movedJSON{}, Missing: slots(d.Missing), Extra: slots(d.Extra), Changed: changes(d.Changed), Later: slots(d.Later), Copies: []copyJSON{}, Unused: []unusedJSON{}}
	for _, m := range d.Moved {
		out.Moved = append(out.Moved, movedJSON{hexString(m.Before.Slot), hexString(m.After.Slot), string(m.Certainty), slotOf(m.Before), slotOf(m.After)})
	}
	for _, c := range d.Copies {
		out.Copies = append(out.Copies, copyJSON{slotOf(c.SlotCap), hexString(c.Of), inChild(c.Restored)})
	}
	for _, c := range d.Unused {
		out.Unused = append(out.Unused, unusedJSON{slotOf(c.SlotCap), inChild(c.Restored)})
	}
	return out
}

func inChild(restored bool) string {
	if restored {
		return "restored"
	}
	return "original"
}

type slotJSON struct {
	Slot     string `json:"slot"`
	Object   string `json:"object"`
	Type     string `json:"type"`
	Label    string `json:"label"`
	Rights   string `json:"rights"`
	Receiver string `json:"receiver,omitempty"`
	Behind   string `json:"behind,omitempty"` // class of the object behind a gate, as far as its server tells
	Called   string `json:"called,omitempty"` // what tells that object from others of its class: a session's label, a dataspace's size and owner
}

type changeJSON struct {
	Slot   string   `json:"slot"`
	What   []string `json:"what"`
	Before slotJSON `json:"before"`
	After  slotJSON `json:"after"`
}

func hexString(v uint64) string { return fmt.Sprintf("%#x", v) }

// NewCheckJSON puts a view in its JSON form.
func NewCheckJSON(v *view.View, failures []string) CheckJSON {
	out := CheckJSON{Format: Format, Restore: again(v.Restore), Scenario: v.Scenario, Late: v.Late, Phases: []phaseJSON{}, Threads: []threadJSON{}, Expected: len(failures) == 0, Failures: failures,
		Memory: memoryJSONOf(v.Memory), Waits: waitsJSON(v.Waits), Origins: originsJSON(v.Questions)}
	for i := range v.Mismatches {
		m := &v.Mismatches[i]
		out.Expected = false
		out.Mismatches = append(out.Mismatches, mismatchJSON{m.Component, m.File, m.Task.String(), hexString(m.At.Addr), m.At.Function, m.String()})
	}
	for _, p := range v.Phases {
		out.Phases = append(out.Phases, phaseJSON{p.Name, p.State.String(), p.Hits})
	}
	for i := range v.Verdicts {
		t := &v.Verdicts[i]
		j := threadJSON{ID: t.Thread.String(), Name: t.Name, Task: t.Task.String(), Verdict: t.Verdict, Rule: t.Rule, Cause: t.Cause, Evidence: t.Evidence, Divergence: t.Divergence, History: happenings(t.History),
			Checkpointed: stage(t.Checkpointed), Requested: stage(t.Requested), Kernel: stage(t.Kernel), Entered: stage(t.Entered)}
		if t.Original != 0 {
			j.Original = t.Original.String()
		}
		if j.Evidence == nil {
			j.Evidence = []string{}
		}
		out.Threads = append(out.Threads, j)
	}
	if d := v.Caps; d != nil {
		out.Capabilities = capsOf(d)
	}
	return out
}

func stage(s view.Stage) *stageJSON {
	if !s.Known {
		return nil
	}
	return &stageJSON{IP: hexString(s.IP), SP: hexString(s.SP), Source: s.Source, Function: s.Place.Function, Stop: s.Stop, Registers: registers(s.Registers)}
}

func registers(rs []kernel.Register) map[string]string {
	if len(rs) == 0 {
		return nil
	}
	out := make(map[string]string, len(rs))
	for _, r := range rs {
		out[r.Name] = hexString(r.Value)
	}
	return out
}

func slots(cs []view.SlotCap) []slotJSON {
	out := []slotJSON{}
	for _, c := range cs {
		out = append(out, slotOf(c))
	}
	return out
}

func slotOf(c view.SlotCap) slotJSON {
	return slotJSON{Slot: hexString(c.Slot), Object: c.Object.String(), Type: c.Type, Label: hexString(c.Label), Rights: c.Rights, Receiver: c.Receiver, Behind: c.Behind, Called: c.Called}
}

// SnapshotJSON is one stop.
type SnapshotJSON struct {
	Format   int          `json:"format"`
	PC       string       `json:"pc"`
	Objects  []objectJSON `json:"objects"`
	Problems []string     `json:"problems,omitempty"`
}

type objectJSON struct {
	ID       string            `json:"id"`
	Class    string            `json:"class"`
	Kind     kernel.Kind       `json:"kind"`
	Name     string            `json:"name,omitempty"`
	Address  string            `json:"address"`
	Thread   *kernelThreadJSON `json:"thread,omitempty"`
	Task     *taskJSON         `json:"task,omitempty"`
	Label    string            `json:"label,omitempty"`
	Receiver string            `json:"receiver,omitempty"`
	Problem  string            `json:"problem,omitempty"`
}

type kernelThreadJSON struct {
	Task      string            `json:"task"`
	State     string            `json:"state"`
	States    []string          `json:"states"`
	IP        string            `json:"ip,omitempty"` // none where source is "none"
	SP        string            `json:"sp,omitempty"`
	Source    kernel.Source     `json:"source"`
	UsualIP   string            `json:"frame_ip"`
	UsualSP   string            `json:"frame_sp"`
	Partner   string            `json:"partner,omitempty"`
	Running   bool              `json:"running,omitempty"`
	Registers map[string]string `json:"registers,omitempty"`
	Function  string            `json:"function,omitempty"`
	Executed  *uint64           `json:"execution_time,omitempty"` // in ticks of the kernel's timer; none where it is not known
}

type taskJSON struct {
	Component    string    `json:"component,omitempty"`
	Root         string    `json:"root,omitempty"` // none if it has no page tables
	Capabilities []capJSON `json:"capabilities"`
	Problem      string    `json:"problem,omitempty"`
}

type capJSON struct {
	Slot   string `json:"slot"`
	Object string `json:"object,omitempty"` // none if the slot points to no object that is known
	Rights string `json:"rights"`
	Flags  string `json:"flags"`
}

// NewSnapshotJSON puts a snapshot in its JSON form.
func NewSnapshotJSON(s *view.Snapshot) SnapshotJSON {
	out := SnapshotJSON{Format: Format, PC: hexString(s.PC.Addr), Problems: s.System.AllProblems()}
	for _, o := range s.System.Objects {
		j := objectJSON{ID: o.ID.String(), Class: o.Class, Kind: o.Kind, Name: o.Name, Address: hexString(o.Addr), Problem: o.Problem}
		switch {
		case o.Thread != nil:
			j.Thread = threadOf(s, o)
		case o.PD != nil:
			j.Task = taskOf(s, o)
		default:
			if l, ok := o.Lead(); ok {
				j.Label, j.Receiver = hexString(o.Label()), l.To.String()
			}
		}
		out.Objects = append(out.Objects, j)
	}
	return out
}

func threadOf(s *view.Snapshot, o *kernel.Object) *kernelThreadJSON {
	t := o.Thread
	usual := t.Usual()
	j := &kernelThreadJSON{Task: t.PD.String(), State: hexString(t.State), States: t.StateNames, Source: t.Source, UsualIP: hexString(usual.IP), UsualSP: hexString(usual.SP), Running: t.Running, Registers: registers(t.Registers), Function: s.Places[o.ID].Function}
	if t.Source != kernel.SourceNone {
		j.IP, j.SP = hexString(t.IP), hexString(t.SP)
	}
	if t.Wait.For != 0 {
		j.Partner = t.Wait.For.String()
	}
	if t.Executed.Name != "" {
		j.Executed = &t.Executed.Number
	}
	return j
}

func taskOf(s *view.Snapshot, o *kernel.Object) *taskJSON {
	j := &taskJSON{Component: s.Tasks[o.ID], Capabilities: []capJSON{}, Problem: o.PD.Problem}
	if o.PD.Root != 0 {
		j.Root = hexString(o.PD.Root)
	}
	for _, c := range o.PD.Caps {
		slot := capJSON{Slot: hexString(c.Slot), Rights: c.Rights, Flags: c.More}
		if c.Object != 0 {
			slot.Object = c.Object.String()
		}
		j.Capabilities = append(j.Capabilities, slot)
	}
	return j
}
