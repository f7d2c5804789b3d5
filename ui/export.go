package ui

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"thaw/newfile"
	"thaw/words"
)

// copyRow hands the selected row of the table that keys go to to the terminal's
// clipboard; of a text, what is in sight.
func (f *front) copyRow() {
	text := ""
	if l := f.table(); l != nil {
		if i := l.selected(); i >= 0 {
			text = strings.TrimSpace(strings.Join(texts(l.src.row(i)), "  "))
		}
	} else {
		text = strings.Join(f.text().inSight(), "\n")
	}
	if text = strings.TrimSpace(text); text == "" {
		f.note = "there is nothing to copy in " + f.name()
		return
	}
	f.copy([]byte(text))
	first, rest, more := strings.Cut(text, "\n")
	f.note = "copied, if the terminal knows OSC 52: " + first
	if more {
		f.note += fmt.Sprintf(" and %s", words.Count(strings.Count(rest, "\n")+1, "more line"))
	}
}

func texts(cells []cell) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = clean(c.text)
	}
	return out
}

// askExport types the name of a file for the focused pane, and shows where that
// will be. Nothing is written before Enter.
func (f *front) askExport() {
	p := &prompt{title: "export " + clip(f.name(), 30) + " to", start: f.exportName(), limit: 1000, enter: "write", esc: "forget", done: f.exportTo}
	p.hint = func() string {
		path, err := exportPath(p.text())
		if err != nil {
			return err.Error()
		}
		return "Enter writes " + path
	}
	f.line.ask(p)
}

// exportPath is where a file of a name will be. A name without an ending gets one,
// so that a file is told from the programs around it.
func exportPath(name string) (string, error) {
	if name = strings.TrimSpace(name); name == "" {
		return "", errors.New("no file is named")
	}
	if filepath.Ext(name) == "" {
		name += exportExt
	}
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		return filepath.Join(home, rest), nil
	}
	return filepath.Abs(name)
}

// exportName proposes a file for the focused pane at the shown stop.
func (f *front) exportName() string {
	name := paneInfos[f.panes.focused].command
	if f.windows.top != nil {
		name, _, _ = strings.Cut(f.windows.top.title, " at stop ")
		name = strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) }), "-")
		name = cmp.Or(strings.Trim(name[:min(len(name), exportNameLength)], "-"), "window")
	}
	if s := f.view.Snapshot; s != nil {
		name += fmt.Sprintf("-stop%d", s.Number)
	}
	return name + exportExt
}

// exportNameLength is the most that a window's title gives to a file's name.
const exportNameLength = 60

// exportExt is the ending of names that were given none.
const exportExt = ".txt"

// exportTo writes the focused pane to a file that must not exist; nothing is left of
// one that could not be written.
func (f *front) exportTo(name string) {
	path, err := exportPath(name)
	if err != nil {
		f.note = err.Error() + ": nothing was written"
		return
	}
	text := f.content()
	f.background(func() string {
		if err := newfile.Write(path, false, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
			return "not written: " + clean(err.Error())
		}
		return fmt.Sprintf("%s written to %s", words.Count(strings.Count(text, "\n"), "line"), clean(path))
	})
}

// exportWidth is the width for which text is wrapped in a file.
const exportWidth = 100

// content is all of what keys go to as text: of a table the rows that its
// filter shows, with a head that says what it is.
func (f *front) content() string {
	head := f.name()
	if f.windows.top == nil {
		if notes := f.panes.title(f.panes.focused); len(notes) > 0 {
			head += ": " + notes[0]
		}
	}
	if s := f.view.Snapshot; s != nil {
		head += fmt.Sprintf(" (%s, stop %d)", clean(f.view.Scenario), s.Number)
	}
	var rows []string
	if l := f.table(); l != nil {
		rows = l.rows()
	} else {
		for _, l := range f.text().build(exportWidth) {
			rows = append(rows, lineText(l))
		}
	}
	var b strings.Builder
	for _, r := range slices.Concat([]string{head, ""}, rows) {
		b.WriteString(strings.TrimRight(f.th.draw(r), " ") + "\n")
	}
	return b.String()
}

// rows are all rows of a table, with its heads, in columns as wide as they
// need.
func (p *listPane) rows() []string {
	cols := p.columns()
	table := make([][]string, 1, 1+len(p.order))
	for _, c := range cols {
		table[0] = append(table[0], c.title)
	}
	for _, i := range p.order {
		table = append(table, texts(p.src.row(i)))
	}
	widths := make([]int, len(cols))
	for _, row := range table {
		for i, text := range row {
			widths[i] = max(widths[i], width(text))
		}
	}
	var out []string
	for _, row := range table {
		for i, text := range row {
			if cols[i].right {
				row[i] = padLeft(text, widths[i])
			} else {
				row[i] = pad(text, widths[i])
			}
		}
		out = append(out, strings.Join(row, "  "))
	}
	return out
}
