package ui

import (
	"maps"
	"reflect"
	"slices"
	"sync"
)

// memory of the settings: jobs write the newest ones, in whatever order they run.
type memo struct {
	mu     sync.Mutex
	newest settings
	fresh  bool // nobody wrote them
}

// write writes the newest settings, if nobody did.
func (m *memo) write(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.fresh {
		return nil
	}
	err := writeSettings(dir, m.newest)
	m.fresh = err != nil
	return err
}

func (m *memo) set(s settings) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest, m.fresh = s, true
}

// keeper keeps theme and layout from one session to the next.
type keeper struct {
	*desk
	panes   *panes
	tour    *tour    // it divides the screen itself: with it the layout is not kept; nil: there is none
	dir     string   // "": settings are not remembered
	known   settings // as they were remembered last
	chosen  string   // theme that the user chose, ever
	greeted []string // nil: as known
	memo    memo
}

// settings are what is worth remembering of the screen as it is. A tour divides
// the screen itself: with one, what was remembered before stays.
func (k *keeper) settings() settings {
	s := k.known
	s.Theme = k.chosen
	if k.greeted != nil {
		s.Greeted = k.greeted
	}
	if k.tour != nil {
		s.Stories = k.stories(s.Stories)
		return s
	}
	s.Layout = layout{Focus: paneInfos[k.panes.focused].command, Tab: paneInfos[k.panes.tab].command, Low: paneInfos[k.panes.low].command, Sizes: k.panes.sizes}
	s.Sort = nil
	for id, l := range k.panes.lists() {
		o := order{Down: l.sorting.down}
		if heads := headsOf(id); l.sorting.by > 0 && l.sorting.by <= len(heads) {
			o.By = heads[l.sorting.by-1]
		}
		if o != (order{}) {
			if s.Sort == nil {
				s.Sort = map[string]order{}
			}
			s.Sort[paneInfos[id].command] = o
		}
	}
	return s
}

// stories keeps the place in the story that is told, until its end is reached.
func (k *keeper) stories(known map[string]int) map[string]int {
	out := maps.Clone(known)
	switch t := k.tour; {
	case t.Name == "" || k.line.open != nil: // it is asked where to go on
	case t.at == 0 || t.at == len(t.Steps)-1:
		delete(out, t.Name)
	default:
		if out == nil {
			out = map[string]int{}
		}
		if len(out) >= mostStories {
			clear(out)
		}
		out[t.Name] = t.at + 1
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// greet says whether a kind of session is seen for the first time, and remembers
// that.
func (k *keeper) greet(kind string) bool {
	if slices.Contains(k.known.Greeted, kind) {
		return false
	}
	k.greeted = append(slices.Clone(k.known.Greeted), kind)
	return true
}

// restore divides the screen as it was left.
func (k *keeper) restore(s settings) {
	k.known, k.chosen = s, s.Theme
	if k.tour != nil {
		k.tour.goOn(s.Stories[k.tour.Name] - 1)
		return
	}
	for _, name := range []string{s.Layout.Low, s.Layout.Tab, s.Layout.Focus} { // the LOG is a tab, too
		if id := paneNamed(name); id != 0 {
			k.panes.focus(id)
		}
	}
	k.panes.sizes = s.Layout.Sizes
	for id, l := range k.panes.lists() {
		o := s.Sort[paneInfos[id].command]
		l.sorting = sorting{slices.Index(headsOf(id), o.By) + 1, o.Down}
		l.refilter()
	}
	k.known = k.settings()
}

// keep keeps the settings for the next time, if they changed. told is what to
// say then, "" nothing.
func (k *keeper) keep(told string) {
	s := k.settings()
	if k.dir == "" || reflect.DeepEqual(s, k.known) {
		return
	}
	k.known = s
	k.memo.set(s)
	dir := k.dir
	k.background(func() string {
		if err := k.memo.write(dir); err != nil {
			return "theme and layout are not remembered: " + err.Error()
		}
		return told
	})
}

// chooseTheme changes the colours and remembers the choice.
func (k *keeper) chooseTheme(name string) {
	c := themeNamed(name)
	if c == nil {
		k.note = unknownTheme(name).Error()
		return
	}
	roomy := k.th.roomy
	*k.th = *newTheme(k.th.ascii, k.th.color, c)
	k.th.roomy = roomy
	k.panes.redraw()
	k.note = "theme " + c.name + ": " + c.help
	if !k.th.color {
		k.note = "theme " + c.name + ", but colours are off (NO_COLOR)"
	}
	k.chosen = c.name
	k.keep(k.note)
}
