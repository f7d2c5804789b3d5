package gdbremote

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// transfer answers "ANNEX:OFFSET,LENGTH".
func (s *serverSession) transfer(arg string) ([]byte, error) {
	annex, span, _ := strings.Cut(arg, ":")
	return s.piece(span, func(uint64) ([]byte, bool) { return s.Handler.TargetFile(annex) }), nil
}

// transferThreads answers ":OFFSET,LENGTH" with what gdb's manual calls the thread list
// format.
func (s *serverSession) transferThreads(arg string) ([]byte, error) {
	h, ok := s.Handler.(ThreadDescriber)
	if !ok {
		return nil, nil
	}
	return s.piece(strings.TrimPrefix(arg, ":"), func(offset uint64) ([]byte, bool) {
		if offset == 0 { // what follows are further pieces of the same document
			s.document = threadList(h.DescribeThreads())
		}
		return s.document, true
	}), nil
}

// segments are what gdb's manual calls the library list format.
func segments(l Library) string { return fmt.Sprintf(`><segment address="%#x"/></library>`, l.Addr) }

// linked is the same in the form for SVR4's linkers, the one of the two that lldb reads
// addresses in. gdb reads it where an OS ABI with such linkers is set.
func linked(l Library) string {
	return fmt.Sprintf(` lm="%#x" l_addr="%#x" l_ld="0x0"/>`, l.Addr, l.Moved)
}

// libraries answers ":OFFSET,LENGTH" with those of the current process in a format, of which
// rest is what stands behind a library's name.
func libraries(format string, rest func(Library) string) func(*serverSession, string) ([]byte, error) {
	return func(s *serverSession, arg string) ([]byte, error) {
		h, ok := s.Handler.(Librarian)
		if !ok {
			return nil, nil
		}
		return s.piece(strings.TrimPrefix(arg, ":"), func(uint64) ([]byte, bool) {
			var b bytes.Buffer
			fmt.Fprintf(&b, `<%s version="1.0">`, format)
			for _, l := range h.Libraries(s.current().PID) {
				b.WriteString("\n<library name=\"")
				_ = xml.EscapeText(&b, []byte(l.File)) // a Buffer takes everything
				b.WriteString(`"` + rest(l))
			}
			fmt.Fprintf(&b, "\n</%s>\n", format)
			return b.Bytes(), true
		}), nil
	}
}

// offsets says that a program is where its file says: lldb believes it to be nowhere else.
func (s *serverSession) offsets(string) ([]byte, error) {
	if h, ok := s.Handler.(Executer); !ok || h.ExecFile(s.current().PID) == "" {
		return nil, nil
	}
	return []byte("Text=0;Data=0;Bss=0"), nil
}

func threadList(list []ThreadDescription) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?><threads>")
	attribute := func(name, value string) {
		fmt.Fprintf(&b, ` %s="`, name)
		_ = xml.EscapeText(&b, []byte(value)) // a Buffer takes everything
		b.WriteByte('"')
	}
	for _, t := range list {
		b.WriteString("\n<thread")
		attribute("id", t.ID.String())
		if t.Core >= 0 {
			attribute("core", strconv.Itoa(t.Core))
		}
		if t.Name != "" {
			attribute("name", t.Name)
		}
		b.WriteByte('>')
		_ = xml.EscapeText(&b, []byte(t.Extra))
		b.WriteString("</thread>")
	}
	b.WriteString("\n</threads>\n")
	return b.Bytes()
}

// transferFile answers "PID:OFFSET,LENGTH", or for the current process ":OFFSET,LENGTH".
func (s *serverSession) transferFile(arg string) ([]byte, error) {
	h, ok := s.Handler.(Executer)
	if !ok {
		return nil, nil
	}
	process, span, _ := strings.Cut(arg, ":")
	pid := s.current().PID
	if process != "" {
		var err error
		if pid, err = strconv.ParseInt(process, 16, 64); err != nil {
			return []byte("E22"), nil
		}
	}
	return s.piece(span, func(uint64) ([]byte, bool) {
		file := h.ExecFile(pid)
		return []byte(file), file != ""
	}), nil
}

// piece answers "OFFSET,LENGTH" with what of a document fits an answer.
func (s *serverSession) piece(span string, document func(offset uint64) ([]byte, bool)) []byte {
	offset, length, err := twoNumbers(span)
	if err != nil {
		return []byte("E22")
	}
	doc, ok := document(offset)
	if !ok || offset > uint64(len(doc)) {
		return []byte("E00")
	}
	rest := doc[offset:]
	length = min(length, uint64(max(s.packetSize()-16, 16)))
	if uint64(len(rest)) <= length {
		return append([]byte("l"), rest...)
	}
	return append([]byte("m"), rest[:length]...)
}
