package live_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session"
	"thaw/session/view"
)

// by is a step of an origin as it is to be: the program, the function, and what the line in
// its source holds.
type by struct{ component, function, line string }

// Steps of several ways.
var (
	coreCopies  = by{"core", "memcpy", "*d++ = *s++"}
	rtcrSays    = by{"rtcr", "Genode::ipc_call", "u.values[i] = w[i]"}
	coreHears   = by{"core", "Genode::ipc_reply_wait", "w[i] = u.values[i]"}
	kernelHands = by{"kernel", "memcpy", "*d++ = *s++"}
)

// planted are the words that the lab guest with wrong pointers spoils, each in its way
// (guest/plant): the steps that lead to where the value came from, and how they end.
var planted = []struct {
	way   string
	addr  uint64 // in the child, 0: the variable from_rom
	value uint64
	steps []by
	end   string
	told  string // a part of the last step's text
}{
	{"stale-page", 0x20010000, 0x20001010, []by{coreCopies, coreCopies, coreCopies, {"sheep_counter", "grow", "m.stale = "}}, view.EndComputed, "a constant of the code (0x20001010)"},
	{"wrong-direction", 0x402fc000, 0x20001018, []by{{"sheep_counter", "unpack", "pointer = "}}, view.EndComputed, "a constant of the code (0x20001018)"},
	{"copy-of-copy", 0x20011000, 0xdead0002, []by{{"core", "put_buffer", "rep movsb"}, {"rtcr", "memcpy", "*d++ = *s++"}, {"rtcr", "keep_note", "to = n"}, {"rtcr", "make_note", "n.pointer = "}}, view.EndComputed, "a constant of the code (0xdead0002)"},
	{"message", 0x20011008, 0xdead0003, []by{{"core", "write_as_told", "*to = m.w[4]"}, coreHears, kernelHands, rtcrSays, {"rtcr", "plant", ""}}, view.EndComputed, "a constant of the code (0xdead0003)"},
	{"core", 0x20011010, 0xdead0004, []by{{"core", "core_writes", "*to = "}}, view.EndComputed, "a constant of the code (0xdead0004)"},
	{"kernel", 0x20011018, 0xdead0005, []by{{"kernel", "stray_write", "*to = "}}, view.EndComputed, "a constant of the code (0xdead0005)"},
	{"device", 0x20011020, 64 << 20, []by{{"kernel", "device_write", "asm volatile (\"outl"}}, view.EndDevice, "a device wrote it (DMA), told to by this instruction"},
	{"restorer", 0x20011028, 0xdead0007, []by{{"rtcr", "restorer_writes", "m.restorer = "}}, view.EndComputed, "a constant of the code (0xdead0007)"},
	{"child", 0x20011030, 0xdead0008, []by{{"sheep_counter", "go_astray", "m.child = "}}, view.EndComputed, "a constant of the code (0xdead0008)"},
	{"two-mappings", 0x20011038, 0xdead0009, []by{{"rtcr", "other_mapping_writes", "m.other = "}}, view.EndComputed, "a constant of the code (0xdead0009)"},
	{"same-value", 0x20011040, 0x20001000, []by{{"rtcr", "same_value_writes", "m.same = "}}, view.EndComputed, "a constant of the code (0x20001000)"},
	{"one-byte", 0x20011048, 0x20009900, []by{{"rtcr", "one_byte_writes", "[1] = 0x99"}}, view.EndComputed, "a constant of the code (0x99) (1 of its 8 bytes)"},
	{"rom", 0, 0x20001008, []by{coreCopies}, view.EndLoaded, "loaded with the kernel's file, at rom_sheep_counter+0x"},
}

// asksOrigins asks for the origins of planted words, "all" or those named, at a stop of a
// replay to which it comes back each time.
func asksOrigins(ctx context.Context, t *testing.T, e *session.Engine, files map[string]*debuginfo.File, child kernel.ID, stop int, ways ...string) {
	t.Helper()
	for _, p := range planted {
		if !slices.Contains(ways, p.way) && !slices.Contains(ways, "all") {
			continue
		}
		w := view.Word{Task: child, Addr: p.addr}
		if p.addr == 0 {
			v, err := files["sheep_counter"].Variable("(anonymous namespace)::from_rom")
			must(t, err)
			w.Addr = v.Addr
		}
		began := time.Now()
		all, err := e.LastWriteOf(ctx, w, view.MaxOrigins)
		must(t, err)
		if why := wrongOrigin(p.steps, p.value, p.end, p.told, all); why != "" {
			t.Errorf("%s: %s\n%s", p.way, why, originText(all))
		}
		t.Logf("%s: %d steps in %v", p.way, len(all), time.Since(began).Round(time.Millisecond))
		must(t, e.Restart(ctx, stop))
	}
}

// lineOf is the line of the guest's source that a place is in, "" if it is in none.
func lineOf(p view.Place) string {
	text, err := os.ReadFile(filepath.Join("..", "..", "guest", p.File))
	lines := strings.Split(string(text), "\n")
	if err != nil || p.Line <= 0 || p.Line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[p.Line-1])
}

// wrongOrigin says what is wrong with an origin, "" if nothing is.
func wrongOrigin(want []by, value uint64, end, told string, all []view.Origin) string {
	writes := all
	if end == view.EndLoaded { // and nobody wrote that
		writes = all[:max(len(all)-1, 0)]
	}
	if len(writes) != len(want) || len(all) == 0 {
		return fmt.Sprintf("%d steps, want %d", len(writes), len(want))
	}
	for i, o := range writes {
		line := lineOf(o.Place)
		switch name := o.Place.Function[strings.LastIndex(o.Place.Function, " ")+1:]; {
		case o.Place.Component != want[i].component || name != want[i].function && !strings.HasSuffix(name, "::"+want[i].function):
			return fmt.Sprintf("step %d is by %s, want %s", i, o.Place, want[i].function)
		case !strings.Contains(line, want[i].line) || line == "":
			return fmt.Sprintf("step %d is in %s:%d, which is %q", i, o.Place.File, o.Place.Line, line)
		case !o.Sure || o.New != value || len(o.Frames) < 2 || o.Thread == "":
			return fmt.Sprintf("step %d is not sure, not %#x, or has neither thread nor backtrace", i, value)
		}
	}
	if last := all[len(all)-1]; last.End != end || !strings.Contains(last.Text, told) {
		return fmt.Sprintf("it ends as %s, want %s: %s", last.End, end, told)
	}
	return ""
}

func originText(all []view.Origin) string {
	out := ""
	for _, o := range all {
		out += fmt.Sprintf("  %v %x <- %x %s at %d (stop %d, %s) %s: %s [%s]\n", o.Sure, o.New, o.Old, o.Place, o.Position, o.Stop, o.Phase, o.Thread, o.Text, o.End)
	}
	return out
}

// Whatever spoiled a pointer, its writer and its origin are named: in THAW_RUNS recorded runs
// that begin at other ticks of the timer. One of them, with some of the ways, is in
// TestGoBackInReplay.
func TestOrigins(t *testing.T) {
	runs, _ := strconv.Atoi(os.Getenv("THAW_RUNS"))
	if runs == 0 {
		t.Skip("make origins asks for all ways, in many runs")
	}
	for i := range runs {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			run, options := newRun(ctx, t), fmt.Sprintf("plant=all phase=%d", i*23)
			end := recordLab(ctx, t, run, options)
			var files map[string]*debuginfo.File
			e, _ := replayPlanted(ctx, t, run, options, end, &files)
			defer e.Close(ctx)
			for !e.View().Finished {
				must(t, e.NextPhase(ctx))
			}
			must(t, e.Until(ctx, "sheep_counter: (anonymous namespace)::look_at"))
			v := e.View()
			asksOrigins(ctx, t, e, files, v.Snapshot.System.Object(v.Snapshot.Thread).Thread.PD, v.Stops, "all")
		})
	}
}
