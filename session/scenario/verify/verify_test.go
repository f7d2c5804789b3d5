package verify

import (
	"fmt"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
	"thaw/session/scenario"
)

// vault builds the stand-in for another restorer.
func vault(t *testing.T) *debuginfo.File {
	t.Helper()
	prog := fixture.Compile(t, "g++", "../propose/testdata/vault.cc", append(fixture.Bare, "-O2", "-std=c++20", "-fno-tree-loop-distribute-patterns")...)
	f, err := debuginfo.Load(prog, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const right = `name: x
components:
  k: {kernel: true, files: [k]}
  v: {files: [vault]}
child: v
phases:
  - {name: p, component: v, function: Vault::Keeper::freeze}
stored:
  component: v
  function: Vault::Reviver::revive
  lists: [_archive.sessions, threads]
  name: label
  ip: regs.ip
  sp: regs.sp
  registers: regs
complete: {component: v, function: Vault::Reviver::revive, at: return}
`

// Each thing that is wrong with a scenario is told where it stands, with what is there.
func TestAgainst(t *testing.T) {
	f := vault(t)
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"freeze}", "frieze}", "[7:39] phase p: no function Vault::Keeper::frieze"},
		{"freeze}", "frieze, optional: true}", ""},
		{"function: Vault::Keeper::freeze}", `line: "vault.cc:1"}`, "no code of"},
		{"function: Vault::Keeper::freeze}", `functions: "Vault::Keeper::_freeze*"}`, ""},
		{"function: Vault::Keeper::freeze}", `functions: "Vault::Keeper::_frieze*"}`, "matches Vault::Keeper::_frieze*; did you mean Vault::Keeper::"},
		{"function: Vault::Keeper::freeze}", "address: 0x1}", "is at 0x1"},
		{"_archive.sessions", "_archive.session", "lists[0]: evaluating _archive.session: Vault::Archive has no member session; did you mean sessions?"},
		{"_archive.sessions", "_archive.size", "lists[0]: _archive.size is "},
		{"_archive.sessions", "_archive->sessions", ""},
		{"_archive.sessions, threads", "_child.now", "ip: evaluating regs.ip: Vault::Live_thread has no member regs"},
		{"_archive.sessions, threads", "_archive.sessions, threads, label", "name: "},
		{"threads]", "thread]", "lists[1]: evaluating thread: Vault::Frozen_session has no member thread; did you mean threads"},
		{"threads]", "'threads[2].label']", "name: "},
		{"name: label", "name: flags", "name: long unsigned int is no text"},
		{"name: label", "name: 'label[0'", "name: "},
		{"ip: regs.ip", "ip: regs", "ip: a struct (Genode::Thread_state) is no number"},
		{"sp: regs.sp", "sp: regs.ps", "sp: evaluating regs.ps: Genode::Thread_state has no member ps"},
		{"registers: regs", "registers: label", "registers: char[32] has no member that is named like a register (rax"},
		{"registers: regs", "registers: regs\n  class: Vault::Heap", "class: Vault::Heap is not derived from Vault::Frozen_thread"},
		{"  sp: regs.sp\n", "", "stored says no sp"},
		{"  lists: [_archive.sessions, threads]\n", "", "stored names no lists"},
		{"complete:", "memory: {component: v, function: Vault::Keeper::_copy}\ncomplete:", "memory: no function Vault::Keeper::_copy"},
	} {
		text := strings.Replace(right, c.old, c.new, 1)
		if c.old != "" && text == right {
			t.Fatalf("%q is not in the scenario", c.old)
		}
		s, rep, err := scenario.Read([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", c.new, err)
		}
		Against(s, rep, map[string]*debuginfo.File{"v": f}, nil)
		switch ps := rep.Problems(); {
		case c.want == "" && len(ps) > 0:
			t.Errorf("%s: %v", c.new, ps)
		case c.want != "" && (len(ps) == 0 || !strings.Contains(fmt.Sprint(ps), c.want)):
			t.Errorf("%s: %v, want %s", c.new, ps, c.want)
		}
		for _, p := range rep.Problems() {
			if p.Line == 0 {
				t.Errorf("%s has no place: %s", c.new, p)
			}
		}
	}
}

// Expressions of strangers end in a sentence, whatever they are.
func FuzzExpressions(f *testing.F) {
	for _, s := range []string{"_archive.sessions", "_child.now[3].ip", "this->_child.first", "*this", "((long*)0)[7]", "f(1)", "a[", "_archive.sessions._child[0]", ""} {
		f.Add(s, s)
	}
	for _, s := range [][2]string{
		{"_archive.sessions", "threads"}, {"_archive.sessions", ""}, {"_child.now", "label"}, {"_child.now", "ip"}, {"_child.now", "flags"}, {"_child.first", "_object"}, {"_archive->sessions", "id"},
		{"_archive.sessions", "threads[2].label"}, {"_archive.sessions", "threads[2].regs"}, {"_archive.size", "x"}, {"_child", "now"}, {"_archive.sessions", "no"},
	} {
		f.Add(s[0], s[1])
	}
	var file *debuginfo.File
	f.Fuzz(func(t *testing.T, list, member string) {
		if file == nil {
			file = vault(t)
		}
		fns, err := file.Functions("Vault::Reviver::revive")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*scenario.StoredSpec{
			{Lists: []string{list, member}, Name: member, IP: member, SP: list, Registers: member},
			{Lists: []string{list}, Name: member, IP: member, Registers: member, Class: "Vault::" + member},
			{Lists: []string{list}, Name: "label", IP: member, SP: "sp", Registers: member},
			{Lists: []string{list, "threads"}, Name: "label", IP: "regs.ip", Registers: member, Class: "Vault::Frozen_thread"},
		} {
			for _, w := range Stored(s, debuginfo.Supposed(file, fns[0].Locations[0].Addr, "Vault::Reviver::revive")) {
				if w.Key == "" || w.Err == nil {
					t.Errorf("%q %q: %+v", list, member, w)
				}
			}
		}
	})
}
