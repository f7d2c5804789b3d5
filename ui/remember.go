package ui

import (
	"reflect"
	"slices"
	"sync"
)

// memory of the settings: jobs write the newest ones, in whatever order they run.
type memo struct {
	mu     sync.Mutex
	newest settings
	wrote  settings
}

// write writes the newest settings, if nobody did.
func (m *memo) write(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if reflect.DeepEqual(m.newest, m.wrote) {
		return nil
	}
	if err := writeSettings(dir, m.newest); err != nil {
		return err
	}
	m.wrote = m.newest
	return nil
}

func (m *memo) set(s settings) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newest = s
}

// keeper keeps theme and layout from one session to the next.
type keeper struct {
	*desk
	panes   *panes
	touring bool     // a tour divides the screen itself: the layout is not kept
	dir     string   // "": settings are not remembered
	known   settings // as they were remembered last
	chosen  string   // theme that the user chose, ever
	memo    memo
}

// settings are what is worth remembering of the screen as it is. A tour divides
// the screen itself: with one, what was remembered before stays.
func (k *keeper) settings() settings {
	s := k.known
	s.Theme = k.chosen
	if k.touring {
		return s
	}
	s.Layout = layout{Focus: paneInfos[k.panes.focused].command, Tab: paneInfos[k.panes.tab].command, Low: paneInfos[k.panes.low].command, Sizes: k.panes.sizes}
	s.Sort = nil
	for id, l := range k.panes.lists() {
		o := order{Down: l.down}
		if heads := headsOf(id); l.sorted > 0 && l.sorted <= len(heads) {
			o.By = heads[l.sorted-1]
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

// restore divides the screen as it was left.
func (k *keeper) restore(s settings) {
	k.known, k.chosen = s, s.Theme
	if k.touring {
		return
	}
	for _, name := range []string{s.Layout.Tab, s.Layout.Low, s.Layout.Focus} {
		if id := paneNamed(name); id != 0 {
			k.panes.focus(id)
		}
	}
	k.panes.sizes = s.Layout.Sizes
	for id, l := range k.panes.lists() {
		o := s.Sort[paneInfos[id].command]
		l.sorted, l.down = slices.Index(headsOf(id), o.By)+1, o.Down
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
	*k.th = *newTheme(k.th.ascii, k.th.color, c)
	k.panes.redraw()
	k.note = "theme " + c.name + ": " + c.help
	if !k.th.color {
		k.note = "theme " + c.name + ", but colours are off (NO_COLOR)"
	}
	k.chosen = c.name
	k.keep(k.note)
}
