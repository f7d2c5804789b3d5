package foc

import (
	"path/filepath"
	"reflect"
	"testing"

	"thaw/kernel"
	"thaw/scenarios"
	"thaw/session/scenario"
)

// A scenario file of the time when each had to say who takes requests is read as it
// was, and says what the platform says of that generation. The one that comes with
// thaw leaves it to the platform.
func TestOldScenarioSaysThePlatform(t *testing.T) {
	old, err := scenario.Load(filepath.Join("testdata", "rtcr-2016-old.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := newPlatform(8, 0)
	request := p.Requests[0]
	request.Has = kernel.Member{}
	if len(old.Requests) != 1 || !reflect.DeepEqual(old.Requests[0], request) {
		t.Errorf("requests: the file says\n%+v\nthe platform\n%+v", old.Requests, request)
	}
	operation := p.Operations[0]
	operation.Component, operation.NoEffect = "kernel", ""
	if len(old.Operations) != 1 || old.Operations[0] != operation {
		t.Errorf("operations: the file says\n%+v\nthe platform\n%+v", old.Operations, operation)
	}
	cancel := *p.Cancel
	cancel.Component, cancel.Like = "kernel", ""
	if old.Cancel == nil || *old.Cancel != cancel {
		t.Errorf("cancel: the file says\n%+v\nthe platform\n%+v", old.Cancel, cancel)
	}
	if !reflect.DeepEqual(old.Attached, p.Attached) {
		t.Errorf("attached: the file says\n%+v\nthe platform\n%+v", old.Attached, p.Attached)
	}
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	now, err := scenario.Parse(scenarios.Default, text)
	if err != nil {
		t.Fatal(err)
	}
	if now.Requests != nil || now.Operations != nil || now.Cancel != nil || now.Attached != nil {
		t.Error("the scenario that comes with thaw repeats the platform")
	}
	if !reflect.DeepEqual(now.Phases, old.Phases) || !reflect.DeepEqual(now.Stored, old.Stored) {
		t.Error("it differs from the old one in more than that")
	}
	// Others were added since, and of capabilities it is told now which have moved.
	for variant, x := range old.Expect {
		if !reflect.DeepEqual(now.Expect[variant].Threads, x.Threads) {
			t.Errorf("of %s it expects %+v, the old one %+v", variant, now.Expect[variant].Threads, x.Threads)
		}
	}
}
