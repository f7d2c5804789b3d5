package evidence

import (
	"cmp"
	"fmt"

	"thaw/kernel"
	"thaw/session/view"
)

// rule is one cause: when it holds, what it says, and what to try. The kernel's
// platform may have its own words for it. No rule holds on evidence that is missing.
type rule struct {
	name    string
	verdict view.Verdict
	when    func(f *facts) bool
	cause   func(f *facts) string
	advice  string
}

func says(text string) func(*facts) string { return func(*facts) string { return text } }

// rules are tried in order; the first that holds gives the verdict.
var rules = []rule{
	{
		name: "forced", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.forced },
		cause:  says("thaw itself put the requested state into the thread's saved state, on the user's wish: what came after says nothing about the restore"),
		advice: "run the restore again without forcing",
	},
	{
		name: "request-unread", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.q.Problem != "" },
		cause:  func(f *facts) string { return f.q.Problem },
		advice: "build the program that takes the request with less optimisation, or name the value otherwise in the scenario",
	},
	{
		name: "another-state", verdict: view.NotRequested,
		when: func(f *facts) bool { return f.foreign },
		cause: func(f *facts) string {
			if f.owner == "" {
				return "another state was requested for it than was checkpointed under its name"
			}
			return "the state that was requested for it was checkpointed of " + f.owner
		},
		advice: "look at how the restorer finds the new thread for each stored one: by name, badge or order",
	},
	{
		name: "stored-unread", verdict: view.Unknown,
		when: func(f *facts) bool { return f.arrived && f.unread != "" },
		cause: func(f *facts) string {
			return "what was requested was entered, but whether it is what was checkpointed is not known: " + f.unread
		},
		advice: "look at the stored state in the restorer",
	},
	{
		name: "registers-unread", verdict: view.Unknown,
		when: func(f *facts) bool { return f.arrived && f.wrote != nil && f.q.NoRegisters != "" },
		cause: func(f *facts) string {
			return fmt.Sprintf("ip and sp arrived, written by %s; the other registers cannot be compared: %s", f.wrote.Place.Function, f.q.NoRegisters)
		},
		advice: "build the program that takes the request with less optimisation, or name the registers otherwise in the scenario",
	},
	{
		name: "partial-registers", verdict: view.Partial,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil && len(f.diff) > 0 },
		cause: func(f *facts) string {
			return fmt.Sprintf("ip and sp arrived, written by %s, but %s came back with other values than were requested", f.wrote.Place.Function, list(f.diff))
		},
		advice: "hand over all registers",
	},
	{
		name: view.OtherCode, verdict: view.Partial,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil && f.code != "" },
		cause: func(f *facts) string {
			return fmt.Sprintf("written by %s and entered, but %s", f.wrote.Place.Function, f.code)
		},
		advice: "look at which dataspaces the restorer attaches, and with which offsets",
	},
	{
		name: "applied", verdict: view.Applied,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("written by %s and entered", f.wrote.Place.Function)
		},
	},
	{
		name: "return-unseen", verdict: view.Unknown,
		when: func(f *facts) bool {
			// QEMU tells one of two stops at the same moment: the return may be the other one.
			return !f.arrived && f.wrote != nil && f.over != nil && f.over == f.save && f.inside
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state while the thread was inside the kernel, which saved ip %#x of it later: it came back to user mode between them, and that was not seen", f.wrote.Place.Function, f.over.IP)
		},
		advice: "try again: whether it went on at the requested ip is not known",
	},
	{
		name: "ran-meanwhile", verdict: view.Ignored,
		when: func(f *facts) bool {
			// It was in user mode as the request came: what was saved is where it ran on to.
			return !f.arrived && f.wrote != nil && f.over != nil && f.over == f.save && f.q.Thread.Running
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("the thread was running on processor %d when the request came: %s wrote the requested state, and the kernel's next entry there saved the live registers over it", f.q.Thread.CPU, f.wrote.Place.Function)
		},
		advice: "pause the thread around the request",
	},
	{
		name: "overwritten", verdict: view.Overwritten,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote != nil && f.over != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, then %s wrote ip %#x over it before the thread ran", f.wrote.Place.Function, f.over.Place.Function, f.over.IP)
		},
		advice: "find who sends the later write: a resume with a stale copy, a signal, or a second request",
	},
	{
		name: "no-effect", verdict: view.Ignored,
		when:  func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil && f.blind != "" },
		cause: func(f *facts) string { return f.blind },
	},
	{
		name: "stays-in-copy", verdict: view.Ignored,
		when: func(f *facts) bool {
			return f.entered() && !f.arrived && f.wrote == nil && f.kept() && !f.q.Thread.Exception
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("the state stays in %s: nothing wrote the thread's kernel state, because it was %s when the request came",
				f.q.Copy.Name, situation(&f.q.Thread))
		},
		advice: "follow the copy on to who should hand it over",
	},
	{
		name: "refused", verdict: view.Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil && f.refused() },
		cause: func(f *facts) string {
			return fmt.Sprintf("the function that took the request did not take the state: %s held ip %#x after it returned; the thread was %s when the request came",
				f.q.Copy.Name, f.q.Copy.IP, situation(&f.q.Thread))
		},
		advice: "look at when that function takes a state",
	},
	{
		name: "empty-function", verdict: view.Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil && f.q.Empty },
		cause: func(f *facts) string {
			return "the requested state was never written to the thread's kernel state: " + f.empty()
		},
		advice: "take a system whose core sets states: no order of calls in the restorer helps",
	},
	{
		name: "never-written", verdict: view.Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil },
		cause: func(f *facts) string {
			if n := len(f.writes); n > 0 {
				return fmt.Sprintf("the requested state was never written; %s wrote ip %#x instead", f.writes[n-1].Place.Function, f.writes[n-1].IP)
			}
			return "the requested state was never written to the thread's kernel state"
		},
		advice: "follow the request on from the function that took it",
	},
	{
		name: "coincident", verdict: view.Coincident,
		when: func(f *facts) bool {
			return f.equal && f.wrote == nil && (f.arrived || !f.entered()) && !f.t.Changed()
		},
		cause: func(f *facts) string {
			text := "the thread stood at the requested ip and sp already when the request came: nothing wrote them, they are equal by coincidence"
			if n := len(f.writes); n > 0 {
				text += fmt.Sprintf("; %s only saved again what was there", f.writes[n-1].Place.Function)
			}
			return text
		},
	},
	{
		name: "entered-unseen", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.entered() },
		cause:  says("the thread entered user mode, but the writes that were seen do not explain where"),
		advice: "record the session and look at each write in the evidence",
	},
	{
		name: "killed", verdict: view.Killed,
		when: func(f *facts) bool { return f.wrote != nil && f.faulted != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, and the kernel's own way to user mode faulted on it at %#x: the thread never runs again, and nobody is told", f.wrote.Place.Function, f.faulted.IP)
		},
		advice: "look at what else of the state was requested",
	},
	{
		name: "written-blocked", verdict: view.Pending,
		when: func(f *facts) bool { return f.wrote != nil && f.over == nil && f.blocked },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, which takes effect once the thread's wait%s ends", f.wrote.Place.Function, f.partner)
		},
		advice: "end the wait",
	},
	{
		name: "written-not-run", verdict: view.Pending,
		when: func(f *facts) bool { return f.wrote != nil && f.over == nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, and the thread has not come back to user mode since", f.wrote.Place.Function)
		},
	},
	{
		name: "empty-function-blocked", verdict: view.Pending,
		when: func(f *facts) bool { return f.blocked && f.q.Empty },
		cause: func(f *facts) string {
			return "the thread still waits" + f.partner + " and has not come back to user mode; the request has no effect however the wait ends: " + f.empty()
		},
		advice: "take a system whose core sets states: no order of calls in the restorer helps",
	},
	{
		name: "blocked", verdict: view.Pending,
		when: func(f *facts) bool { return f.blocked },
		cause: func(f *facts) string {
			return "the thread still waits" + f.partner + " and has not come back to user mode"
		},
	},
	{
		name: "not-run", verdict: view.Pending,
		when: func(f *facts) bool { return true },
		cause: func(f *facts) string {
			switch {
			case f.q.Open:
				return f.q.Function + " has not taken the request so far"
			case f.q.Early != nil:
				return "the thread has not come back to user mode since " + f.q.Function + " took the request"
			}
			return "the thread has not come back to user mode since the request"
		},
	},
}

// Cause is a rule as it is listed for users.
type Cause struct {
	Rule    string       `json:"rule"`
	Verdict view.Verdict `json:"verdict"`
	Lab     string       `json:"lab,omitempty"`    // bug of the lab guest that shows it; "" where only a user, or a hole in the evidence, brings it about
	Advice  string       `json:"advice,omitempty"` // what to try
}

// Causes lists the rules in the order in which they are tried, in a kernel's words.
func Causes(words kernel.Causes) []Cause {
	var out []Cause
	for _, r := range rules {
		w := words[r.name]
		out = append(out, Cause{cmp.Or(w.Name, r.name), r.verdict, w.Lab, cmp.Or(w.Advice, r.advice)})
	}
	return out
}

func (f *facts) rule() rule {
	for _, r := range rules {
		if r.when(f) {
			return r
		}
	}
	panic("unreachable: the last rule always holds")
}
