package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"thaw/session/scenario"
	"thaw/session/view"
)

// Story is what a report is made of. It holds no connection to a session: it
// can be filled while the session goes on, or from a recording.
type Story struct {
	View *view.View // of the last stop; nil if there is none

	// Of the scenario: what goes wrong in a few words, what happened, and where
	// that was reported.
	Title, Text, Source string

	Stops []Stop      // in order
	Notes []view.Note // by stop
	Made  string      // what the report was made from: "recording FILE made with thaw", or the target
}

// Stop is what a report tells of a stop: a snapshot without its objects.
type Stop struct {
	Number int
	Time   time.Duration // since the session began
	Reason string
	Phase  string
	PC     view.Place
	Cost   view.Cost
}

// NewStory fills a story. scn may be nil, and so may last: then nothing was
// seen. Snapshots and view are only read.
func NewStory(scn *scenario.Scenario, stops []*view.Snapshot, last *view.View, made string) *Story {
	s := &Story{View: last, Made: made}
	if scn != nil {
		s.Title, s.Text, s.Source = scn.Title, scn.Story, scn.Source
	}
	for _, snap := range stops {
		if snap != nil {
			s.Stops = append(s.Stops, Stop{snap.Number, snap.Time, snap.Reason, snap.Phase, snap.PC, snap.Cost})
		}
	}
	if last != nil {
		s.Notes = last.Notes
	}
	return s
}

// view is never nil.
func (s *Story) view() *view.View {
	if s.View == nil {
		return &view.View{}
	}
	return s.View
}

// stop finds a stop by its number.
func (s *Story) stop(number int) (Stop, bool) {
	i := slices.IndexFunc(s.Stops, func(st Stop) bool { return st.Number == number })
	if i < 0 {
		return Stop{}, false
	}
	return s.Stops[i], true
}

// verdictTone is a verdict's CSS class; glyph and word say the same.
func verdictTone(v view.Verdict) string {
	switch {
	case v == view.Applied:
		return "good"
	case v.Lost():
		return "bad"
	}
	return "warn"
}

// verdicts lists the threads, those that lost their state first.
func (s *Story) verdicts() []*view.ThreadVerdict {
	v := s.view()
	out := make([]*view.ThreadVerdict, len(v.Verdicts))
	for i := range v.Verdicts {
		out[i] = &v.Verdicts[i]
	}
	slices.SortStableFunc(out, func(a, b *view.ThreadVerdict) int {
		return cmp.Compare(a.Verdict.Rank(), b.Verdict.Rank())
	})
	return out
}

// tally is how many threads have a verdict.
type tally struct {
	verdict view.Verdict
	Word    string
	Glyph   string
	Tone    string
	Count   int
}

// tallies counts verdicts, worst first.
func (s *Story) tallies() []tally {
	var out []tally
	for _, t := range s.verdicts() {
		if n := len(out); n > 0 && out[n-1].verdict == t.Verdict {
			out[n-1].Count++
			continue
		}
		out = append(out, tally{t.Verdict, clean(string(t.Verdict)), t.Verdict.Glyph(), verdictTone(t.Verdict), 1})
	}
	return out
}

// Summary is the verdict in one sentence. Where no thread lost its state, a
// second one tells of capabilities that differ.
func (s *Story) Summary() string {
	all := s.verdicts()
	var lost []string
	for _, t := range all {
		if t.Verdict.Lost() {
			lost = append(lost, fmt.Sprintf("%s (%s)", threadName(t), clean(string(t.Verdict))))
		}
	}
	switch {
	case len(all) == 0:
		return "No restored thread was seen."
	case len(lost) == 1:
		return fmt.Sprintf("1 of %s lost its state: %s.", count(len(all), "thread"), lost[0])
	case len(lost) > 1:
		return fmt.Sprintf("%d of %s lost their state: %s.", len(lost), count(len(all), "thread"), strings.Join(lost, ", "))
	}
	var parts []string
	for _, c := range s.tallies() {
		parts = append(parts, fmt.Sprintf("%d %s", c.Count, c.Word))
	}
	out := fmt.Sprintf("No thread lost its state: of %s %s.", count(len(all), "thread"), strings.Join(parts, ", "))
	if d := s.view().Caps; capsDiffer(d) > 0 {
		out += fmt.Sprintf(" Capabilities differ: %s.", d.Tally())
	}
	if n := pagesDiffer(s.view().Memory); n > 0 {
		out += fmt.Sprintf(" Memory differs: %s.", count(n, "page"))
	}
	if n := len(s.view().Waits); n > 0 {
		out += fmt.Sprintf(" Waiting for something else than before: %s.", count(n, "thread"))
	}
	return out
}

// capsDiffer counts the slots that differ.
func capsDiffer(d *view.CapDiff) int {
	if d == nil {
		return 0
	}
	return d.Differ()
}

// threadName is the name of a thread, or its number.
func threadName(t *view.ThreadVerdict) string {
	if t.Name == "" {
		return "thread " + t.Thread.String()
	}
	return clean(t.Name)
}

// identity tells which thread a verdict is about: names repeat.
func identity(t *view.ThreadVerdict) string {
	out := "not in the restored child"
	if t.Thread != 0 {
		out = fmt.Sprintf("thread %s of %s (task %s)", t.Thread, clean(t.TaskName), t.Task)
	}
	if t.Original != 0 {
		out += fmt.Sprintf(", checkpointed as thread %s", t.Original)
	}
	return out
}

// lostBetween tells where a state got lost, "" if it did not.
func lostBetween(t *view.ThreadVerdict) string {
	g := t.LostAt()
	if g < 0 {
		return ""
	}
	between := "lost between " + view.StageNames[g] + " and " + view.StageNames[g+1]
	switch t.Verdict {
	case view.Partial:
		return "registers " + between
	case view.Overwritten:
		return "written, then overwritten before the thread ran"
	case view.Killed:
		return "written, and the return to user mode faulted on it"
	}
	return between
}

// progress tells how far the session came.
func (s *Story) progress() string {
	v := s.view()
	switch {
	case v.Complete && v.Finished:
		return "The restore is complete and every verdict is final."
	case v.Complete:
		return "The restore is complete; not every verdict is final."
	case len(v.Phases) == 0:
		return "Nothing was walked through."
	}
	return "The restore was not complete: verdicts are those so far."
}

// failure tells why the session ended, "" if it did not fail.
func (s *Story) failure() string {
	if err := s.view().Err; err != nil {
		return "The session ended: " + clean(err.Error())
	}
	return ""
}

// unknownStage is what a report says where a stage is not known.
func unknownStage(st *view.Stage) string {
	if st.Missing == "" {
		return "not known"
	}
	return "not known: " + clean(st.Missing)
}

// phaseGlyphs tells a phase's state beside its word.
var phaseGlyphs = map[view.PhaseState]string{
	view.PhaseNext: "·", view.PhaseCurrent: "▶", view.PhaseDone: "✓", view.PhaseSkipped: "–", view.PhaseMissed: "–",
}

// phaseState is "✓ done".
func phaseState(p view.PhaseState) string {
	if g, ok := phaseGlyphs[p]; ok {
		return g + " " + p.String()
	}
	return "? unknown" // from a later version
}

// indent bounds the depth of a phase to what a report has room for.
func indent(depth int) int { return min(max(depth, 0), 8) }

// capTables tells what a capability diff compares.
func capTables(d *view.CapDiff) string {
	return fmt.Sprintf("Task %s at stop %d against task %s at stop %d", d.Original, d.Checkpoint, d.Restored, d.After)
}

// noCaps is what a report says without a capability diff.
const noCaps = "Not compared: one of the two tasks was not seen."
