// Package scenarios holds the scenarios that come with thaw.
//
// It knows names and file contents only; package session reads them.
package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.yaml
var files embed.FS

// Default is the scenario that is used where none is named.
const Default = "rtcr-2016"

// Names lists the scenarios.
func Names() []string {
	var names []string
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the embedded directory is always there
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Read returns the text of a scenario.
func Read(name string) ([]byte, error) {
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("there is no scenario %q; known are: %s", name, strings.Join(Names(), ", "))
	}
	return data, nil
}
