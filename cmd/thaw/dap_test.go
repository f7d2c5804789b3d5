package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-dap"

	"thaw/testwait"
)

// editor is an editor that debugs through an adapter's DAP.
type editor struct {
	t    *testing.T
	in   interface{ Write([]byte) (int, error) }
	got  chan dap.Message
	seq  int
	seen []dap.Message // that nobody has asked for so far
}

// startEditor starts an adapter as an editor does; it ends with the test.
func startEditor(t *testing.T, program string, args ...string) *editor {
	t.Helper()
	cmd := exec.Command(program, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	e := &editor{t: t, in: in, got: make(chan dap.Message, 1000)}
	go func() {
		defer close(e.got)
		for r := bufio.NewReader(out); ; {
			m, err := dap.ReadProtocolMessage(r)
			if err != nil {
				return
			}
			e.got <- m
		}
	}()
	return e
}

// send sends a request; its number is for the answer.
func (e *editor) send(command string, arguments any) int {
	e.t.Helper()
	e.seq++
	m := struct {
		dap.Request
		Arguments any `json:"arguments"`
	}{dap.Request{ProtocolMessage: dap.ProtocolMessage{Seq: e.seq, Type: "request"}, Command: command}, arguments}
	if err := dap.WriteProtocolMessage(e.in, &m); err != nil {
		e.t.Fatalf("%s: %v", command, err)
	}
	return e.seq
}

// next is the first message that fits, which has come or comes.
func next[T dap.Message](e *editor, what string, fits func(T) bool) T {
	e.t.Helper()
	for i := 0; ; i++ {
		if i == len(e.seen) {
			m := testwait.For(e.t, e.got, what)
			if m == nil {
				e.t.Fatalf("the adapter has ended before %s", what)
			}
			e.seen = append(e.seen, m)
		}
		if m, ok := e.seen[i].(T); ok && fits(m) {
			e.seen = slices.Delete(e.seen, i, i+1)
			return m
		}
		if m, ok := e.seen[i].(*dap.ErrorResponse); ok {
			e.t.Fatalf("waiting for %s: %s: %s", what, m.Command, m.Message)
		}
	}
}

// ask sends a request and is its answer.
func ask[T dap.ResponseMessage](e *editor, command string, arguments any) T {
	e.t.Helper()
	n := e.send(command, arguments)
	return next(e, "the answer to "+command, func(m T) bool { return m.GetResponse().RequestSeq == n })
}

// speaksDAP says whether this gdb is an adapter for editors: since version 14.
func speaksDAP(t *testing.T) bool {
	t.Helper()
	out, err := exec.Command("gdb", "--version").Output()
	m := regexp.MustCompile(`(?m)^GNU gdb.* (\d+)\.\d`).FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("gdb --version: %v: %s", err, out)
	}
	major, err := strconv.Atoi(string(m[1]))
	return err == nil && major >= 14
}

// editorArgs are gdb's in docs/guide.md.
var editorArgs = []string{"-i", "dap", "-ex", "set architecture i386:x86-64", "-ex", "set osabi none", "-ex", "set sysroot /"}

// The guide's files for VS Code are whole, and they, and the lines for Neovim, have gdb's
// arguments as they are tried.
func TestEditorFiles(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, into any) {
		t.Helper()
		_, text, _ := strings.Cut(string(guide), "`"+name+"`:\n\n")
		text, _, ok := strings.Cut(text, "\n\n")
		if err := json.Unmarshal([]byte(text), into); !ok || err != nil {
			t.Fatalf("%s: %v: %s", name, err, text)
		}
	}
	var extension struct {
		Contributes struct {
			Debuggers []struct {
				Type, Runtime string
				Args          []string
			}
		}
	}
	file(".vscode/extensions/gdb-dap/package.json", &extension)
	var launch struct {
		Configurations []struct{ Type, Request, Target string }
	}
	file(".vscode/launch.json", &launch)
	if d, c := extension.Contributes.Debuggers, launch.Configurations; len(d) != 1 || len(c) != 1 || d[0].Type != c[0].Type || d[0].Runtime != "gdb" ||
		!slices.Equal(d[0].Args, editorArgs) || c[0].Request != "attach" || c[0].Target == "" {
		t.Errorf("%+v, %+v", d, c)
	}
	if lua := `args = { "` + strings.Join(editorArgs, `", "`) + `" }`; !strings.Contains(string(guide), lua) {
		t.Errorf("Neovim has not %s", lua)
	}
}

// checkEdited debugs a component as VS Code and Neovim do, through gdb's DAP, with the
// settings of docs/guide.md.
func checkEdited(t *testing.T, stub string) {
	if !speaksDAP(t) {
		t.Skip("gdb speaks DAP since version 14")
	}
	socket, end := served(t, stub, "--build", guestDir, "--only", "rtcr")
	defer end()
	e := startEditor(t, "gdb", slices.Concat([]string{"-nx", "-q"}, editorArgs)...)
	e.initialize("gdb")
	attach := e.send("attach", map[string]string{"target": socket})
	e.breakAtSleep()
	next(e, "gdb to attach", func(m *dap.AttachResponse) bool { return m.RequestSeq == attach })
	frames := e.stands()
	ip := ask[*dap.EvaluateResponse](e, "evaluate", dap.EvaluateArguments{Expression: "$pc", FrameId: frames[0].Id}).Body.Result
	if !strings.HasPrefix(ip, frames[0].InstructionPointerReference) {
		t.Errorf("pc %s in %+v", ip, frames[0])
	}
	thread := e.sleeps()
	for range 3 { // over the system call in which it sleeps, and out
		ask[*dap.NextResponse](e, "next", dap.NextArguments{ThreadId: thread})
		next(e, "a step to end", func(m *dap.StoppedEvent) bool {
			return m.Body.Reason == "step" && m.Body.ThreadId == thread
		})
	}
	if frames := e.frames(thread); strings.Contains(frames[0].Name, "sleep_ms") {
		t.Errorf("behind the call: %+v", frames)
	}
	ask[*dap.DisconnectResponse](e, "disconnect", dap.DisconnectArguments{})
}

// checkEditedByLLDB does the same as far as lldb's adapter goes, which Debian 12 has.
func checkEditedByLLDB(t *testing.T, stub string) {
	adapter := ""
	for _, name := range []string{"lldb-dap", "lldb-vscode", "lldb-dap-19", "lldb-vscode-14"} {
		if path, err := exec.LookPath(name); err == nil {
			adapter = path
		}
	}
	if adapter == "" {
		t.Fatal("this lldb has no adapter")
	}
	socket, end := served(t, stub, "--build", guestDir, "--only", "rtcr")
	defer end()
	e := startEditor(t, adapter)
	e.initialize("lldb")
	ask[*dap.AttachResponse](e, "attach", map[string]any{"stopOnEntry": true,
		"attachCommands": []string{"target create " + filepath.Join(guestDir, "rtcr"), "process connect unix-connect://" + socket}})
	e.breakAtSleep()
	e.stands()
	e.sleeps()
	ask[*dap.DisconnectResponse](e, "disconnect", dap.DisconnectArguments{})
}

func (e *editor) initialize(adapter string) {
	e.t.Helper()
	ask[*dap.InitializeResponse](e, "initialize", dap.InitializeRequestArguments{ClientID: "thaw", AdapterID: adapter, LinesStartAt1: true, ColumnsStartAt1: true, PathFormat: "path"})
}

// breakAtSleep sets a breakpoint where rtcr sleeps, and ends the configuration.
func (e *editor) breakAtSleep() {
	e.t.Helper()
	ask[*dap.SetFunctionBreakpointsResponse](e, "setFunctionBreakpoints", dap.SetFunctionBreakpointsArguments{Breakpoints: []dap.FunctionBreakpoint{{Name: "Genode::sleep_ms"}}})
	ask[*dap.ConfigurationDoneResponse](e, "configurationDone", dap.ConfigurationDoneArguments{})
}

// stands waits for the guest to stand, and is where rtcr's signal handler waits.
func (e *editor) stands() []dap.StackFrame {
	e.t.Helper()
	next(e, "the guest to stand", func(m *dap.StoppedEvent) bool { return true }) // the answer to attach does not wait for it
	threads := ask[*dap.ThreadsResponse](e, "threads", struct{}{}).Body.Threads
	handler := slices.IndexFunc(threads, func(th dap.Thread) bool { return strings.Contains(th.Name, "rtcr/signal handler") })
	if len(threads) < 5 || handler < 0 {
		e.t.Fatalf("threads: %+v", threads)
	}
	frames := e.frames(threads[handler].Id)
	if !slices.ContainsFunc(frames, func(f dap.StackFrame) bool { return strings.Contains(f.Name, "idle_main") && f.Line > 0 }) {
		e.t.Errorf("where the signal handler waits: %+v", frames)
	}
	return frames
}

// sleeps lets the guest go on to the breakpoint, and is the thread that comes there.
func (e *editor) sleeps() int {
	e.t.Helper()
	threads := ask[*dap.ThreadsResponse](e, "threads", struct{}{}).Body.Threads
	ask[*dap.ContinueResponse](e, "continue", dap.ContinueArguments{ThreadId: threads[0].Id})
	stop := next(e, "a breakpoint in sleep_ms", func(m *dap.StoppedEvent) bool { return strings.HasSuffix(m.Body.Reason, "breakpoint") })
	frames := e.frames(stop.Body.ThreadId) // lldb's breakpoint is behind the prologue, in a call that is inlined
	if !slices.ContainsFunc(frames[:min(len(frames), 2)], func(f dap.StackFrame) bool { return strings.Contains(f.Name, "sleep_ms") }) {
		e.t.Errorf("at the breakpoint: %+v", frames)
	}
	return stop.Body.ThreadId
}

func (e *editor) frames(thread int) []dap.StackFrame {
	e.t.Helper()
	frames := ask[*dap.StackTraceResponse](e, "stackTrace", dap.StackTraceArguments{ThreadId: thread, Levels: 20}).Body.StackFrames
	if len(frames) == 0 {
		e.t.Fatalf("thread %d is nowhere", thread)
	}
	return frames
}
