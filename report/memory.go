package report

import (
	"fmt"

	"thaw/session/view"
	"thaw/words"
)

// memoryText says which memory was compared, and with what result.
func memoryText(d *view.MemoryDiff) string {
	if !d.Compared() {
		return fmt.Sprintf("memory of task %s as it was checkpointed at stop %d was not compared with that of task %s: %s", d.Original, d.Checkpoint, d.Restored, clean(d.Problem))
	}
	s := fmt.Sprintf("memory of task %s as it was checkpointed at stop %d against task %s at stop %d: %s the same, %s, %d not mapped so far",
		d.Original, d.Checkpoint, d.Restored, d.After, count(d.Same, "page"), words.Differ(len(d.Pages), "page"), d.Unmapped)
	if d.Attached > 0 {
		s += fmt.Sprintf(" (%d compared as they are attached, though not mapped)", d.Attached)
	}
	if d.Problem != "" {
		s += "; " + clean(d.Problem)
	}
	return s
}

// memoryRow is a page that differs, in words.
type memoryRow struct {
	Page   string `json:"page"`
	Region string `json:"region"`
	Bytes  int    `json:"bytes"` // that differ
	First  string `json:"first"` // address of the first of them
	Before string `json:"before"`
	After  string `json:"after"`
	Like   string `json:"like,omitempty"`
}

// mostPages bounds the pages that a report lists.
const mostPages = 200

func memoryRows(d *view.MemoryDiff) []memoryRow {
	var out []memoryRow
	for _, g := range d.Pages[:min(len(d.Pages), mostPages)] {
		row := memoryRow{Page: hex(g.Virt), Region: clean(g.Region), First: hex(g.Virt + uint64(max(g.First, 0))),
			Before: view.Shown(g.Before), After: view.Shown(g.After), Bytes: g.Bytes}
		if g.Like != "" {
			row.Like = "equal to " + clean(g.Like)
		}
		out = append(out, row)
	}
	return out
}

// memory prints the pages that differ.
func (p *printer) memory(d *view.MemoryDiff) {
	if d == nil {
		return
	}
	p.line("%s", memoryText(d))
	for _, r := range memoryRows(d) {
		like := ""
		if r.Like != "" {
			like = ", " + r.Like
		}
		p.line("  %s  %s: %s, the first at %s: %s, was %s%s", r.Page, r.Region, words.Differ(r.Bytes, "byte"), r.First, r.After, r.Before, like)
	}
	if n := len(d.Pages) - mostPages; n > 0 {
		p.line("  and %d more", n)
	}
}

// memory prints the pages that differ as a table, and the waits.
func (m *markdown) memory(v *view.View) {
	if len(v.Waits) > 0 {
		m.line("### Waits")
		m.line("")
		for _, w := range v.Waits {
			m.line("- %s", prose(clean(w.String())))
		}
		m.line("")
	}
	d := v.Memory
	if d == nil {
		return
	}
	m.line("### Memory")
	m.line("")
	m.line("%s.", prose(upperFirst(memoryText(d))))
	m.line("")
	rows := memoryRows(d)
	if len(rows) == 0 {
		return
	}
	m.line("| page | region | bytes | first at | checkpointed | restored | |")
	m.line("| --- | --- | ---: | --- | --- | --- | --- |")
	for _, r := range rows {
		m.line("| %s | %s | %d | %s | %s | %s | %s |", code(r.Page), prose(r.Region), r.Bytes, code(r.First), code(r.Before), code(r.After), prose(r.Like))
	}
	m.more(len(d.Pages) - mostPages)
	m.line("")
}

func pagesDiffer(d *view.MemoryDiff) int {
	if d == nil {
		return 0
	}
	return len(d.Pages)
}

// pageMemory is the memory's part of the page.
type pageMemory struct {
	Text string
	Rows []memoryRow
	More int
}

func pageMemoryOf(d *view.MemoryDiff) *pageMemory {
	if d == nil {
		return nil
	}
	return &pageMemory{Text: upperFirst(memoryText(d)) + ".", Rows: memoryRows(d), More: max(len(d.Pages)-mostPages, 0)}
}

// memoryJSON is a comparison of memory; addresses and bytes in hex.
type memoryJSON struct {
	Original   string      `json:"original"`
	Restored   string      `json:"restored"`
	Checkpoint int         `json:"checkpoint"`
	After      int         `json:"after"`
	Same       *int        `json:"same"` // pages, each null where nothing was compared
	Unmapped   *int        `json:"unmapped"`
	Differ     *int        `json:"differ"`
	Pages      []memoryRow `json:"pages"`
	Problem    string      `json:"problem,omitempty"`
}

func memoryJSONOf(d *view.MemoryDiff) *memoryJSON {
	if d == nil {
		return nil
	}
	out := &memoryJSON{Original: d.Original.String(), Restored: d.Restored.String(), Checkpoint: d.Checkpoint, After: d.After,
		Pages: memoryRows(d), Problem: d.Problem}
	if differ := len(d.Pages); d.Compared() {
		out.Same, out.Unmapped, out.Differ = &d.Same, &d.Unmapped, &differ
	}
	if out.Pages == nil {
		out.Pages = []memoryRow{}
	}
	return out
}

// waitJSON is a thread that waits for something else.
type waitJSON struct {
	Name     string `json:"name"`
	Original string `json:"original"`
	Restored string `json:"restored"`
	Before   string `json:"before"`
	After    string `json:"after"`
}

func waitsJSON(waits []view.WaitChange) []waitJSON {
	var out []waitJSON
	for _, w := range waits {
		out = append(out, waitJSON{w.Name, w.Original.String(), w.Restored.String(), w.Before, w.After})
	}
	return out
}
