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

// editor is an editor that debugs through gdb's own DAP.
type editor struct {
	t    *testing.T
	in   interface{ Write([]byte) (int, error) }
	got  chan dap.Message
	seq  int
	seen []dap.Message // that nobody has asked for so far
}

// startEditor starts gdb as an editor does; it ends with the test.
func startEditor(t *testing.T, args ...string) *editor {
	t.Helper()
	cmd := exec.Command("gdb", append([]string{"-nx", "-q", "-i", "dap"}, args...)...)
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
				e.t.Fatalf("gdb has ended before %s", what)
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
	e := startEditor(t, editorArgs[2:]...)
	ask[*dap.InitializeResponse](e, "initialize", dap.InitializeRequestArguments{ClientID: "thaw", AdapterID: "gdb", LinesStartAt1: true, ColumnsStartAt1: true})
	attach := e.send("attach", map[string]string{"target": socket})
	const function = "Genode::sleep_ms"
	ask[*dap.SetFunctionBreakpointsResponse](e, "setFunctionBreakpoints", dap.SetFunctionBreakpointsArguments{Breakpoints: []dap.FunctionBreakpoint{{Name: function}}})
	ask[*dap.ConfigurationDoneResponse](e, "configurationDone", dap.ConfigurationDoneArguments{})
	next(e, "gdb to attach", func(m *dap.AttachResponse) bool { return m.RequestSeq == attach })
	next(e, "the guest to stand", func(m *dap.StoppedEvent) bool { return true }) // the answer does not wait for it
	threads := ask[*dap.ThreadsResponse](e, "threads", struct{}{}).Body.Threads
	handler := slices.IndexFunc(threads, func(th dap.Thread) bool { return th.Name == "rtcr/signal handler" })
	if len(threads) < 5 || handler < 0 {
		t.Fatalf("threads: %+v", threads)
	}
	frames := ask[*dap.StackTraceResponse](e, "stackTrace", dap.StackTraceArguments{ThreadId: threads[handler].Id}).Body.StackFrames
	if !slices.ContainsFunc(frames, func(f dap.StackFrame) bool { return strings.Contains(f.Name, "idle_main") && f.Line > 0 }) {
		t.Errorf("where the signal handler waits: %+v", frames)
	}
	ip := ask[*dap.EvaluateResponse](e, "evaluate", dap.EvaluateArguments{Expression: "$pc", FrameId: frames[0].Id}).Body.Result
	if !strings.HasPrefix(ip, frames[0].InstructionPointerReference) {
		t.Errorf("pc %s in %+v", ip, frames[0])
	}
	ask[*dap.ContinueResponse](e, "continue", dap.ContinueArguments{ThreadId: threads[handler].Id})
	stop := next(e, "a breakpoint in "+function, func(m *dap.StoppedEvent) bool { return m.Body.Reason == "breakpoint" })
	frames = ask[*dap.StackTraceResponse](e, "stackTrace", dap.StackTraceArguments{ThreadId: stop.Body.ThreadId}).Body.StackFrames
	if !strings.Contains(frames[0].Name, "sleep_ms") {
		t.Errorf("at the breakpoint: %+v", frames)
	}
	for range 3 { // over the system call in which it sleeps, and out
		ask[*dap.NextResponse](e, "next", dap.NextArguments{ThreadId: stop.Body.ThreadId})
		next(e, "a step to end", func(m *dap.StoppedEvent) bool {
			return m.Body.Reason == "step" && m.Body.ThreadId == stop.Body.ThreadId
		})
	}
	frames = ask[*dap.StackTraceResponse](e, "stackTrace", dap.StackTraceArguments{ThreadId: stop.Body.ThreadId}).Body.StackFrames
	if strings.Contains(frames[0].Name, "sleep_ms") {
		t.Errorf("behind the call: %+v", frames)
	}
	ask[*dap.DisconnectResponse](e, "disconnect", dap.DisconnectArguments{})
}
