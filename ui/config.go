package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"thaw/readfile"
	"thaw/session/view"
)

// settings is what ui.yaml remembers. Panes are named as their commands are.
type settings struct {
	Theme  string           `yaml:"theme,omitempty"`
	Layout layout           `yaml:"layout,omitempty"`
	Sort   map[string]order `yaml:"sort,omitempty"` // by pane

	Own own `yaml:",inline"`

	Greeted []string       `yaml:"greeted,omitempty"` // kinds of sessions whose first hints were shown
	Stories map[string]int `yaml:"stories,omitempty"` // step at which each was left, counted from 1

	text     []byte          // that they were read from
	comments yaml.CommentMap // in it, which stay
}

// layout is how the screen was divided.
type layout struct {
	Focus string `yaml:"focus,omitempty"` // pane that had the keys
	Tab   string `yaml:"tab,omitempty"`   // pane of a small screen's lower half
	Low   string `yaml:"low,omitempty"`   // log or breakpoints
	Sizes sizes  `yaml:"sizes,omitempty"`
}

// order is how a table was sorted.
type order struct {
	By   string `yaml:"by,omitempty"` // a column's head, "": the table's own order
	Down bool   `yaml:"down,omitempty"`
}

// mostStories bounds the stories whose place is kept.
const mostStories = 50

// configLimit bounds what is read of ui.yaml, in bytes.
const configLimit = 64 << 10

const configFile = "ui.yaml"

// DefaultConfigDir is the user's folder for thaw's settings:
// $XDG_CONFIG_HOME/thaw, or "" where there is no such place.
func DefaultConfigDir() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "thaw")
}

// readSettings reads ui.yaml in a folder; a file that is not there is none.
func readSettings(dir string) (settings, error) {
	var s settings
	path := filepath.Join(dir, configFile)
	text, err := readfile.Read(path, configLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return s, nil
	}
	s.text, s.comments = text, yaml.CommentMap{}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.CommentToMap(s.comments), yaml.Strict()); err != nil {
		first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		return settings{}, fmt.Errorf("%s: %s", path, first)
	}
	if err := s.check(); err != nil {
		return settings{}, s.at(dir, err)
	}
	return s, nil
}

// checkOwn holds what the user added against the table of keys and commands.
func (s *settings) checkOwn(dir string, table keymap) error {
	if err := s.Own.check(table); err != nil {
		return s.at(dir, err)
	}
	return nil
}

// at says where in the file an error is.
func (s *settings) at(dir string, err error) error {
	path := filepath.Join(dir, configFile)
	var wrong *ownError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := (&yaml.PathBuilder{}).Root()
	for _, p := range wrong.path {
		at = at.Child(p)
	}
	if node, nerr := at.Build().ReadNode(bytes.NewReader(s.text)); nerr == nil && node.GetToken() != nil {
		pos := node.GetToken().Position
		return fmt.Errorf("%s: [%d:%d] %w", path, pos.Line, pos.Column, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// check says what nobody can have chosen.
func (s *settings) check() error {
	if s.Theme != "" && themeNamed(s.Theme) == nil {
		return &ownError{[]string{"theme"}, unknownTheme(s.Theme).Error()}
	}
	for at, name := range map[string]string{"focus": s.Layout.Focus, "tab": s.Layout.Tab, "low": s.Layout.Low} {
		if name != "" && paneNamed(name) == 0 {
			return &ownError{[]string{"layout", at}, unknownPane(name).Error()}
		}
	}
	for _, share := range []func(*sizes) *int{leftShare, topShare, threadsShare, bottomShare, capsShare} {
		if n := *share(&s.Layout.Sizes); n != 0 && (n < leastShare || n > mostShare) {
			return &ownError{[]string{"layout", "sizes"}, fmt.Sprintf("a size of %d%% is not between %d and %d", n, leastShare, mostShare)}
		}
	}
	if len(s.Greeted) > len(greetings) || len(s.Stories) > mostStories {
		return errors.New("it remembers more than there is")
	}
	for name, o := range s.Sort {
		heads := headsOf(paneNamed(name))
		switch {
		case heads == nil:
			return &ownError{[]string{"sort", name}, unknownPane(name).Error()}
		case o.By != "" && !slices.Contains(heads, o.By):
			return &ownError{[]string{"sort", name, "by"}, fmt.Sprintf("%s has no column %q; it has %s", name, clean(o.By), strings.Join(heads, ", "))}
		}
	}
	return nil
}

func paneNamed(name string) paneID {
	for id := panePhases; id < paneEnd; id++ {
		if paneInfos[id].command == name {
			return id
		}
	}
	return 0
}

func unknownPane(name string) error {
	var names []string
	for id := panePhases; id < paneEnd; id++ {
		names = append(names, paneInfos[id].command)
	}
	return fmt.Errorf("no pane is called %q; there are %s", clean(name), strings.Join(names, ", "))
}

// headsOf are the heads of a pane's columns, nil where it is no table.
func headsOf(id paneID) []string {
	th, v := newTheme(false, false, &themeTable[0]), &view.View{}
	src := map[paneID]source{panePhases: newPhaseList(th, v), paneThreads: newThreadList(th, v), paneCaps: newCapList(th, nil, 0), paneBreaks: &breakList{th: th}}[id]
	if src == nil {
		return nil
	}
	var out []string
	for _, c := range src.columns() {
		out = append(out, strings.TrimSpace(c.title))
	}
	return out
}

// writeSettings replaces ui.yaml in one step: a reader finds the old file or the
// new one.
func writeSettings(dir string, s settings) error {
	text, err := yaml.MarshalWithOptions(s, yaml.WithComment(s.comments))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, configFile+".*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, configFile))
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
