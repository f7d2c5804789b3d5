package change

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"thaw/debuginfo"
	"thaw/session/evidence"
	"thaw/session/observe"
)

// forceCancel prepares that a thread's wait in IPC is ended: its state gets the
// cancel flag. Whether the rest can be done is found out now, not later.
func (ch *Changer) forceCancel(ctx context.Context, w Writer, f *evidence.Forced, t *evidence.Track) error {
	sys, err := ch.m.System(ctx)
	if err != nil {
		return err
	}
	o := sys.Object(t.ID)
	if o == nil || o.Thread == nil || !o.Thread.Waits() {
		return nil
	}
	if _, _, err = ch.cancelCall(t); err == nil {
		_, _, err = ch.wayOut()
	}
	if err != nil {
		f.Waits = err.Error()
		return nil
	}
	spec, scope := ch.obs.Platform.Cancel, ch.m.Scope(ch.programs.ByName[ch.obs.Platform.Cancel.Component].File)
	flag, err := observe.EvalUint(scope, spec.Flag)
	if err != nil {
		return err
	}
	state, err := scope.Eval(fmt.Sprintf("((%s *)%#x)->%s", spec.Thread, t.Block, spec.State))
	if err != nil {
		return err
	}
	old, err := state.Uint64()
	if err != nil {
		return err
	}
	set := func(v uint64) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			return ch.writeMemory(ctx, w, state.Addr, binary.LittleEndian.AppendUint64(nil, v)[:state.Type.Size])
		}
	}
	ch.undo.add(t, set(old))
	f.Cancel = true
	return set(old | flag)(ctx)
}

// cancelCall is the function that makes a waiting thread ready, and what it is
// called for.
func (ch *Changer) cancelCall(t *evidence.Track) (fn, object uint64, err error) {
	spec := ch.obs.Platform.Cancel
	if spec == nil {
		return 0, 0, errors.New("it is not known how this kernel ends a wait (cancel, in the scenario)")
	}
	c := ch.programs.ByName[spec.Component]
	fns, err := c.File.Functions(spec.Function)
	if err != nil {
		return 0, 0, err
	}
	for _, f := range fns {
		class, _, member := cutLast(f.Name, "::")
		if len(f.Params) > 0 || !member || len(f.Locations) == 0 || f.Locations[0].Kind != debuginfo.Entry {
			continue
		}
		object, err := observe.EvalUint(ch.m.Scope(c.File), fmt.Sprintf("(%s *)(%s *)%#x", class, spec.Thread, t.Block))
		return f.Locations[0].Addr, object, err
	}
	return 0, 0, fmt.Errorf("%s of %s cannot be called: it takes parameters, or was inlined everywhere", spec.Function, c.File.Path())
}

// cutLast cuts s around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// PendingCancels are the forced states with waits that are to be ended.
func (ch *Changer) PendingCancels() (threads []*evidence.Track, states []*evidence.Forced) {
	for _, t := range ch.obs.Ev.Threads {
		for i := range t.Forced {
			if f := &t.Forced[i]; f.Cancel && !f.Undone && !f.Called {
				threads, states = append(threads, t), append(states, f)
			}
		}
	}
	return threads, states
}

// EndWaits sends the processor into the kernel for the threads whose waits are to
// be ended. It does so just before the guest goes on.
func (ch *Changer) EndWaits(ctx context.Context) error {
	threads, states := ch.PendingCancels()
	if len(threads) == 0 {
		return nil
	}
	w, ok := ch.target.(Putter)
	if !ok {
		return fmt.Errorf("ending the wait of a forced thread: %w: registers of %s cannot be put back", errNoCall, ch.target.Name())
	}
	var objects []uint64
	var fn uint64
	for i, t := range threads {
		states[i].Called = true
		at, object, err := ch.cancelCall(t)
		if err != nil {
			return err
		}
		fn, objects = at, append(objects, object)
	}
	if err := ch.callKernel(ctx, w, fn, objects); err != nil {
		return fmt.Errorf("ending the wait of a forced thread: %w", err)
	}
	return nil
}
