package scenario

import (
	"os"
	"strings"
	"testing"
)

// What a scenario is nested by is bounded before it is parsed; what people write
// is far below.
func TestScenarioForm(t *testing.T) {
	good, err := os.ReadFile("../../scenarios/rtcr-2016.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := checkForm(string(good)); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ text, says string }{
		{"a: " + strings.Repeat("[", maxScenarioDepth+1), "[1:68] it is nested too deep"},
		{strings.Repeat("- ", 4*maxScenarioDepth+1), "nested too deep"},
		{strings.Repeat("? ", 4*maxScenarioDepth+1), "nested too deep"},
		{"a: &x 1\n", "[1:4] a scenario takes no anchors"},
		{"a:\n  b: *x\n", "[2:6] a scenario takes no anchors"},
		{"<<: 1\n", "no anchors and aliases"},
		{strings.Repeat("a: 1\n", maxScenarioTokens/3+1), "words and signs"},
		{strings.Repeat(" ", maxScenarioIndent+1) + "a: 1\n", "indented by more than"},
	} {
		if err := checkForm(c.text); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.says)
		}
	}
	if err := checkForm("story: |\n  [[[ *a &b <<\nphases: [{name: a}, {name: b}]\n" + strings.Repeat("x: {a: [1]}\n", 500)); err != nil {
		t.Error(err)
	}
}
