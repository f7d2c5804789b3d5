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
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"thaw/kernel"
	"thaw/readfile"
	"thaw/session/view"
	"thaw/words"
)

// Scenario is a scenario file: what is checkpointed and restored, where the
// phases are, and what is expected. Who takes requests for a thread's state, and
// what the kernel does with them, is the platform's business: a file that says so
// says it in the platform's place. The README of
// scenarios describes the format.
type Scenario struct {
	Heading    `yaml:",inline"`
	Components map[string]ComponentSpec `yaml:"components"`
	Child      string                   `yaml:"child"`
	Children   []string                 `yaml:"children"` // further programs that are checkpointed and restored in the same session
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

// Heading is what a scenario is, in words.
type Heading struct {
	Name   string `yaml:"name"`
	Title  string `yaml:"title"`
	Source string `yaml:"source"`
	Story  string `yaml:"story"`
}

// Text is the scenario as it was written.
func (s *Scenario) Text() []byte { return s.text }

// ComponentSpec names the files that may hold a component's debug info.
type ComponentSpec struct {
	Kernel bool     `yaml:"kernel"`
	Files  []string `yaml:"files"`
}

// PhaseSpec is a phase: it begins when its function is entered, or at another place.
type PhaseSpec struct {
	Name      string      `yaml:"name"`
	Component string      `yaml:"component"` // inherited from the phase around it
	Function  string      `yaml:"function"`
	Functions string      `yaml:"functions"` // or a pattern, for as many phases as there are such functions, in the order of the run
	Line      string      `yaml:"line"`      // or a line of the source, "file.cc:123"
	Address   string      `yaml:"address"`   // or an address, or the first of a range: "0x1000", "0x1000-0x1fff"
	Log       string      `yaml:"log"`       // or a line of the LOG that holds this, in which * stands for anything
	Optional  bool        `yaml:"optional"`  // what it begins with may be missing
	Once      bool        `yaml:"once"`      // phases inside stop the guest only the first time while it runs; further ones are counted
	Phases    []PhaseSpec `yaml:"phases"`

	Group int `yaml:"-"` // of phases by one pattern, counted from 1: they have no order of their own
}

// PointSpec is a point in a component's code.
type PointSpec struct {
	Component string `yaml:"component"`
	Function  string `yaml:"function"`
	At        string `yaml:"at" oneof:"entry return"` // "entry" is the default
}

// StoredSpec tells where the checkpointed thread states stand. Lists are containers (see
// package containers), each but the first inside an element of the one before; "" is that
// element itself.
type StoredSpec struct {
	Component string   `yaml:"component"`
	Function  string   `yaml:"function"`
	Lists     []string `yaml:"lists"`
	Class     string   `yaml:"class"` // of the states, where the last container does not tell it
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
	data, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// ReadFile reads the text of a scenario file.
func ReadFile(path string) ([]byte, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario %s: %w", path, err)
	}
	defer f.Close()
	data, err := readfile.All(f, maxScenario)
	if err != nil {
		return nil, fmt.Errorf("reading the scenario %s: %w", path, err)
	}
	return data, nil
}

// Parse reads a scenario; name stands in errors.
func Parse(name string, data []byte) (*Scenario, error) {
	if len(data) > maxScenario {
		return nil, fmt.Errorf("scenario %s: more than %d bytes are too many for a scenario", name, maxScenario)
	}
	if string(data) == plainText {
		return Plain(), nil
	}
	s, rep, err := Read(data)
	if err == nil && len(rep.Problems()) > 0 {
		err = rep.Problems()
	}
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

// Read reads as much of a scenario as can be read, and reports all that is wrong with it.
// An error means that nothing could be read.
func Read(data []byte) (*Scenario, *Report, error) {
	if err := checkForm(string(data)); err != nil {
		return nil, nil, err
	}
	s := &Scenario{Settle: Duration(5 * time.Second), Timeout: Duration(defaultTimeout), text: data}
	rep := &Report{}
	body, err := parseForm(data, rep)
	if err == nil && body != nil {
		err = yaml.NodeToValue(body, s, yaml.Strict())
	}
	if err != nil {
		return nil, nil, errors.New(strings.TrimSpace(strings.SplitN(yaml.FormatError(err, false, false), "\n", 2)[0]))
	}
	s.check(rep)
	return s, rep, nil
}

// Plain is the scenario of a system that is only looked at: no phases, nothing
// requested, nothing expected.
func Plain() *Scenario {
	return &Scenario{Heading: Heading{Name: "no scenario"}, Components: map[string]ComponentSpec{
		"kernel": {Kernel: true}},
		Settle: Duration(5 * time.Second), text: []byte(plainText)}
}

// plainText is what a recording keeps of it.
const plainText = "plain: true\n"

// check notes what makes a scenario unusable.
func (s *Scenario) check(rep *Report) {
	s.checkComponents(rep)
	if s.Name == "" {
		rep.Add("name", "it has no name")
	}
	if len(s.Phases) == 0 && (s.Child != "" || s.Complete.Function != "") {
		rep.Add("phases", "it has no phases")
	}
	if _, ok := s.Components[s.Child]; !ok && len(s.Phases) > 0 {
		rep.Add("child", "child %q is not among its components%s", s.Child, s.nearComponents(s.Child))
	}
	for i, c := range s.Children {
		if _, ok := s.Components[c]; !ok {
			rep.Add(fmt.Sprintf("children[%d]", i), "child %q is not among its components%s", c, s.nearComponents(c))
		}
	}
	inheritComponent(s.Phases, "")
	EachPhasePath(s.Phases, func(p *PhaseSpec, path string) {
		if p.checkPlace(rep, path); p.Function == "" && p.Log == "" {
			s.checkComponent(rep, "phase "+p.Name, path, p.Component)
		}
	})
	s.EachFunction(func(what, path, component, function string) {
		if function == "" {
			rep.Add(path+".function", "%s names no function", what)
		}
		s.checkComponent(rep, what, path, component)
	})
}

func (s *Scenario) checkComponent(rep *Report, what, path, component string) {
	if component == "" {
		rep.Add(path+".component", "%s names no component", what)
	} else if _, ok := s.Components[component]; !ok {
		rep.Add(path+".component", "%s is in component %q, which is not among its components%s", what, component, s.nearComponents(component))
	}
}

// checkComponents looks at the components and the names of their files.
func (s *Scenario) checkComponents(rep *Report) {
	kernels := 0
	for name, c := range s.Components {
		if c.Kernel {
			kernels++
		}
		for i, f := range c.Files {
			at := fmt.Sprintf("components.%s.files[%d]", name, i)
			if f == "" || f == ".." || strings.ContainsRune(f, '/') {
				rep.Add(at, "component %s has file %q: files are looked for in the build directory, by their names alone", name, f)
			} else if _, err := path.Match(f, ""); err != nil {
				rep.Add(at, "component %s has file %q: %v", name, f, err)
			}
		}
	}
	if kernels != 1 {
		rep.Add("components", "one component must say `kernel: true`, %d do", kernels)
	}
}

// nearComponents tells which component may have been meant.
func (s *Scenario) nearComponents(name string) string {
	names := slices.Sorted(maps.Keys(s.Components))
	if near := words.Near(name, names); name != "" && len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
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

// EachFunction visits every function that the scenario names, with the path of what
// names it.
func (s *Scenario) EachFunction(fn func(what, path, component, function string)) {
	eachPhase(s.Phases, 0, "phases", func(p *PhaseSpec, _ int, path string) {
		if p.Function != "" {
			fn("phase "+p.Name, path, p.Component, p.Function)
		}
	})
	for i, r := range s.Requests {
		fn("a request", fmt.Sprintf("requests[%d]", i), r.Component, r.Function)
	}
	for i, o := range s.Operations {
		fn("operation "+o.Name, fmt.Sprintf("operations[%d]", i), o.Component, o.Function)
	}
	if s.Cancel != nil {
		fn("cancel", "cancel", s.Cancel.Component, s.Cancel.Function)
	}
	if s.Stored != nil {
		fn("stored", "stored", s.Stored.Component, s.Stored.Function)
	}
	if len(s.Phases) > 0 {
		fn("complete", "complete", s.Complete.Component, s.Complete.Function)
	}
	if s.Memory != nil {
		fn("memory", "memory", s.Memory.Component, s.Memory.Function)
	}
}

// EachPhase visits phases with their depth, outer ones first, in order.
func EachPhase(phases []PhaseSpec, depth int, fn func(p *PhaseSpec, depth int)) {
	eachPhase(phases, depth, "", func(p *PhaseSpec, depth int, _ string) { fn(p, depth) })
}

// EachPhasePath visits phases as EachPhase does, with their paths in the scenario.
func EachPhasePath(phases []PhaseSpec, fn func(p *PhaseSpec, path string)) {
	eachPhase(phases, 0, "phases", func(p *PhaseSpec, _ int, path string) { fn(p, path) })
}

func eachPhase(phases []PhaseSpec, depth int, path string, fn func(p *PhaseSpec, depth int, path string)) {
	for i := range phases {
		at := fmt.Sprintf("%s[%d]", path, i)
		fn(&phases[i], depth, at)
		eachPhase(phases[i].Phases, depth+1, at+".phases", fn)
	}
}

// Programs are those that are checkpointed and restored, `child` first.
func (s *Scenario) Programs() []string { return append([]string{s.Child}, s.Children...) }

// KernelName is the name of the component that is the kernel.
func (s *Scenario) KernelName() string {
	for name, c := range s.Components {
		if c.Kernel {
			return name
		}
	}
	return ""
}
