package ui

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// settings is what ui.yaml remembers.
type settings struct {
	Theme string `yaml:"theme,omitempty"`
}

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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return s, fmt.Errorf("%s is no regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, configLimit+1))
	if err != nil {
		return s, err
	}
	if len(text) > configLimit {
		return s, fmt.Errorf("%s is larger than %d bytes", path, configLimit)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return s, nil
	}
	if err := yaml.Unmarshal(text, &s); err != nil {
		first, _, _ := strings.Cut(yaml.FormatError(err, false, false), "\n")
		return settings{}, fmt.Errorf("%s: %s", path, first)
	}
	if s.Theme != "" && themeNamed(s.Theme) == nil {
		return settings{}, fmt.Errorf("%s: %w", path, unknownTheme(s.Theme))
	}
	return s, nil
}

// writeSettings replaces ui.yaml in one step: a reader finds the old file or the
// new one.
func writeSettings(dir string, s settings) error {
	text, err := yaml.Marshal(s)
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
