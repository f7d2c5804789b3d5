package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/scenarios"
	"thaw/session/view"
)

// A value that cannot be read makes the verdicts unknown that are about it, and says
// why; the check goes on to its end.
func TestUnreadValues(t *testing.T) {
	t.Parallel()
	data, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	const nowhere = "*(unsigned long *)8"
	request := func(selector, ip, registers string) string {
		return "requests:\n  - {component: core, function: 'Genode::Platform_thread::state(Genode::Thread_state)', selector: '" + selector + "', ip: '" + ip + "', sp: s.sp, registers: '" + registers + "'}\n"
	}
	for _, c := range []struct {
		name     string
		old, new string // in the scenario
		verdict  view.Verdict
		rule     string
		says     string
	}{
		{"ip of the request", "expect:", request("_pager_obj->_badge", nowhere, "s") + "expect:", view.Unknown, "request-unread", "ip of the request could not be read: "},
		{"selector of the request", "expect:", request(nowhere, "s.ip", "s") + "expect:", view.Unknown, "request-unseen", "could not be read: "},
		{"selector of nothing", "expect:", request("0x7ffff000", "s.ip", "s") + "expect:", view.Unknown, "request-unseen", "which is empty"},
		{"registers of the request", "expect:", request("_pager_obj->_badge", "s.ip", "no_such_name") + "expect:", view.Unknown, "registers-unread", "the registers of the request could not be read: "},
		{"stored ip", "ip: ts.ip", "ip: ts.no_such_member", view.Unknown, "stored-unread", "could not be read: "},
		{"list of stored threads", "stored_cpu_thread_infos", "no_such_member", view.Unknown, "stored-unread", "the list of stored threads no_such_member could not be read: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(string(data), c.old, c.new, 1)
			if text == string(data) {
				t.Fatalf("%q is not in the scenario", c.old)
			}
			file := filepath.Join(t.TempDir(), "scenario.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := thaw(t, onLab("check", "lab:fixed", "--json", "--scenario", file)...)
			out := decodeCheck(t, r)
			if r.code != exitUnexpected || len(out.Threads) != 3 {
				t.Fatalf("exit code %d, %d threads: %s", r.code, len(out.Threads), r.stderr)
			}
			for _, th := range out.Threads {
				if th.Verdict != c.verdict || th.Rule != c.rule || !strings.Contains(th.Cause, c.says) {
					t.Errorf("%s: %s by %s: %s", th.Name, th.Verdict, th.Rule, th.Cause)
				}
			}
		})
	}
}
