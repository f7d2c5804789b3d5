package session

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/machine"
	"thaw/session/query"
	"thaw/session/target"
	"thaw/session/view"
	"thaw/words"
)

// Bounds of a question to a part of a recorded run.
const (
	maxEntries = 50_000
	maxChanges = 2_000
)

// entryLook is what was seen as the kernel was entered.
type entryLook struct {
	query.Value
	at     uint64 // position
	here   machine.Visit
	place  view.Place
	thread string // that ran, "" if it is not known
}

// entryQuery asks a question at every kernel entry in a part of a recorded run.
type entryQuery struct {
	*replayer
	question  *query.Question
	asking    *query.Asking
	addrs     []uint64 // at which the kernel is entered
	from, end uint64

	snap    *view.Snapshot // of the present look
	last    entryLook
	looks   int
	entries int       // that were among them
	began   time.Time // to look
	changes []view.PeekChange
	visits  map[uint64]machine.Visit // where the guest stood, by position
}

// AskRun tells where in a part of the recorded run, between two stops, the value of an
// expression became another. The guest comes back to where it was.
func (tr *traveller) AskRun(ctx context.Context, ask view.RunQuestion) (*view.RunAnswer, error) {
	q, err := newEntryQuery(tr, ask)
	if err != nil {
		return nil, err
	}
	_, at, err := tr.beginBack(ctx)
	if err != nil {
		return nil, err
	}
	defer tr.moved()
	here := tr.m.Here()
	if err := tr.bare(ctx); err != nil {
		return nil, tr.arrive(ctx, nil, err)
	}
	err = q.run(ctx)
	tr.programs.ForgetTasks()
	given := errors.Is(err, errGivenUp) || tr.drive.Asked.Load()
	if err != nil && !given {
		return nil, tr.arrive(ctx, nil, err)
	}
	tr.visits = q.visits
	if len(q.changes) == 0 {
		return nil, tr.stay(ctx, at, here, errGivenUp)
	}
	a := q.told(ask, given)
	return a, tr.goTo(ctx, at, &here, fmt.Sprintf("still here: %s: %s", a.Expr, a.Summary()))
}

// newEntryQuery prepares a question.
func newEntryQuery(tr *traveller, ask view.RunQuestion) (*entryQuery, error) {
	if tr.reverser() == nil {
		return nil, errors.New(whyNoReverse)
	}
	q := &entryQuery{replayer: newReplayer(tr), visits: map[uint64]machine.Visit{}}
	var err error
	if q.question, err = query.Parse(ask.Expr); err != nil {
		return nil, err
	}
	if err := q.question.NeedsStops(); err != nil {
		return nil, err
	}
	if q.addrs, err = tr.entryAddrs(); err != nil {
		return nil, err
	}
	first, last := q.ends(ask)
	switch {
	case first == nil || last == nil:
		return nil, fmt.Errorf("there is no such stop of the recorded run: its history has %d to %d", tr.history.first, tr.history.last())
	case first.position >= last.position:
		return nil, fmt.Errorf("nothing of the recorded run lies behind stop %d and before stop %d", first.snap.Number, last.snap.Number)
	}
	q.from, q.end = first.position, last.position
	s := &query.Stops{Snapshot: func(int) (*view.Snapshot, error) { return q.snap, nil }, Memory: q.memory, Member: q.member, Print: q.print}
	for _, m := range tr.history.kept { // what is known of the children at any stop
		if o, r := children(&view.View{Result: m.Result}); r != 0 {
			s.Original, s.Restored = o, r
		}
	}
	q.asking, err = q.question.Begin(s)
	return q, err
}

// ends are the stops between which is looked, by their positions.
func (q *entryQuery) ends(ask view.RunQuestion) (first, last *moment) {
	for _, m := range q.history.kept {
		n := m.snap.Number
		if m.guest != q.travelled || m.state == nil {
			continue
		}
		if (ask.From == 0 || n == ask.From) && (first == nil || m.position < first.position) {
			first = m
		}
		if (ask.To == 0 || n == ask.To) && (last == nil || m.position > last.position) {
			last = m
		}
	}
	return first, last
}

// entryAddrs are the addresses at which the kernel is entered.
func (ps *parts) entryAddrs() (addrs []uint64, err error) {
	file, p := ps.programs.Kernel().File, ps.m.Decoder.Platform()
	for _, s := range file.Symbols() {
		for _, pattern := range p.Entries {
			if ok, err := path.Match(pattern, s.Raw); err != nil {
				return nil, err
			} else if ok && file.InText(s.Addr) {
				addrs = append(addrs, s.Addr)
			}
		}
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("where %s is entered is not known: its file has none of the symbols %s", p.Name, strings.Join(p.Entries, ", "))
	}
	return addrs, nil
}

// run goes from the beginning to the end, and looks at every kernel entry.
func (q *entryQuery) run(ctx context.Context) error {
	q.say(fmt.Sprintf("going back %s to look at every kernel entry in %s", words.Roughly(q.from), q.far()))
	if err := q.begin(ctx, q.from); err != nil {
		return err
	}
	if err := q.moveTo(ctx, q.from); err != nil {
		return err
	}
	q.programs.ForgetTasks()
	if err := q.look(ctx); err != nil {
		return err
	}
	breaks := target.At(q.addrs...)
	if err := q.target.SetBreaks(ctx, breaks); err != nil {
		return fmt.Errorf("stopping where the kernel is entered: %w", err)
	}
	q.began = time.Now()
	err := q.walk(ctx)
	if clear := q.target.ClearBreaks(ctx, breaks); err == nil && clear != nil {
		err = fmt.Errorf("no longer stopping where the kernel is entered: %w", clear)
	}
	return err
}

// walk is run while there are breakpoints.
func (q *entryQuery) walk(ctx context.Context) error {
	const nowhere = ^uint64(0)
	left := nowhere // where the guest was stepped off a breakpoint
	for told := q.began; q.entries < maxEntries && len(q.changes) < maxChanges; {
		if q.drive.Asked.Load() {
			return errGivenUp
		}
		if _, err := q.runTowards(ctx, q.end); err != nil {
			return err
		}
		if q.at != left {
			if err := q.look(ctx); err != nil || q.at >= q.end {
				return err
			}
			q.entries++
		}
		if time.Since(told) > progressPeriod {
			q.say(q.progress())
			told = time.Now()
		}
		left = q.at
		if err := q.stepOff(ctx); err != nil {
			return err
		}
	}
	return nil
}

// progressPeriod is how often is told how far a question is.
const progressPeriod = 300 * time.Millisecond

// progress says how far it is.
func (q *entryQuery) progress() string {
	done, all := q.at-q.from, q.end-q.from
	left := time.Duration(float64(time.Since(q.began)) / float64(max(done, 1)) * float64(all-done))
	return fmt.Sprintf("looked at %s: %s of %s, %s; about %s more", words.Count(q.entries, "kernel entry"), words.Roughly(done), q.far(), words.Count(len(q.changes), "change"), seconds(left))
}

func (q *entryQuery) far() string { return words.Roughly(q.end-q.from) + " instructions" }

// look evaluates the expression as the guest stands, and notes what has changed.
func (q *entryQuery) look(ctx context.Context) error {
	q.looks++
	if err := q.m.Look(ctx, q.m.Stopped); err != nil {
		return err
	}
	now := entryLook{at: q.at, here: q.m.Here()}
	switch sys, err := q.m.System(ctx); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		now.Why = "the kernel's objects cannot be read: " + err.Error()
	default:
		q.snap = q.snapshot(sys)
		now.place = q.snap.PC
		if o := sys.Running(q.m.Stopped); o != nil {
			now.thread = q.threadOf(o)
		}
		if now.Value, err = q.asking.At(q.looks); err != nil {
			return err
		}
	}
	q.note(now)
	q.last = now
	return nil
}

// threadOf names a thread with its component.
func (q *entryQuery) threadOf(o *kernel.Object) string {
	if c := q.snap.TaskName(o.Thread.PD); c != "" {
		return c + "/" + titleOf(o)
	}
	return titleOf(o)
}

// note keeps a change.
func (q *entryQuery) note(now entryLook) {
	if q.looks > 1 && now.Value == q.last.Value {
		return
	}
	c := view.PeekChange{Position: now.at, New: now.Text, Unknown: now.Why != ""}
	if c.Unknown {
		c.New = "not known: " + now.Why
	}
	q.visits[now.at] = now.here
	if q.looks > 1 {
		c.After, c.Old, c.Entry, c.Thread = q.last.at, q.last.Text, q.last.place.Function, q.last.thread
		if now.thread != c.Thread {
			c.Thread = strings.Trim(c.Thread+", then "+now.thread, ", ")
		}
		q.visits[c.After] = q.last.here
	}
	q.changes = append(q.changes, c)
}

// snapshot is what expressions see, without what they do not ask for.
func (q *entryQuery) snapshot(sys *kernel.System) *view.Snapshot {
	s := &view.Snapshot{Number: q.looks, Reason: "kernel entry", System: sys, CPU: q.m.Arch.All(q.m.Registers()),
		Words: view.Words{Tasks: q.programs.NameTasks(sys, q.scn.Programs()), Places: map[kernel.ID]view.Place{}}}
	if q.question.Uses("place", "function") {
		for _, o := range sys.Threads() {
			s.Places[o.ID] = q.programs.PlaceOf(sys, o, o.Thread.IP)
		}
	}
	if o := sys.Running(q.m.Stopped); o != nil {
		s.Thread = o.ID
	}
	s.PC = q.programs.Here(sys).Place(q.m.CPU().IP)
	return s
}

func (q *entryQuery) memory(_ int, task kernel.ID) (*memory.Space, int, error) {
	root, err := taskRoot(q.snap, 0, task)
	return q.m.Fresh(root), q.m.PtrSize(), err
}

func (q *entryQuery) member(_ int, object kernel.ID, path string) (any, error) {
	return memberOf(q.snap, object, path, func(expr string) (debuginfo.Value, error) {
		scope, _, err := q.programs.Scope(q.snap, q.programs.Kernel(), 0)
		if err != nil {
			return debuginfo.Value{}, err
		}
		return scope.Eval(expr)
	})
}

func (q *entryQuery) print(_ int, text string) (any, error) {
	c, expr, err := q.programs.Expr(q.snap, text)
	if err != nil {
		return nil, err
	}
	scope, _, err := q.programs.Scope(q.snap, c, 0)
	if err != nil {
		return nil, err
	}
	return plain(scope.Eval(expr))
}

// told is the answer.
func (q *entryQuery) told(ask view.RunQuestion, given bool) *view.RunAnswer {
	a := &view.RunAnswer{Expr: ask.Expr, From: q.from, To: q.last.at, Entries: q.entries, Changes: q.changes}
	switch {
	case given:
		a.Ended = "given up"
	case q.at < q.end:
		a.Ended = fmt.Sprintf("no more are looked at, and %s instructions are left: ask from a later stop on", words.Roughly(q.end-q.at))
	}
	return a
}
