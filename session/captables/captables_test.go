package captables

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// table reads slots "slot object kind role[=name[#trait]] [rights]"; order is the object, 0
// none.
func table(t *testing.T, text string, ordered bool) (out []Entry) {
	t.Helper()
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' }) {
		e := Entry{Known: true, Rights: "SW"}
		if n, err := fmt.Sscanf(line, "%x %x %s %s %s", &e.Slot, &e.Object, &e.Kind, &e.Role, &e.Rights); n < 4 {
			t.Fatalf("%q: %v", line, err)
		}
		e.Role, e.Name, _ = strings.Cut(e.Role, "=")
		e.Name, e.Trait, _ = strings.Cut(e.Name, "#")
		if ordered {
			e.Order = e.Object
		}
		if e.Object == 0 {
			e.Known, e.Order = false, 0
		}
		out = append(out, e)
	}
	return out
}

// told puts a result in words.
func told(a, b []Entry, r Result) string {
	out := []string{fmt.Sprintf("%d same", r.Same)}
	for _, m := range r.Moved {
		text := fmt.Sprintf("%x→%x %s", a[m.From].Slot, b[m.To].Slot, m.Certainty)
		if m.Otherwise {
			text += " otherwise"
		}
		out = append(out, text)
	}
	for _, c := range r.Changed {
		out = append(out, fmt.Sprintf("≠%x", a[c[0]].Slot))
	}
	for _, l := range []struct {
		sign string
		of   []Entry
		list []int
	}{{"-", a, r.Missing}, {"…", a, r.Later}, {"+", b, r.Extra}} {
		for _, i := range l.list {
			out = append(out, fmt.Sprintf("%s%x", l.sign, l.of[i].Slot))
		}
	}
	for _, c := range r.Copies {
		of := a
		if c.Restored {
			of = b
		}
		out = append(out, fmt.Sprintf("%x=%x", of[c.Entry].Slot, of[c.Of].Slot))
	}
	return strings.Join(out, ", ")
}

// The tables of children that were restored by rtcr on Genode 16.08, cut to what matters;
// the lab's mistakes; and what no system has shown so far.
func TestCompare(t *testing.T) {
	const order = true
	for _, c := range []struct {
		name, original, restored string
		ordered                  bool
		begun                    uint64
		want                     string
	}{
		{"the same", "1 21 Task itself; 8 22 Gate core/ep", "1 41 Task itself; 8 42 Gate core/ep", order, 0, "2 same"},
		{"a dataspace held in two slots, one of which the original got later for something else",
			"204 80 Gate rtcr/ep; 208 82 Gate core/entrypoint; 21e 90 Gate rtcr/resources", "204 a0 Gate rtcr/ep; 208 a2 Gate core/entrypoint; 20f a6 Gate core/dataspace; 21e a6 Gate core/dataspace",
			order, 0, "2 same, …21e, +20f, 21e=20f"},
		{"signal IRQ elsewhere, and the child behind its LOG request has not made the rest",
			"204 180 Gate rtcr/ep; 210 155 IRQ itself/signal; 211 1ab Gate itself/ep; 212 1ad Gate core/entrypoint; 20f 156 Gate core/entrypoint; 21f 1b0 Gate rtcr/ep; 221 1b9 Gate core/entrypoint; 216 1a9 Gate rtcr/ep; 1 153 Task itself; 10 1a5 IRQ itself/signal; 13 19e Gate itself/ep",
			"204 21b Gate rtcr/ep; 201 1f1 IRQ itself/signal; 202 247 Gate itself/ep; 203 249 Gate core/entrypoint; 200 1f2 Gate core/entrypoint; 216 245 Gate rtcr/ep; 1 1ef Task itself; 10 241 IRQ itself/signal; 13 23a Gate itself/ep",
			order, 0x24a, "5 same, 210→201 likely, 211→202 likely, 212→203 likely, 20f→200 likely, …21f, …221"},
		{"alike in one slot, and made at another time",
			"20f 156 Gate core/ep; 204 160 Gate rtcr/ep; 223 16d Gate core/ep; 1 153 Task itself; 205 170 Gate rtcr/ep",
			"20f 209 Gate core/ep; 204 200 Gate rtcr/ep; 200 1f2 Gate core/ep; 1 1ef Task itself; 205 20d Gate rtcr/ep",
			order, 0x300, "3 same, 20f→200 likely, 223→20f likely"},
		{"held twice for a while", "222 169 Gate core/ep; 20f 169 Gate core/ep; 1 10 Task itself", "21e 202 Gate core/ep; 1 1f0 Task itself", order, 0, "1 same, 222→21e certain, 20f=222"},
		{"held twice by the other", "222 169 Gate core/ep; 1 10 Task itself", "20f 202 Gate core/ep; 21e 202 Gate core/ep; 1 1f0 Task itself", order, 0, "1 same, 222→21e certain, 20f=21e"},
		{"one slot of two", "1 5 Gate a; 2 5 Gate a", "1 9 Gate a", order, 0, "1 same, 2=1"},
		{"left out by the restore, which made others", "1 21 Task itself; b 36 Gate rtcr/ep; e 39 Gate itself/ep; f 3a Gate itself/ep", "1 41 Task itself; b 58 Gate rtcr/ep", order, 0x50, "2 same, -e, -f"},
		{"not made yet", "1 21 Task itself; b 36 Gate rtcr/ep; e 39 Gate itself/ep", "1 41 Task itself; b 48 Gate rtcr/ep", order, 0x50, "2 same, …e"},
		{"lost from among others", "1 21 Task itself; a 30 Gate x; b 36 Gate y", "1 41 Task itself; b 48 Gate y", order, 0x50, "2 same, -a"},
		{"two changed places", "c 37 Gate core/timer; e 39 Gate itself/ep; d 38 Gate itself/ep; 1 21 Task itself", "e 5b Gate core/timer; c 59 Gate itself/ep; d 5a Gate itself/ep; 1 41 Task itself", order, 0x50, "2 same, c→e certain, e→c possible"},
		{"another kind in its slot", "f 3a Gate itself/ep", "f 4a IRQ none", order, 0, "0 same, ≠f"},
		{"an IRQ that nobody attached", "10 3b IRQ itself/ep; 9 3a IRQ itself/ep", "10 57 IRQ none; 9 56 IRQ itself/ep", order, 0, "1 same, ≠10"},
		{"other rights", "1 5 Gate a SW", "1 6 Gate a S", order, 0, "0 same, ≠1"},
		{"the original's thread", "1 5 Gate itself/ep; 2 6 Gate a", "1 5 Gate the+original/ep; 2 6 Gate a", order, 0, "1 same, ≠1"},
		{"the very object elsewhere", "1 5 Gate a; 3 7 Gate a", "2 5 Gate a; 3 8 Gate a", order, 0, "1 same, 1→2 certain"},
		{"no order: the only one", "1 5 Gate a; 2 6 Gate b", "1 105 Gate a; 3 106 Gate b", false, 0, "1 same, 2→3 certain"},
		{"no order: one is left", "1 5 Gate a; 2 6 Gate a", "1 105 Gate a; 3 106 Gate a", false, 0, "1 same, 2→3 possible"},
		{"no order: which of them", "1 5 Gate a; 2 6 Gate a", "3 106 Gate a", false, 0, "0 same, -1, -2, +3"},
		{"order speaks against it", "1 5 Gate a; 2 6 Gate b; 3 7 Gate c; 4 8 Gate b", "1 105 Gate a; 9 101 Gate b; 3 107 Gate c", order, 0x200, "2 same, -2, …4, +9"},
		{"told by their names", "1 5 Gate core/Log=a; 2 6 Gate core/Log=b; 3 7 Gate core/Log=c", "1 106 Gate core/Log=b; 2 105 Gate core/Log=a; 3 107 Gate core/Log=c", order, 0, "1 same, 1→2 certain, 2→1 certain"},
		{"told by their size, by which others are alike", "1 5 Gate ds=ram#1000; 2 6 Gate ds=ram#8000", "1 106 Gate ds=ram#8000; 2 105 Gate ds=ram#1000", order, 0, "0 same, 1→2 likely, 2→1 likely"},
		{"by size and order", "1 5 Gate ds=ram#1000; 2 6 Gate a; 3 7 Gate ds=ram#8000", "4 105 Gate ds=ram#1000; 2 106 Gate a; 5 107 Gate ds=ram#8000", order, 0, "1 same, 1→4 likely, 3→5 likely"},
		{"the only dataspace of its owner, of another size", "1 5 Gate ds=ram#1000", "2 105 Gate ds=ram#8000", order, 0, "0 same, 1→2 possible otherwise"},
		{"called otherwise in its place", "1 5 Gate ctx=imprint1; 2 6 Gate ctx=imprint2", "1 105 Gate ctx=imprint3; 2 106 Gate ctx=imprint2", order, 0, "1 same, ≠1"},
		{"called otherwise elsewhere", "1 5 Gate ctx=imprint1; 2 6 Gate ctx=imprint2", "3 105 Gate ctx=imprint3; 2 106 Gate ctx=imprint2", order, 0, "1 same, 1→3 possible otherwise"},
		{"all sessions called otherwise", "1 5 Gate Log=a; 2 6 Gate Pd=a", "1 105 Gate Log=b; 2 106 Gate Pd=b", order, 0, "0 same, ≠1, ≠2"},
		{"one of a name is left out", "1 5 Gate ctx=i1; 2 6 Gate ctx=i2; 3 7 Gate x", "2 105 Gate ctx=i2; 3 107 Gate x", order, 0x200, "2 same, -1"},
		{"unknown objects", "1 0 ? ?; 2 0 ? ?", "1 0 ? ?; 3 0 ? ?", order, 0, "1 same, 2→3 possible"},
		{"nothing at all", "", "", order, 0, "0 same"},
		{"nothing any more", "1 5 Gate a; 2 6 Gate b", "", order, 0, "0 same, -1, -2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := table(t, c.original, c.ordered), table(t, c.restored, c.ordered)
			if got := told(a, b, Compare(Tables{a, b, c.begun})); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whatever the tables hold, each slot is told of once, and the same each time.
func TestEverySlotOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() (out []Entry) {
		for slot := range uint64(r.IntN(40)) {
			if r.IntN(3) > 0 {
				n := r.Uint64N(30)
				out = append(out, Entry{Slot: slot, Object: n, Known: n > 2, Order: n * r.Uint64N(2), Kind: "Gate", Role: fmt.Sprint(n % 5), Name: fmt.Sprint(n % 3), Trait: fmt.Sprint(r.IntN(3)), Rights: "SW"[:1+n%2]})
			}
		}
		return out
	}
	for range 2000 {
		tables := Tables{random(), random(), r.Uint64N(30)}
		got := Compare(tables)
		original, restored := got.Same+len(got.Changed)+len(got.Moved)+len(got.Missing)+len(got.Later), got.Same+len(got.Changed)+len(got.Moved)+len(got.Extra)
		for _, c := range got.Copies {
			if c.Restored {
				restored++
			} else {
				original++
			}
		}
		if original != len(tables.Original) || restored != len(tables.Restored) {
			t.Fatalf("%d of %d and %d of %d slots are told of: %+v\n%+v", original, len(tables.Original), restored, len(tables.Restored), got, tables)
		}
		if again := Compare(tables); !reflect.DeepEqual(got, again) {
			t.Fatalf("%+v, then %+v", got, again)
		}
	}
}
