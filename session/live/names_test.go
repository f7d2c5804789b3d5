package live_test

import (
	"testing"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/live"
)

// A task that maps none of its program's text, as the original child does once its
// dataspaces are detached, goes by the file that another task was seen to run.
func TestNamesWithoutMappedText(t *testing.T) {
	ctx := deadline(t)
	vm := startLab(ctx, t, "bug=fixed", true)
	readLog(t, vm, "9 sheeps") // the restore is over
	cfg, _ := onLab(ctx, t)
	original := func(e *session.Engine) (task *kernel.Object) {
		s := e.View().Snapshot
		for _, o := range s.System.PDs() {
			if s.Tasks[o.ID] == "sheep_counter" && (task == nil || o.ID < task.ID) {
				task = o
			}
		}
		return task
	}
	e, target := begin(ctx, t, cfg, vm.GDB(), live.Options{})
	task := original(e)
	if task == nil {
		t.Fatal("there is no child")
	}
	if err := target.WritePhysical(ctx, task.PD.Root, make([]byte, 8)); err != nil { // all of user space: it never runs again
		t.Fatal(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	e, _ = begin(ctx, t, cfg, vm.GDB(), live.Options{})
	defer e.Close(ctx)
	s := e.View().Snapshot
	if got := original(e); got == nil || got.ID != task.ID {
		t.Fatalf("the original is %v now", got)
	}
	threads := s.System.ThreadsOf(task.ID)
	for _, o := range threads {
		if p := s.Places[o.ID]; p.Component != "sheep_counter" || p.Function == "" {
			t.Errorf("thread %s %s is at %s", o.ID, o.Name, p)
		}
	}
	if len(threads) != 3 {
		t.Errorf("%d threads", len(threads))
	}
}
