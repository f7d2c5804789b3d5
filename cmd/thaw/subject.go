package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"thaw/readfile"
	"thaw/scenarios"
	"thaw/words"
)

// subject is what a command is about: what an argument means.
type subject struct {
	kind subjectKind
	name string // as it was given, without @STOP
	bug  string // of the lab guest, "" if none is given
	stop int    // of a recording, 0 if none is given
}

// subjectKind is one of the kinds below, or several that a command takes.
type subjectKind int

const (
	subjectAddress  subjectKind = 1 << iota // of a gdbstub
	subjectLab                              // lab, lab:BUG
	subjectFile                             // a recording in a file, or out of a pipe
	subjectNamed                            // a recording that comes with thaw
	subjectStop                             // not a kind: @STOP may follow a recording
	subjectRecorded = subjectFile | subjectNamed
)

// subjectKinds is how the kinds are told in messages.
var subjectKinds = []struct {
	kind subjectKind
	is   string // what a subject is
	give string // what to give instead
	no   string // what a subject is not
}{
	{subjectFile, "a file", "a recording (a file, as `thaw record` makes it)", "no file"},
	{subjectNamed, "a recording that comes with thaw", "the name of a recording that comes with thaw (`thaw list`)", "no recording that comes with thaw"},
	{subjectLab, "the lab guest", "lab or lab:BUG", "not lab"},
	{subjectAddress, "a gdbstub's address", "the gdbstub's address (HOST:PORT, :1234, or the path of a unix socket, QEMU's -gdb unix:PATH,server=on,wait=off)", "no gdbstub's address such as :1234"},
}

// resolve says what an argument means, and refuses what the command does not
// take. What exists as a file is that, whatever its name looks like.
func resolve(arg string, takes subjectKind) (subject, error) {
	s := subject{name: arg}
	if err := s.find(takes); err != nil {
		return s, err
	}
	if s.kind&takes != 0 {
		return s, nil
	}
	is := ""
	for _, k := range subjectKinds {
		if k.kind == s.kind {
			is = k.is
		}
	}
	return s, fmt.Errorf("%s is %s: give %s", arg, is, takes.give())
}

// give says what a command takes.
func (takes subjectKind) give() string {
	var give []string
	for _, k := range subjectKinds {
		if k.kind&takes != 0 {
			give = append(give, k.give)
		}
	}
	return strings.Join(give, ", or ")
}

// atStop is the end of an argument that names a stop. Folders have @ in their names,
// too.
var atStop = regexp.MustCompile(`(?s)^(.+)@([^@/]*)$`)

// find settles a subject's kind.
func (s *subject) find(takes subjectKind) error {
	switch known, err := s.findFile(); {
	case known || err != nil:
		return err
	}
	if m := atStop.FindStringSubmatch(s.name); m != nil && takes&subjectStop != 0 {
		of := subject{name: m[1]}
		if err := of.find(takes &^ subjectStop); err != nil {
			return err
		}
		stop, err := strconv.Atoi(m[2])
		if err != nil || stop < 1 || of.kind&subjectRecorded == 0 {
			return fmt.Errorf("%s: %q is no number of a stop", s.name, m[2])
		}
		of.stop = stop
		*s = of
		return nil
	}
	if _, err := scenarios.Entry(s.name); err == nil {
		s.kind = subjectNamed
		return nil
	}
	if name, bug, _ := strings.Cut(s.name, ":"); name == "lab" && takes&subjectLab != 0 {
		s.kind, s.bug = subjectLab, bug
		return nil
	}
	if s.looksLikeAddress(takes) {
		s.kind = subjectAddress
		return nil
	}
	return s.unknown(takes)
}

// findFile settles the kind of what stands at a path.
func (s *subject) findFile() (known bool, err error) {
	st, err := os.Stat(s.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("looking at %s: %w", s.name, errors.Unwrap(err))
	case st.Mode()&fs.ModeSocket != 0:
		s.kind = subjectAddress
	case st.Mode().IsRegular(), st.Mode()&fs.ModeNamedPipe != 0:
		s.kind = subjectFile
	case st.IsDir() && !strings.ContainsAny(s.name, "/."): // a folder `lab` hides nothing
		return false, nil
	default:
		return false, fmt.Errorf("%s is %s, neither a recording nor a gdbstub's socket", s.name, readfile.Kind(st.Mode()))
	}
	return true, nil
}

// addressForm is a port with or without a host, as far as one can tell from its form.
var addressForm = regexp.MustCompile(`^$|^[0-9]+$|^(tcp:|unix:|\[)|^[^/]*:[^/]*$`)

// looksLikeAddress says whether what is no file must be a gdbstub's address.
func (s *subject) looksLikeAddress(takes subjectKind) bool {
	switch {
	case takes&subjectAddress == 0 && !addressForm.MatchString(s.name):
		return false
	case takes == subjectAddress, addressForm.MatchString(s.name):
		return true
	}
	return strings.Contains(s.name, "/") && filepath.Ext(s.name) != recordingExt && len(s.near(takes)) == 0
}

const recordingExt = ".thaw"

// near are the names that may have been meant.
func (s *subject) near(takes subjectKind) []string {
	var names []string
	dir, base := filepath.Split(s.name)
	if takes&subjectFile != 0 {
		if entries, err := os.ReadDir(filepath.Join(dir, ".")); err == nil {
			for _, e := range entries[:min(len(entries), maxLooked)] {
				if filepath.Ext(e.Name()) == recordingExt {
					names = append(names, e.Name())
				}
			}
		}
	}
	if dir == "" && takes&subjectNamed != 0 {
		for _, e := range scenarios.Catalogue() {
			names = append(names, e.Name)
		}
	}
	if dir == "" && takes&subjectLab != 0 {
		names = append(names, "lab")
	}
	// Capitals, and the ending of a file, are easily left out or added.
	plain := func(name string) string { return strings.ToLower(strings.TrimSuffix(name, recordingExt)) }
	by, plains := map[string][]string{}, []string{}
	for _, n := range names {
		by[plain(n)] = append(by[plain(n)], dir+n)
		plains = append(plains, plain(n))
	}
	var near []string
	for _, n := range words.Near(plain(base), plains) {
		near = append(near, by[n]...)
	}
	return near
}

// unknown is the error for what is nothing of what the command takes.
func (s *subject) unknown(takes subjectKind) error {
	var no []string
	for _, k := range subjectKinds {
		if k.kind&takes != 0 {
			no = append(no, k.no)
		}
	}
	do := ""
	switch near := s.near(takes); {
	case len(near) > 0:
		do = "; did you mean " + strings.Join(near, " or ") + "?"
	case takes&subjectNamed != 0:
		do = ": `thaw list` tells which come with thaw"
	}
	return fmt.Errorf("%s is %s%s", s.name, strings.Join(no, ", and "), do)
}
