package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"thaw/debuginfo/cxx"
)

// Place tells where a phase begins, in words.
func (p *PhaseSpec) Place() string {
	switch {
	case p.Function != "":
		return p.Function
	case p.Functions != "":
		return p.Functions
	case p.Line != "":
		return p.Line
	case p.Address != "":
		return p.Address
	}
	return fmt.Sprintf("LOG %q", p.Log)
}

// checkPlace notes what is wrong with where a phase begins.
func (p *PhaseSpec) checkPlace(rep *Report, path string) {
	given := ""
	for _, k := range [][2]string{{"function", p.Function}, {"functions", p.Functions}, {"line", p.Line}, {"address", p.Address}, {"log", p.Log}} {
		if k[1] == "" {
			continue
		}
		if given != "" {
			rep.Add(path+"."+k[0], "phase %s has %s and %s: give one", p.Name, given, k[0])
		}
		given = k[0]
	}
	switch given {
	case "":
		rep.Add(path+".function", "phase %s names no function", p.Name)
	case "functions":
		if !strings.Contains(p.Functions, "*") {
			rep.Add(path+".functions", "phase %s: %q is no pattern: * stands for anything, and a single function is `function`", p.Name, p.Functions)
		}
		if len(p.Phases) > 0 {
			rep.Add(path+".phases", "phase %s stands for several, which have no phases inside", p.Name)
		}
	case "line":
		if _, _, err := SourceLine(p.Line); err != nil {
			rep.Add(path+".line", "phase %s: %v", p.Name, err)
		}
	case "address":
		if _, err := FirstAddress(p.Address); err != nil {
			rep.Add(path+".address", "phase %s: %v", p.Name, err)
		}
	case "log":
		if strings.Trim(p.Log, "* ") == "" {
			rep.Add(path+".log", "phase %s: every line of the LOG holds %q", p.Name, p.Log)
		}
	}
	if p.Once && len(p.Phases) == 0 {
		rep.Add(path+".once", "phase %s has no phases inside, which `once` is about", p.Name)
	}
}

// SourceLine takes "file.cc:123" apart.
func SourceLine(text string) (file string, line int, err error) {
	i := strings.LastIndexByte(text, ':')
	if i > 0 {
		line, err = strconv.Atoi(text[i+1:])
	}
	if i <= 0 || err != nil || line <= 0 {
		return "", 0, fmt.Errorf("%q is no line of a source: write file.cc:123", text)
	}
	return text[:i], line, nil
}

// FirstAddress is where a range of addresses begins, "0x1000-0x1fff", or an address alone.
func FirstAddress(text string) (uint64, error) {
	first, last, isRange := strings.Cut(text, "-")
	a, err := address(first)
	if err == nil && isRange {
		var b uint64
		if b, err = address(last); err == nil && b < a {
			err = fmt.Errorf("%q ends before it begins", text)
		}
	}
	return a, err
}

func address(text string) (uint64, error) {
	hex, ok := strings.CutPrefix(strings.TrimSpace(text), "0x")
	a, err := strconv.ParseUint(hex, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is no address: write 0x1000, or 0x1000-0x1fff", text)
	}
	return a, nil
}

// Matches says whether a text is what a pattern means, in which * stands for any
// characters, also for none.
func Matches(pattern, text string) bool {
	star, from := -1, 0 // the last * and where what it stands for ends so far
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && pattern[p] == text[t]:
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Said says whether a line of the LOG begins a phase.
func (p *PhaseSpec) Said(line string) bool { return p.Log != "" && Matches("*"+p.Log+"*", line) }

// Expanded are phases in which those by a pattern stand for the functions that match it:
// find lists them, for a component, in some order.
func Expanded(phases []PhaseSpec, find func(p *PhaseSpec) ([]string, error)) ([]PhaseSpec, error) {
	groups := 0
	var expand func(in []PhaseSpec) ([]PhaseSpec, error)
	expand = func(in []PhaseSpec) (out []PhaseSpec, err error) {
		for _, p := range in {
			if p.Functions == "" {
				if p.Phases, err = expand(p.Phases); err != nil {
					return nil, err
				}
				out = append(out, p)
				continue
			}
			names, err := find(&p)
			if err != nil {
				return nil, fmt.Errorf("phase %s: %w", p.Name, err)
			}
			groups++
			for _, n := range names {
				out = append(out, PhaseSpec{Name: shortName(n), Component: p.Component, Function: n, Optional: p.Optional, Group: groups})
			}
		}
		return out, nil
	}
	return expand(phases)
}

// shortName puts the last part of a function's name in words.
func shortName(function string) string {
	parts := cxx.Split(function)
	return strings.ReplaceAll(strings.Trim(parts[len(parts)-1], "_"), "_", " ")
}
