package session

import (
	"cmp"
	"slices"
	"sync"

	"thaw/session/view"
)

// noteBook holds the user's notes. Lists that were handed out are not changed.
type noteBook struct {
	mu    sync.Mutex
	notes []view.Note
	edits int
}

// Bounds of the notes of a session.
const (
	maxNotes = 1000
	maxNote  = 4096 // bytes
)

// version counts the changes.
func (b *noteBook) version() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.edits
}

func (b *noteBook) all() []view.Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.notes
}

// add keeps a note; a bookmark that is there already is taken away.
func (b *noteBook) add(n view.Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n.Text = n.Text[:min(len(n.Text), maxNote)]
	if i := slices.Index(b.notes, n); i >= 0 {
		if n.Text == "" {
			b.notes = slices.Delete(slices.Clone(b.notes), i, i+1)
			b.edits++
		}
		return
	}
	if len(b.notes) == maxNotes {
		return
	}
	notes := append(slices.Clone(b.notes), n)
	slices.SortStableFunc(notes, func(a, b view.Note) int { return cmp.Compare(a.Stop, b.Stop) })
	b.notes = notes
	b.edits++
}
