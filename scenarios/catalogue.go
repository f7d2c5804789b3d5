package scenarios

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed recordings/catalogue.yaml
var catalogue []byte

//go:embed recordings/*.thaw
var recordings embed.FS

// Recorded is a restore bug of the catalogue, with a recording of it.
type Recorded struct {
	Name   string `yaml:"name"`
	Bug    int    `yaml:"bug"`   // its number: to 8 those that users met; 0 for what is no bug
	Title  string `yaml:"title"` // what goes wrong, in a few words
	Story  string `yaml:"story"`
	Shows  string `yaml:"shows"`  // where thaw shows it
	Source string `yaml:"source"` // who met it
	Log    string `yaml:"log"`    // what the LOG says once it shows, "" where it does not show there
	From   string `yaml:"from"`   // the system that was recorded
}

// Catalogue lists the recordings that come with thaw.
var Catalogue = sync.OnceValue(func() []Recorded {
	var out []Recorded
	if err := yaml.UnmarshalWithOptions(catalogue, &out, yaml.Strict()); err != nil {
		panic(err) // it is embedded, and a test reads it
	}
	return out
})

// Entry finds a recording by its name.
func Entry(name string) (Recorded, error) {
	var names []string
	for _, r := range Catalogue() {
		if r.Name == name {
			return r, nil
		}
		names = append(names, r.Name)
	}
	return Recorded{}, fmt.Errorf("no recording %q comes with thaw; known are: %s", name, strings.Join(names, ", "))
}

// Open opens a recording that comes with thaw.
func Open(name string) (io.Reader, error) {
	if _, err := Entry(name); err != nil {
		return nil, err
	}
	data, err := recordings.ReadFile("recordings/" + name + ".thaw")
	if err != nil {
		return nil, fmt.Errorf("the recording %q is missing in this build of thaw: %w", name, err)
	}
	return bytes.NewReader(data), nil
}
