package report

import (
	"fmt"
	"path"

	"thaw/session/view"
)

// mdQuestions is how many origins a report in Markdown tells, the newest ones.
const mdQuestions = 20

// originRow is a step of an origin in words; what is not known is "".
type originRow struct {
	Sure                          string // "✓" or "?"
	Word, New, Old                string
	By, Line, Thread, After, Text string
	Frames                        []string // backtrace, the innermost one first
}

// originRows puts the steps of an origin in words.
func originRows(steps []view.Origin) (out []originRow) {
	for _, o := range steps {
		r := originRow{Sure: "?", Word: clean(o.Word), New: hex(o.New), Thread: clean(o.Thread), Text: clean(o.Text)}
		if o.Sure {
			r.Sure = "✓"
		}
		if o.Position != 0 {
			r.Old, r.By, r.After = hex(o.Old), place(o.Place), afterStop(o)
			if o.Place.Component != "" {
				r.By = clean(o.Place.Component) + ": " + r.By
			}
			if o.Place.File != "" {
				r.Line = fmt.Sprintf("%s:%d", clean(path.Base(o.Place.File)), o.Place.Line)
			}
			for _, f := range o.Frames {
				if f.Note == "" {
					r.Frames = append(r.Frames, clean(f.Place.String()))
				}
			}
		}
		out = append(out, r)
	}
	return out
}

// afterStop names the last event before a write.
func afterStop(o view.Origin) string {
	switch {
	case o.Stop == 0:
		return "before the first"
	case o.Phase == "":
		return fmt.Sprint(o.Stop)
	}
	return fmt.Sprintf("%d, %s", o.Stop, clean(o.Phase))
}

// originJSON is a piece of memory that was asked about: who wrote it, and where that came
// from.
type originJSON struct {
	Stop  int              `json:"stop"` // at which it was asked
	Word  string           `json:"word"`
	Why   string           `json:"why,omitempty"` // nothing was found
	Steps []originStepJSON `json:"steps"`         // the last write first
}

// originStepJSON is a write, and how the value came there.
type originStepJSON struct {
	Position uint64   `json:"position,omitempty"`    // in the recorded run, in instructions; none where nothing was written
	Stop     int      `json:"after_stop,omitempty"`  // the last event of the history before it
	Phase    string   `json:"after_phase,omitempty"` // phase that had begun last there
	Word     string   `json:"word"`
	Old      string   `json:"old,omitempty"`
	New      string   `json:"new"`
	Thread   string   `json:"thread,omitempty"`
	Place    string   `json:"place,omitempty"`
	Function string   `json:"function,omitempty"`
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"`
	Frames   []string `json:"frames,omitempty"` // backtrace, the innermost one first
	Text     string   `json:"text"`
	Sure     bool     `json:"sure"`
	End      string   `json:"end,omitempty"` // why it goes no further: "computed", "loaded", "empty", "device", "processor", "earlier", "checkpoint", "given-up", "unknown"
}

func originsJSON(all []view.Question) (out []originJSON) {
	for _, q := range all {
		j := originJSON{Stop: q.Stop, Word: q.Word, Why: q.Why, Steps: []originStepJSON{}}
		rows := originRows(q.Steps)
		for i, o := range q.Steps {
			s := originStepJSON{Position: o.Position, Stop: o.Stop, Phase: o.Phase, Word: o.Word, New: hexString(o.New), Thread: o.Thread, Frames: rows[i].Frames, Text: o.Text, Sure: o.Sure, End: o.End}
			if o.Position != 0 {
				s.Old, s.Place, s.Function, s.File, s.Line = hexString(o.Old), o.Place.String(), o.Place.Function, o.Place.File, o.Place.Line
			}
			j.Steps = append(j.Steps, s)
		}
		out = append(out, j)
	}
	return out
}
