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

// settings are what is worth remembering of the screen as it is. A tour divides
// the screen itself: with one, what was remembered before stays.
func (u *ui) settings() settings {
	s := u.known
	s.Theme = u.theme
	if u.tour != nil {
		return s
	}
	s.Layout = layout{Focus: paneInfos[u.focused].command, Tab: paneInfos[u.tab].command, Low: paneInfos[u.low].command, Sizes: u.sizes}
	s.Sort = nil
	for id, l := range u.lists() {
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
func (u *ui) restore(s settings) {
	u.known, u.theme = s, s.Theme
	if u.tour != nil {
		return
	}
	for _, name := range []string{s.Layout.Tab, s.Layout.Low, s.Layout.Focus} {
		if id := paneNamed(name); id != 0 {
			u.focusPane(id)
		}
	}
	u.sizes = s.Layout.Sizes
	for id, l := range u.lists() {
		o := s.Sort[paneInfos[id].command]
		l.sorted, l.down = slices.Index(headsOf(id), o.By)+1, o.Down
		l.refilter()
	}
	u.known = u.settings()
}

// keepSettings keeps the settings for the next time, if they changed. told is what to
// say then, "" nothing.
func (u *ui) keepSettings(told string) {
	s := u.settings()
	if u.configDir == "" || reflect.DeepEqual(s, u.known) {
		return
	}
	u.known = s
	u.memo.set(s)
	dir := u.configDir
	u.background(func() string {
		if err := u.memo.write(dir); err != nil {
			return "theme and layout are not remembered: " + err.Error()
		}
		return told
	})
}
