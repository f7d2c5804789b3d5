package report

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"thaw/kernel"
)

// space prints one task's table, without its title.
func space(t *testing.T, caps []kernel.Capability, others ...*kernel.Object) []string {
	t.Helper()
	s := snapshotOf(1, "", append(others, task(0x10, caps...)))
	var b strings.Builder
	p := &printer{w: &b}
	p.objectSpace(s.System, s, s.System.Object(0x10))
	return strings.Split(strings.TrimSpace(b.String()), "\n")[1:]
}

func TestObjectSpaceRows(t *testing.T) {
	got := space(t, []kernel.Capability{capability(1, 0x10, "SW"), capability(3, 0x144, "SW"), capability(8, 0x13e, "S-"), capability(9, 0x14b, "-W"),
		capability(0xa, 0x14c, "--"), capability(0xb, 0, "SW"), capability(0xfffff, 0x14b, "SW")},
		irq(0x144, 0), gate(0x13e, 0, 0), gate(0x14b, 0, 0), &kernel.Object{ID: 0x14c, Class: "Scheduler_with_a_long_name", Kind: kernel.KindOther})
	want := []string{
		"000000        --       00010* Task            --       00144* IRQ",
		"000008 0013eS Gate     0014bW Gate     0014c- Scheduler?????* ?",
		"0ffffc        --              --              --       0014b* Gate",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Cells stand under each other, and no row is wider than a terminal.
func TestObjectSpaceColumns(t *testing.T) {
	var caps []kernel.Capability
	for slot := range uint64(1000) {
		if slot%7 != 0 && (slot < 100 || slot >= 900) {
			caps = append(caps, capability(slot, kernel.ID(0xfff00+slot%3), []string{"--", "-W", "S-", "SW"}[slot%4]))
		}
	}
	rows := space(t, caps, gate(0xfff00, 0, 0), irq(0xfff01, 0), &kernel.Object{ID: 0xfff02, Class: "Irq_muxer_of_something", Kind: kernel.KindOther})
	cells := 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r); n > 71 {
			t.Errorf("%d columns: %s", n, r)
		}
		var first uint64
		if _, err := fmt.Sscanf(r, "%x", &first); err != nil || first%4 != 0 || first >= 100 && first < 900 {
			t.Errorf("row %q begins with slot %x (%v)", r, first, err)
		}
		r = fmt.Sprintf("%-71s", r)
		for i := range 4 {
			c := strings.TrimSpace(r[7+16*i : 7+16*(i+1)])
			empty := (first+uint64(i))%7 == 0
			if empty != (c == "--") && c != "" {
				t.Errorf("slot %x shows %q", first+uint64(i), c)
			}
			if c != "--" && c != "" {
				cells++
			}
		}
	}
	if cells != len(caps) {
		t.Errorf("%d cells for %d capabilities", cells, len(caps))
	}
}

func TestObjectSpaceOfNothing(t *testing.T) {
	if rows := space(t, nil); len(rows) != 0 {
		t.Errorf("rows %q of an empty table", rows)
	}
}
