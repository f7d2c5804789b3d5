package jdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"thaw/kernel"
)

// Thread is a row of the present list.
type Thread struct {
	ID      kernel.ID
	CPU     int
	Name    string // at most 15 characters, "-----" for none
	Prio    uint64
	Task    kernel.ID // column "sp"
	Wait    string    // id of who it waits for, "*" behind it for an IRQ; "-" for anybody, "" for nobody
	Timeout string    // "1m", "over", …
	State   string    // names with commas, ",..." at its end where it was cut
}

// Object is a row of the object list or of the task list.
type Object struct {
	ID   kernel.ID
	Addr uint64 // of its Kobject
	Kind string // "Task", "IRQ ipc"
	Name string // given to the kernel debugger, "" if none
	// Label and Thread are a gate's or an IRQ's, Task a thread's; Has* says
	// whether the row holds them.
	Label, Thread       uint64
	HasLabel, HasThread bool
	Task                kernel.ID
	HasTask             bool
}

// Cap is a used slot of an object space.
type Cap struct {
	Slot   uint64
	Object kernel.ID
	Rights string // as printed: one of "*wx-" in 2016, "DSW" later
	Kind   string
}

// Detail is the view of one thread's control block.
type Detail struct {
	ID      kernel.ID
	Addr    uint64 // of the Thread
	State   uint64
	Task    kernel.ID // 0 in the kernel's task
	UTCB    uint64    // user address
	Current bool      // JDB shows its own entry instead of user registers
	// User ip, sp and flags; JDB does not show all of them for every thread.
	IP, SP, Flags         uint64
	HasIP, HasSP, HasFlag bool
	Registers             map[string]uint64 // general registers by JDB's label: "rax", "r0"
	// Stack is the used part of the thread's kernel stack up to its end, in
	// words of Word bytes: what JDB shows without interpreting it.
	Stack []uint64
	Word  int
}

// blank cuts trailing blanks.
func blank(s string) string { return strings.TrimRight(s, " ") }

func hexID(s string) (kernel.ID, error) {
	v, err := strconv.ParseUint(strings.TrimSpace(s), 16, 64)
	return kernel.ID(v), err
}

// cut returns columns from..to of a line, as far as it has them.
func cut(s string, from, to int) string {
	from = min(max(from, 0), len(s))
	return s[from:min(max(to, from), len(s))]
}

// behindName is a present list's row from behind the name on: prio, task,
// partner with its flag, timeout, depth of the kernel stack where the kernel
// measures it, state.
var behindName = regexp.MustCompile(`^ +([0-9a-f]+) +([0-9a-f]+|-----) (.{6})(.{6})(?:\( *\d+\) )?(\S*)`)

// parseThreads reads the rows of a present list. Columns stand where the header
// says.
func parseThreads(s *screen) ([]Thread, error) {
	head := s.line(1)
	name := strings.Index(head, " name ")
	if name < 0 || !strings.Contains(head, " sp ") {
		return nil, fmt.Errorf("no present list on the screen, but %q", blank(head))
	}
	name++
	var out []Thread
	for r := 2; r < rows; r++ {
		line := s.line(r)
		if blank(line) == "" {
			continue
		}
		t, err := parseThread(line, name)
		if err != nil {
			return nil, fmt.Errorf("row %q is none of a present list: %w", blank(line), err)
		}
		out = append(out, t)
	}
	return out, nil
}

func parseThread(line string, name int) (t Thread, err error) {
	if t.ID, err = hexID(cut(line, 0, 5)); err != nil {
		return t, err
	}
	cpu, _, _ := strings.Cut(strings.TrimSpace(cut(line, 5, name)), ":") // home:current
	if t.CPU, err = strconv.Atoi(cpu); err != nil {
		return t, err
	}
	t.Name = blank(cut(line, name, name+15))
	m := behindName.FindStringSubmatch(cut(line, name+15, len(line)))
	if m == nil {
		return t, fmt.Errorf("no priority, task and state behind its name")
	}
	if t.Prio, err = strconv.ParseUint(m[1], 16, 64); err != nil {
		return t, err
	}
	if m[2] != "-----" {
		if t.Task, err = hexID(m[2]); err != nil {
			return t, err
		}
	}
	t.Wait, t.Timeout, t.State = strings.TrimSpace(m[3]), strings.TrimSpace(m[4]), m[5]
	return t, nil
}

var (
	objectRow  = regexp.MustCompile(`^ *([0-9a-f]+) ([0-9a-f]+) \[([^\]]*)\](.*)$`)
	objectName = regexp.MustCompile(`^ \{(.{16})\}`) // always padded; "{KERNEL}" is no name
	field      = regexp.MustCompile(`(?:^| )(L|T|D|S)=(?:D:)?([0-9a-f]+)`)
)

// parseObjects reads the rows of an object or task list.
func parseObjects(s *screen) ([]Object, error) {
	if head := blank(s.line(1)); !strings.HasPrefix(head, "[Objects]") {
		return nil, fmt.Errorf("no object list on the screen, but %q", head)
	}
	var out []Object
	for r := 2; r < rows-1; r++ {
		line := blank(s.line(r))
		if line == "" {
			continue
		}
		o, err := parseObject(line)
		if err != nil {
			return nil, fmt.Errorf("row %q is none of an object list: %w", line, err)
		}
		out = append(out, o)
	}
	return out, nil
}

func parseObject(line string) (o Object, err error) {
	m := objectRow.FindStringSubmatch(line)
	if m == nil {
		return o, fmt.Errorf("no id, address and kind")
	}
	if o.ID, err = hexID(m[1]); err != nil {
		return o, err
	}
	if o.Addr, err = strconv.ParseUint(m[2], 16, 64); err != nil {
		return o, err
	}
	o.Kind = strings.TrimSpace(m[3])
	rest := m[4]
	if n := objectName.FindStringSubmatch(rest); n != nil {
		o.Name, rest = blank(n[1]), rest[len(n[0]):]
	}
	for _, f := range field.FindAllStringSubmatch(rest, -1) {
		v, err := strconv.ParseUint(f[2], 16, 64)
		if err != nil {
			return o, err
		}
		switch f[1] {
		case "L":
			o.Label, o.HasLabel = v, true
		case "T", "D":
			o.Thread, o.HasThread = v, true
		case "S":
			o.Task, o.HasTask = kernel.ID(v), true
		}
	}
	return o, nil
}

// space is one page of an object space.
type space struct {
	first, last uint64 // slots that it shows; first > last if none
	caps        []Cap
}

var (
	slotLabel = regexp.MustCompile(`^([0-9a-f]{6,12}) ?:`)
	slotCell  = regexp.MustCompile(`^([0-9a-f]{5,8})([*wx-]|[D-][S-][W-]) (\S.*)$`)
)

// Columns of an object space.
const (
	slotWidth = 16
	slotStep  = slotWidth + 1
)

// parseSpace reads a page of an object space: rows with the first slot's number
// and as many columns as the kernel shows.
func parseSpace(s *screen) (space, error) {
	p := space{first: 1}
	for r := 1; r < rows; r++ {
		line := s.line(r)
		m := slotLabel.FindStringSubmatch(line)
		if m == nil {
			if r == 1 {
				return p, fmt.Errorf("no object space on the screen, but %q", blank(line))
			}
			break // the help line
		}
		slot, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			return p, fmt.Errorf("slot %q: %w", m[1], err)
		}
		if r == 1 {
			p.first = slot
		}
		for at := len(m[0]); blank(cut(line, at, len(line))) != ""; at, slot = at+slotStep, slot+1 {
			p.last = slot
			cell := strings.TrimSpace(cut(line, at, at+slotWidth))
			if cell == "--" {
				continue
			}
			c, err := parseCell(cell)
			if err != nil {
				return p, fmt.Errorf("slot %x: %w", slot, err)
			}
			c.Slot = slot
			p.caps = append(p.caps, c)
		}
	}
	return p, nil
}

func parseCell(cell string) (c Cap, err error) {
	m := slotCell.FindStringSubmatch(cell)
	if m == nil {
		return c, fmt.Errorf("%q is no capability", cell)
	}
	c.Object, err = hexID(m[1])
	c.Rights, c.Kind = m[2], m[3]
	return c, err
}

// The view of a thread's control block.
var (
	detailID    = regexp.MustCompile(`(?m)^thread *: +([0-9a-f]+) +<(?:0x)?([0-9a-f]+)>`)
	detailState = regexp.MustCompile(`(?m)^state *: ([0-9a-f]+)`)
	detailTask  = regexp.MustCompile(`task *: (?:D: *([0-9a-f]+)| kernel)`)
	detailUTCB  = regexp.MustCompile(`UTCB *: [0-9a-f]+/([0-9a-f]+)`)
	detailReg   = regexp.MustCompile(`\b(R[A-Z0-9]{1,2})= ?([0-9a-f]{16})\b`)           // x86_64
	detailRow   = regexp.MustCompile(`\[([048c])\] ([0-9a-f]{8}(?: [0-9a-f]{8}){3})\b`) // ARM: four registers
	detailIP    = regexp.MustCompile(`\b(?:RIP=([0-9a-f]{16})|PC=([0-9a-f]{8}))\b`)
	detailSP    = regexp.MustCompile(`\b(?:RSP=([0-9a-f]{16})|USP=([0-9a-f]{8}))\b`)
	detailFlags = regexp.MustCompile(`\bRFlags=([0-9a-f]{16})\b`)
	kernelSP    = regexp.MustCompile(`kernel R?SP=[0-9a-f]+`)
	stackRow    = regexp.MustCompile(`^ {0,4}([0-9a-f]{3}|[0-9a-f]{8}) {1,2}((?:(?:[0-9a-f]{16}|-{16}|[0-9a-f]{8}|-{8}) )+)`)
)

// stackTop is the first row from which a view may show the thread's kernel
// stack; what is above tells of the thread.
const stackTop = 15

// parseStack reads the words of the kernel stack below a view.
func parseStack(s *screen, d *Detail) {
	for r := stackTop; r < rows-1; r++ {
		m := stackRow.FindStringSubmatch(s.line(r))
		if m == nil {
			continue
		}
		for w := range strings.FieldsSeq(m[2]) {
			v, err := strconv.ParseUint(w, 16, 64)
			if err != nil {
				return // dashes: behind the end
			}
			d.Stack, d.Word = append(d.Stack, v), len(w)/2
		}
	}
}

// parseDetail reads the view of a thread's control block.
func parseDetail(s *screen) (d Detail, err error) {
	text := s.text(1, 20)
	value := func(digits string) uint64 {
		v, e := strconv.ParseUint(digits, 16, 64)
		if err == nil {
			err = e
		}
		return v
	}
	num := func(re *regexp.Regexp, group int, what string) uint64 {
		m := re.FindStringSubmatch(text)
		if m == nil {
			if err == nil {
				err = fmt.Errorf("no %s in %q", what, text[:min(len(text), 200)])
			}
			return 0
		}
		if m[group] == "" {
			return 0 // "kernel"
		}
		return value(m[group])
	}
	d.ID = kernel.ID(num(detailID, 1, "thread"))
	d.Addr = num(detailID, 2, "thread")
	d.State = num(detailState, 1, "state")
	d.Task = kernel.ID(num(detailTask, 1, "task"))
	d.UTCB = num(detailUTCB, 1, "UTCB")
	if err != nil {
		return d, err
	}
	parseStack(s, &d)
	d.Current = strings.Contains(text, "trapno ") || strings.Contains(text, "before debug entry")
	text = kernelSP.ReplaceAllString(text, "")
	for _, f := range []struct {
		re  *regexp.Regexp
		dst *uint64
		has *bool
	}{{detailIP, &d.IP, &d.HasIP}, {detailSP, &d.SP, &d.HasSP}, {detailFlags, &d.Flags, &d.HasFlag}} {
		if m := f.re.FindStringSubmatch(text); m != nil {
			*f.dst, *f.has = value(strings.Join(m[1:], "")), true // one group is empty
		}
	}
	d.Registers = map[string]uint64{}
	for _, m := range detailReg.FindAllStringSubmatch(text, -1) {
		if label := strings.ToLower(m[1]); label != "rip" && label != "rsp" {
			d.Registers[label] = value(m[2])
		}
	}
	for _, m := range detailRow.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[2])
		first := int(value(m[1]))
		if first == 12 { // r12, the user's and the kernel's return address, status
			d.Registers["r12"], d.Flags, d.HasFlag = value(words[0]), value(words[3]), true
			continue
		}
		for i, w := range words {
			d.Registers[fmt.Sprintf("r%d", first+i)] = value(w)
		}
	}
	return d, err
}
