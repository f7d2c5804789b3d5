package propose

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
	"thaw/session/scenario"
	"thaw/session/scenario/verify"
	"thaw/session/view"
)

var update = flag.Bool("update", false, "write the golden files anew")

// vault builds testdata/vault.cc.
func vault(t *testing.T, flags ...string) *debuginfo.File {
	t.Helper()
	flags = slices.Concat(fixture.Bare, []string{"-O2", "-std=c++20", "-fno-tree-loop-distribute-patterns"}, flags)
	f, err := debuginfo.Load(fixture.Compile(t, "g++", "testdata/vault.cc", flags...), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// files are a system with the restorer as vault, and stand-ins for the rest.
func files(f *debuginfo.File) map[string]*debuginfo.File {
	return map[string]*debuginfo.File{"vault": f, "kernel": f, "patient": f, "init": f, "ld.lib.so": f}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("not as %s (go test ./session/scenario/propose -update writes it anew):\n%s", file, got)
	}
}

// A scenario is made of another restorer than thaw grew up with, and its own check finds
// nothing wrong with it; so for both generations of debug info.
func TestVault(t *testing.T) {
	for _, version := range []string{"-gdwarf-5", "-gdwarf-4"} {
		f := vault(t, version)
		all := files(f)
		p, err := For(all, "kernel", "vault", "patient")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "vault.yaml", p.Text())
		s, rep, err := scenario.Read(p.Text())
		if err != nil {
			t.Fatal(err)
		}
		verify.Against(s, rep, all, nil)
		if ps := rep.Problems(); len(ps) > 0 {
			t.Errorf("%s: %v", version, ps)
		}
	}
}

func TestCandidates(t *testing.T) {
	f := vault(t)
	got, err := Restorers(map[string]*debuginfo.File{"vault": f, "kernel": f}, "kernel")
	if err != nil || len(got) != 1 || got[0].Name != "vault" || !strings.Contains(got[0].Why, "Vault::Keeper") {
		t.Errorf("%+v, %v", got, err)
	}
	kids := Children(map[string]*debuginfo.File{"vault": f, "kernel": f, "another": f, "patient": f, "init": f, "ld.lib.so": f}, "kernel", "vault")
	if len(kids) != 2 || kids[0].Name != "patient" || !strings.Contains(kids[0].Why, "vault has its name") || kids[1].Name != "another" {
		t.Errorf("%+v", kids)
	}
}

// What did not come by in a run is left out, loops too, and the rest stands in the order
// in which it came.
func TestTook(t *testing.T) {
	f := vault(t)
	for _, c := range []struct {
		name     string
		complete bool
		hits     map[string][2]int // stop and hits by the last part of the function
	}{
		{"whole", true, map[string][2]int{"freeze": {2, 1}, "pause": {3, 1}, "_freeze_sessions": {4, 1}, "_freeze_threads": {6, 1}, "_freeze_caps": {5, 1}, "_copy_memory": {7, 1},
			"revive": {8, 1}, "_map_caps": {10, 1}, "_fill_memory": {9, 1}, "_revive_threads": {11, 2}, "_revive_thread": {12, 17}, "_inline_step": {8, 1}}},
		{"late", false, map[string][2]int{"freeze": {2, 1}, "revive": {8, 1}, "_fill_memory": {9, 1}}},
	} {
		p, err := For(files(f), "kernel", "vault", "patient")
		if err != nil {
			t.Fatal(err)
		}
		var phases []view.Phase
		p.each(func(q *Phase) {
			_, last := split(q.Function)
			h := c.hits[last]
			phases = append(phases, view.Phase{Function: q.Function, Stop: h[0], Hits: h[1]})
		})
		if err := p.Took(phases[1:], true, "a test"); err == nil {
			t.Error("a run with other phases was taken")
		}
		if err := p.Took(phases, c.complete, "a test"); err != nil {
			t.Fatal(err)
		}
		golden(t, "took-"+c.name+".yaml", p.Text())
	}
	p, err := For(files(f), "kernel", "vault", "patient")
	if err != nil {
		t.Fatal(err)
	}
	var none []view.Phase
	p.each(func(q *Phase) { none = append(none, view.Phase{Function: q.Function}) })
	if err := p.Took(none, true, "a test"); err == nil || !strings.Contains(err.Error(), "none of the proposed functions came by in a test") {
		t.Errorf("nothing came by: %v", err)
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{"_restore_state_cpu": "restore state cpu", "CheckPoint": "check point", "ID_space": "id space", "": "", "__": "", "restoreAll2": "restore all2"} {
		if got := strings.Join(wordsOf(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]purpose{"checkpoint": checkpointing, "Checkpointer": checkpointing, "_restore_caps": restoring, "Reviver": restoring,
		"storage_size": nothing, "start": nothing, "resumes": restoring, "save": checkpointing, "saver": checkpointing} {
		if got, _ := purposeOf(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]bool{"Rtcr::Restorer::restore": true, "Rtcr::Restorer::Restorer": false, "Rtcr::Restorer::~Restorer": false, "Genode::List<Rtcr::X>::first": false,
		"restore": false, "A::B<Genode::X>::B": false, "A::B<C::D>::restore": true, "A::operator=": false, "A::f()::{lambda(int)#1}::operator()": false} {
		if own(name) != want {
			t.Errorf("%s: own is %v", name, own(name))
		}
	}
	if class, last := split("A::B<C::D>::f<E::F>"); class != "A::B<C::D>" || last != "f<E::F>" {
		t.Errorf("%s %s", class, last)
	}
	if !slices.Equal([]string{top("A::B::c"), top("f"), top("Genode::List<A::B>::x")}, []string{"A", "", "Genode"}) {
		t.Error("outermost scopes")
	}
}

// Code that was not optimised does not tell who calls whom: what is of the same class is
// proposed, in the order of its addresses, for a run to sift.
func TestNoCalls(t *testing.T) {
	f := vault(t, "-O0")
	p, err := For(files(f), "kernel", "vault", "patient")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	p.each(func(q *Phase) { names = append(names, q.Name) })
	for _, want := range []string{"freeze sessions", "copy memory", "revive threads", "start threads", "fill memory"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among %v", want, names)
		}
	}
	if slices.Contains(names, "destroy old") || slices.Contains(names, "find thread") {
		t.Errorf("what is no phase is among %v", names)
	}
	if p.Stored == nil || p.Stored.Lists[0] != "_archive.sessions" {
		t.Errorf("stored: %+v", p.Stored)
	}
}
