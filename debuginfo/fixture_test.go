package debuginfo

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

func TestMain(m *testing.M) { os.Exit(fixture.Run(m)) }

func load(t testing.TB, path string) *File {
	t.Helper()
	f, err := Load(path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// dwarfVersions are the flags that fixtures are built with in turn.
var dwarfVersions = []string{"-gdwarf-5", "-gdwarf-4"}

// wordsAt is memory of 8-byte words, in front of other memory.
type wordsAt struct {
	at   map[uint64]uint64
	rest Memory
}

func (w wordsAt) ReadMemory(addr uint64, buf []byte) error {
	for i := range buf {
		a := addr + uint64(i)
		if v, ok := w.at[a&^7]; ok {
			buf[i] = byte(v >> (8 * (a & 7)))
		} else if w.rest == nil {
			return fmt.Errorf("nothing at %#x", a)
		} else if err := w.rest.ReadMemory(a, buf[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// gdb runs GDB's commands on a program.
func gdb(t *testing.T, prog string, commands ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gdb"); err != nil {
		t.Skip("gdb is not installed")
	}
	args := []string{"-nx", "-batch"}
	for _, c := range commands {
		args = append(args, "-ex", c)
	}
	cmd := exec.Command("gdb", append(args, prog)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("gdb: %v\n%s", err, out.String())
	}
	return out.String()
}

// stopped is a real stop of a program: what GDB saved.
type stopped struct {
	regs  unwound
	stack []byte
	sp    uint64
	data  []byte
	base  uint64
	file  *File
	log   string
}

func (s *stopped) ReadMemory(addr uint64, buf []byte) error {
	for _, m := range []struct {
		base uint64
		b    []byte
	}{{s.sp - 256, s.stack}, {s.base, s.data}} {
		if addr >= m.base && addr+uint64(len(buf)) <= m.base+uint64(len(m.b)) {
			copy(buf, m.b[addr-m.base:])
			return nil
		}
	}
	return s.file.ReadFile(addr, buf)
}

// stopAt runs a program to the exact address and saves registers, stack and
// data; GDB's own answers to commands are in log.
func stopAt(t *testing.T, f *File, addr uint64, commands ...string) *stopped {
	t.Helper()
	s := &stopped{regs: unwound{}, file: f}
	var low, high uint64
	for _, seg := range f.Segments() {
		if seg.Flags&2 != 0 {
			low, high = seg.VAddr, seg.VAddr+seg.MemSize
		}
	}
	dir := t.TempDir()
	all := []string{"set disable-randomization on", fmt.Sprintf("break *%#x", addr), "run", "info registers",
		"dump binary memory " + dir + "/stack $sp-256 $sp+1024", fmt.Sprintf("dump binary memory %s/data %#x %#x", dir, low, high), "echo ANSWERS\\n"}
	out := gdb(t, f.Path(), append(all, commands...)...)
	if !strings.Contains(out, "Breakpoint 1, ") {
		t.Skipf("gdb cannot run programs here:\n%s", out)
	}
	before, after, _ := strings.Cut(out, "ANSWERS")
	s.log = after
	for l := range strings.SplitSeq(before, "\n") {
		if p := strings.Fields(l); len(p) >= 2 {
			if v, err := strconv.ParseUint(p[1], 0, 64); err == nil {
				s.regs[p[0]] = v
			}
		}
	}
	s.sp, s.base = s.regs["rsp"], low
	var err error
	if s.stack, err = os.ReadFile(dir + "/stack"); err != nil {
		t.Fatal(err)
	}
	if s.data, err = os.ReadFile(dir + "/data"); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stopped) scope() Scope { return Scope{File: s.file, Mem: s, Regs: s.regs, PC: s.regs["rip"]} }
