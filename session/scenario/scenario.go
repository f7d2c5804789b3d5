// Package scenario reads scenario files: which components there are, what is
// checkpointed and restored, where the phases are, and what is expected of the result.
//
// It knows the file's form and the words of packages kernel and view. It must not know
// what runs: whether the functions that a file names exist is found out by others.
package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"thaw/kernel"
	"thaw/readfile"
	"thaw/session/view"
)

// Scenario is a scenario file: what is checkpointed and restored, where the
// phases are, and what is expected. Who takes requests for a thread's state, and
// what the kernel does with them, is the platform's business: a file that says so
// says it in the platform's place. The README of
// scenarios describes the format.
type Scenario struct {
	Name       string                   `yaml:"name"`
	Title      string                   `yaml:"title"`
	Source     string                   `yaml:"source"`
	Story      string                   `yaml:"story"`
	Components map[string]ComponentSpec `yaml:"components"`
	Child      string                   `yaml:"child"`
	Phases     []PhaseSpec              `yaml:"phases"`
	Stored     *StoredSpec              `yaml:"stored"`
	Requests   []kernel.Request         `yaml:"requests"`
	Operations []kernel.Operation       `yaml:"operations"`
	Cancel     *kernel.Cancel           `yaml:"cancel"`
	Complete   PointSpec                `yaml:"complete"`
	Memory     *PointSpec               `yaml:"memory"`
	Attached   *kernel.Attached         `yaml:"attached"`
	Settle     Duration                 `yaml:"settle"`
	Timeout    Duration                 `yaml:"timeout"`
	Expect     map[string]Expectation   `yaml:"expect"`

	text []byte
}

// Text is the scenario as it was written.
func (s *Scenario) Text() []byte { return s.text }

// ComponentSpec names the files that may hold a component's debug info.
type ComponentSpec struct {
	Kernel bool     `yaml:"kernel"`
	Files  []string `yaml:"files"`
}

// PhaseSpec is a phase: it begins when its function is entered.
type PhaseSpec struct {
	Name      string      `yaml:"name"`
	Component string      `yaml:"component"` // inherited from the phase around it
	Function  string      `yaml:"function"`
	Optional  bool        `yaml:"optional"` // the function may be missing
	Phases    []PhaseSpec `yaml:"phases"`
}

// PointSpec is a point in a component's code.
type PointSpec struct {
	Component string `yaml:"component"`
	Function  string `yaml:"function"`
	At        string `yaml:"at"` // "entry" (default) or "return"
}

// StoredSpec tells where the checkpointed thread states stand. Lists are
// Genode::List members, each but the first inside an element of the one before.
type StoredSpec struct {
	Component string   `yaml:"component"`
	Function  string   `yaml:"function"`
	Lists     []string `yaml:"lists"`
	Name      string   `yaml:"name"`
	IP        string   `yaml:"ip"`
	SP        string   `yaml:"sp"`
	Registers string   `yaml:"registers"` // struct with members named like registers
}

// Expectation is what a check holds the result against.
type Expectation struct {
	Threads      map[string]view.Verdict `yaml:"threads"`
	Missing      *int                    `yaml:"missing"`      // capabilities, if given
	Extra        *int                    `yaml:"extra"`        // capabilities, if given
	Moved        *int                    `yaml:"moved"`        // capabilities, if given
	Changed      *int                    `yaml:"changed"`      // slots with another capability, if given: one of another slot counts, too
	Capabilities string                  `yaml:"capabilities"` // "same": no difference at all
	Pages        *int                    `yaml:"pages"`        // of memory that differ, if given
	Waits        *int                    `yaml:"waits"`        // threads that wait for something else, if given
	Again        []Expectation           `yaml:"again"`        // of the second restore, the third, …: where there is none, the same
}

// Duration reads "5s".
type Duration time.Duration

// UnmarshalYAML parses Go's notation for durations.
func (d *Duration) UnmarshalYAML(b []byte) error {
	v, err := time.ParseDuration(string(bytes.Trim(bytes.TrimSpace(b), `"'`)))
	if err != nil {
		return fmt.Errorf("%s is no duration like 5s: %w", bytes.TrimSpace(b), err)
	}
	if v <= 0 || v > 10*time.Minute {
		return fmt.Errorf("duration %v is not between 0 and 10 minutes", v)
	}
	*d = Duration(v)
	return nil
}

// defaultTimeout is how long an event is waited for where the scenario says nothing:
// a system boots within it under emulation on a busy machine.
const defaultTimeout = 3 * time.Minute

// maxScenario bounds a scenario file, in bytes.
const maxScenario = 256 << 10

// Load reads and checks a scenario file.
func Load(path string) (*Scenario, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario %s: %w", path, err)
	}
	defer f.Close()
	data, err := readfile.All(f, maxScenario)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario %s: %w", path, err)
	}
	return Parse(path, data)
}

// Parse reads a scenario; name stands in errors.
func Parse(name string, data []byte) (*Scenario, error) {
	if len(data) > maxScenario {
		return nil, fmt.Errorf("scenario %s: more than %d bytes are too many for a scenario", name, maxScenario)
	}
	if string(data) == plainText {
		return Plain(), nil
	}
	if err := checkForm(string(data)); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	s := &Scenario{Settle: Duration(5 * time.Second), Timeout: Duration(defaultTimeout), text: data}
	if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("scenario %s: %s", name, strings.TrimSpace(strings.SplitN(yaml.FormatError(err, false, false), "\n", 2)[0]))
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

// Plain is the scenario of a system that is only looked at: no phases, nothing
// requested, nothing expected.
func Plain() *Scenario {
	return &Scenario{Name: "no scenario", Components: map[string]ComponentSpec{
		"kernel": {Kernel: true}}, Settle: Duration(5 * time.Second), text: []byte(plainText)}
}

// plainText is what a recording keeps of it.
const plainText = "plain: true\n"

// check tells the first thing that makes a scenario unusable.
func (s *Scenario) check() error {
	kernels := 0
	for name, c := range s.Components {
		if c.Kernel {
			kernels++
		}
		for _, f := range c.Files {
			if f == "" || f == ".." || strings.ContainsRune(f, '/') {
				return fmt.Errorf("component %s has file %q: files are looked for in the build directory, by their names alone", name, f)
			}
			if _, err := path.Match(f, ""); err != nil {
				return fmt.Errorf("component %s has file %q: %w", name, f, err)
			}
		}
	}
	switch {
	case s.Name == "":
		return errors.New("it has no name")
	case kernels != 1:
		return fmt.Errorf("one component must say `kernel: true`, %d do", kernels)
	case len(s.Phases) == 0 && (s.Child != "" || s.Complete.Function != ""):
		return errors.New("it has no phases")
	}
	if _, ok := s.Components[s.Child]; !ok && len(s.Phases) > 0 {
		return fmt.Errorf("child %q is not among its components", s.Child)
	}
	inheritComponent(s.Phases, "")
	var err error
	s.eachFunction(func(what, component, function string) {
		switch {
		case err != nil:
		case function == "":
			err = fmt.Errorf("%s names no function", what)
		case component == "":
			err = fmt.Errorf("%s names no component", what)
		default:
			if _, ok := s.Components[component]; !ok {
				err = fmt.Errorf("%s is in component %q, which is not among its components", what, component)
			}
		}
	})
	if err == nil {
		err = s.checkExpectations()
	}
	if err == nil && s.Complete.At != "" && s.Complete.At != "entry" && s.Complete.At != "return" {
		err = fmt.Errorf("complete is at %q, which is neither entry nor return", s.Complete.At)
	}
	return err
}

// checkExpectations tells a verdict that is none.
func (s *Scenario) checkExpectations() error {
	for name, x := range s.Expect {
		for thread, v := range x.Threads {
			if !slices.Contains(view.Verdicts, v) {
				return fmt.Errorf("expectation %s of thread %s is %q, which is no verdict; known are: %s", name, thread, v, joined(view.Verdicts))
			}
		}
	}
	return nil
}

func joined(all []view.Verdict) string {
	out := ""
	for i, v := range all {
		if i > 0 {
			out += ", "
		}
		out += string(v)
	}
	return out
}

// inheritComponent hands a phase's component on to those inside it.
func inheritComponent(phases []PhaseSpec, component string) {
	for i := range phases {
		if phases[i].Component == "" {
			phases[i].Component = component
		}
		inheritComponent(phases[i].Phases, phases[i].Component)
	}
}

// eachFunction visits every function that the scenario names.
func (s *Scenario) eachFunction(fn func(what, component, function string)) {
	EachPhase(s.Phases, 0, func(p *PhaseSpec, _ int) { fn("phase "+p.Name, p.Component, p.Function) })
	for _, r := range s.Requests {
		fn("a request", r.Component, r.Function)
	}
	for _, o := range s.Operations {
		fn("operation "+o.Name, o.Component, o.Function)
	}
	if s.Cancel != nil {
		fn("cancel", s.Cancel.Component, s.Cancel.Function)
	}
	if s.Stored != nil {
		fn("stored", s.Stored.Component, s.Stored.Function)
	}
	if len(s.Phases) > 0 {
		fn("complete", s.Complete.Component, s.Complete.Function)
	}
	if s.Memory != nil {
		fn("memory", s.Memory.Component, s.Memory.Function)
	}
}

// EachPhase visits phases with their depth, outer ones first, in order.
func EachPhase(phases []PhaseSpec, depth int, fn func(p *PhaseSpec, depth int)) {
	for i := range phases {
		fn(&phases[i], depth)
		EachPhase(phases[i].Phases, depth+1, fn)
	}
}

// KernelName is the name of the component that is the kernel.
func (s *Scenario) KernelName() string {
	for name, c := range s.Components {
		if c.Kernel {
			return name
		}
	}
	return ""
}
