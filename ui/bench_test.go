package ui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/kernel"
	"thaw/session/view"
)

// largeView is a stop of a system with so many threads, and so many capabilities
// in ten tasks.
func largeView(threads, caps int, stop int) *view.View {
	const tasks, firstGate = 10, 1 << 20
	v := viewStopped()
	s := *v.Snapshot
	v.Snapshot = &s
	s.Number, s.Places, s.Tasks = stop, map[kernel.ID]view.Place{}, map[kernel.ID]string{}
	var objects []*kernel.Object
	for i := range tasks {
		id := kernel.ID(i + 1)
		s.Tasks[id] = fmt.Sprintf("component %d", i)
		t := &kernel.PD{Root: 0x2f000000 + uint64(id)<<12}
		for n := range caps / tasks {
			gate := firstGate + kernel.ID(n%threads)
			t.Caps = append(t.Caps, kernel.Capability{Slot: uint64(n + 1), Object: gate, Rights: "SW", Pointer: 0xffffffff10000000 + uint64(gate)<<8})
		}
		objects = append(objects, &kernel.Object{ID: id, Addr: uint64(id) << 8, Size: 64, Kind: "Task", Class: "Task", PD: t})
	}
	for i := range threads {
		id := kernel.ID(tasks + 1 + i)
		ip := 0x1014ce5 + uint64(i%7)
		objects = append(objects,
			&kernel.Object{ID: id, Addr: uint64(id) << 8, Size: 64, Kind: "Thread", Class: "Thread_object", Name: fmt.Sprintf("worker %d", i),
				Thread: &kernel.Thread{PD: kernel.ID(i%tasks + 1), IP: ip + uint64(stop%2), SP: 0x401ff9a0, StateNames: []string{"receive_wait"}, StateWords: []string{"rcv_wait"}, Source: "frame"}},
			&kernel.Object{ID: firstGate + kernel.ID(i), Addr: 0xffffffff10000000 + uint64(firstGate+i)<<8, Size: 64, Kind: "Gate", Class: "Ipc_gate_obj",
				Links: []kernel.Link{{Name: "receiver", To: id}}, Values: []kernel.Value{{Name: "label", Number: uint64(i) << 4}}})
		s.Places[id] = view.Place{Addr: ip, Component: s.Tasks[kernel.ID(i%tasks+1)], Function: "Genode::ipc_call(Genode::Native_capability)", Offset: 0x75}
	}
	s.System = kernel.NewSystem(objects, nil)
	return v
}

// BenchmarkKeys is how long a key takes to the drawn frame with 10,000 threads and
// 100,000 capabilities, at 120×40: the handler, and all of the screen (median, and
// the longest but one of a hundred). A new stop is the session's, not a key.
func BenchmarkKeys(b *testing.B) {
	views := []*view.View{largeView(10000, 100000, 23), largeView(10000, 100000, 24)}
	for _, keys := range []struct {
		name string
		at   []string // pressed before
		keys []string
	}{
		{"threads", []string{"2"}, []string{"j", "PgDn", "End", "k", "PgUp", "Home"}},
		{"capabilities", []string{"2", "j", "4"}, []string{"j", "PgDn", "End", "k", "PgUp", "Home"}},
		{"panes", nil, []string{"2", "4", "3", "Tab", "z", "z"}},
		{"filter", []string{"2", "/"}, []string{"w", "o", "9", "9", "Backspace2", "Backspace2", "Backspace2", "Backspace2"}},
		{"selection", []string{"2", "Home"}, []string{"j", "j", "j", "k", "k", "k"}},
		{"stop", []string{"2"}, []string{""}},
	} {
		b.Run(keys.name, func(b *testing.B) {
			s := tcell.NewSimulationScreen("UTF-8")
			if err := s.Init(); err != nil {
				b.Fatal(err)
			}
			defer s.Fini()
			s.SetSize(120, 40)
			u := newUI(newFake(views[0]), Options{NoGreeting: true})
			u.apply(views[0])
			u.root.SetRect(0, 0, 120, 40)
			u.root.Draw(s)
			press(u, keys.at...)
			var all []time.Duration
			for n := 0; b.Loop(); n++ {
				begin := time.Now()
				if k := keys.keys[n%len(keys.keys)]; k != "" {
					press(u, k)
				} else {
					u.apply(views[(n+1)%2])
				}
				u.root.Draw(s)
				s.Show()
				all = append(all, time.Since(begin))
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "median-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(0, "ns/op")
		})
	}
}
