package ui

import (
	"fmt"
	"strings"
	"testing"

	"thaw/session/view"
)

// A LOG that is too long to be kept shows its first and newest lines, and between them
// what is left out and where that is; a search finds both, and the LOG that goes on is
// drawn as one that is drawn anew.
func TestLongLog(t *testing.T) {
	v := *viewComplete()
	v.Log = nil
	for i := range 30000 {
		v.Log = append(v.Log, fmt.Sprintf("line %d of the guest", i))
	}
	v.LogGap = view.LogGap{At: 20000, Lines: 123456, Where: "until the session ends /tmp/thaw-log-1.txt has the whole LOG"}
	u := newDrawn(t, newFake(&v), &v, Options{})
	press(u, "5", "z", "g")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "line 0 of the guest") || !strings.Contains(f.text(), "153456 lines") {
		t.Errorf("the first lines:\n%s", f.text())
	}
	press(u, "/", "l", "e", "f", "t", " ", "o", "u", "t", "Enter")
	f := draw(t, u, 120, 40)
	for _, want := range []string{"line 19999 of the guest", "… 123456 lines left out here; until the session ends /tmp/thaw-log-1.txt has the whole LOG …", "line 20000 of the guest"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("around what is left out %q is missing:\n%s", want, f.text())
		}
	}
	press(u, "Esc", "G")
	more := v
	more.Log = append(v.Log[:len(v.Log):len(v.Log)], "one more line, which is longer than the others and goes on and on until it has to be wrapped at the right end of the screen, where it goes on")
	u.apply(&more)
	grown := draw(t, u, 120, 40).text()
	anew := newDrawn(t, newFake(&more), &more, Options{})
	press(anew, "5", "z", "G")
	if want := draw(t, anew, 120, 40).text(); grown != want {
		t.Errorf("a LOG that went on:\n%s\ndrawn anew:\n%s", grown, want)
	}
}

// What is looked for in the LOG is looked for in what is left out, too, and told in a
// window.
func TestSearchLeftOut(t *testing.T) {
	v := *viewComplete()
	v.LogGap = view.LogGap{At: 1, Lines: 123456, Where: "elsewhere"}
	fake := newFake(&v)
	u := newDrawn(t, fakePeeker{fake}, &v, Options{})
	press(u, "5", "/", "p", "a", "g", "e", "Enter")
	if got := fake.called(); got != view.QueryLog+" 0 0 page" {
		t.Errorf("asked was %q", got)
	}
	answered := v
	answered.Peek = &view.Peek{Stop: 33, Title: "\"page\" in what is left out of the LOG: 1 line", Text: []string{"   30123  no page here"}}
	u.apply(&answered)
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "30123  no page here") || !strings.Contains(f.text(), "left out of the LOG: 1 line") {
		t.Errorf("the answer:\n%s", f.text())
	}

	whole := *viewComplete()
	fake = newFake(&whole)
	u = newDrawn(t, fakePeeker{fake}, &whole, Options{})
	press(u, "5", "/", "p", "a", "g", "e", "Enter")
	if got := fake.called(); got != "" {
		t.Errorf("nothing is left out, and asked was %q", got)
	}
}
