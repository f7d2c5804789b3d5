package watch

import (
	"errors"
	"fmt"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// guest is one that runs: as memory is read, it changes. A thread's state and whom it waits
// for stand in different places, and it always writes both to the same number.
type guest struct {
	words  map[uint64]uint64
	reads  int
	writes func(g *guest) // before each word that is read
}

const stateAt, waitAt = 0x1000, 0x8000

func (g *guest) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		for off := 0; off < len(reqs[i].Buf); off += memory.Granule {
			at := reqs[i].Addr + uint64(off)
			if at == stateAt || at == waitAt {
				g.reads++
				g.writes(g)
			}
			reqs[i].Buf[off] = byte(g.words[at])
		}
	}
	return nil
}

func (g *guest) step(n uint64) { g.words[stateAt], g.words[waitAt] = n, n }

// reading reads the guest's one thread as a decoder does: from a mirror, word by word.
func (g *guest) reading() func() (map[key]row, []string, error) {
	m := memory.NewMirror(g)
	return func() (map[key]row, []string, error) {
		if err := m.Refresh(); err != nil {
			return nil, nil, err
		}
		state, err := memory.Uint(m, stateAt, 8)
		if err != nil {
			return nil, nil, err
		}
		wait, err := memory.Uint(m, waitAt, 8)
		if err != nil {
			return nil, nil, err
		}
		t := view.LookThread{ID: 7, Name: "ep", State: fmt.Sprint(state), Wait: fmt.Sprint(wait)}
		return map[key]row{{id: 7, addr: stateAt}: {thread: t}}, nil, nil
	}
}

// Whenever a guest changes a thread, no row shows the state of one moment with the wait of
// another: it is torn, or the same as it was at some moment.
func TestNoRowOfTwoMoments(t *testing.T) {
	torn, whole := 0, 0
	for apart := 1; apart <= 16; apart++ { // words that are read between two changes
		for first := range apart {
			for changes := 1; changes <= 40; changes++ {
				g := &guest{words: map[uint64]uint64{}}
				g.writes = func(g *guest) {
					if n := uint64(g.reads+first) / uint64(apart); n <= uint64(changes) {
						g.step(n % 200)
					}
				}
				seen, _, _, err := agree(g.reading())
				if err != nil {
					t.Fatal(err)
				}
				l := seen.look()
				if len(l.Threads) != 1 || l.Threads[0].ID != 7 || l.Threads[0].Name != "ep" {
					t.Fatalf("threads: %+v", l.Threads)
				}
				switch th := l.Threads[0]; {
				case th.Torn && (th.State != "" || th.Wait != "" || l.Torn != 1):
					t.Fatalf("a torn row tells %+v, %d torn", th, l.Torn)
				case th.Torn:
					torn++
				case th.State != th.Wait:
					t.Fatalf("a change every %d words, %d in all: state %s with wait %s", apart, changes, th.State, th.Wait)
				default:
					whole++
				}
			}
		}
	}
	if torn < 100 || whole < 100 {
		t.Errorf("%d rows were torn, %d whole: the guest changes too little or too much to show anything", torn, whole)
	}
}

// An object that comes or goes while the list is read is torn, and without a name that was
// read often enough it is counted alone.
func TestRowsThatComeAndGo(t *testing.T) {
	at := func(ids ...kernel.ID) map[key]row {
		rows := map[key]row{}
		for _, id := range ids {
			rows[key{id: id}] = row{thread: view.LookThread{ID: id, Name: fmt.Sprint("t", id)}}
		}
		return rows
	}
	for _, c := range []struct {
		name     string
		readings []map[key]row // the last one goes on
		read     int
		torn     int
		ids      []kernel.ID
	}{
		{"still", []map[key]row{at(1, 2)}, agreeing, 0, []kernel.ID{1, 2}},
		{"one comes", []map[key]row{at(1), at(1, 2)}, agreeing + 1, 0, []kernel.ID{1, 2}},
		{"one goes", []map[key]row{at(1, 2), at(1)}, agreeing + 1, 0, []kernel.ID{1}},
		{"one was there once", []map[key]row{at(1), at(1, 9), at(1)}, agreeing + 2, 0, []kernel.ID{1}},
		{"one comes at last", []map[key]row{at(1), at(1, 9), at(1), at(1, 9), at(1), at(1, 9), at(1), at(1, 2)}, mostReadings, 2, []kernel.ID{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			seen, _, readings, err := agree(func() (map[key]row, []string, error) {
				n++
				return c.readings[min(n, len(c.readings))-1], nil, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			l := seen.look()
			var ids []kernel.ID
			for _, th := range l.Threads {
				ids = append(ids, th.ID)
			}
			if readings != c.read || l.Torn != c.torn || fmt.Sprint(ids) != fmt.Sprint(c.ids) {
				t.Errorf("%d readings, %d torn, threads %v; want %d, %d, %v", readings, l.Torn, ids, c.read, c.torn, c.ids)
			}
		})
	}
}

// A reading that fails counts for nothing, and one that always fails is an error.
func TestReadingsThatFail(t *testing.T) {
	broken := errors.New("the list runs into itself")
	n := 0
	rows := map[key]row{{id: 1}: {thread: view.LookThread{ID: 1, Name: "ep"}}}
	seen, _, readings, err := agree(func() (map[key]row, []string, error) {
		if n++; n == 2 {
			return nil, nil, broken
		}
		return rows, nil, nil
	})
	if err != nil || readings != 2+agreeing || len(seen.look().Threads) != 1 {
		t.Errorf("%d readings, %+v, %v", readings, seen, err)
	}
	if _, _, readings, err := agree(func() (map[key]row, []string, error) { return nil, nil, broken }); !errors.Is(err, broken) || readings != mostReadings {
		t.Errorf("%d readings, %v", readings, err)
	}
}
