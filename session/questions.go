package session

import (
	"slices"

	"thaw/session/view"
)

// maxQuestions bounds how many origins of a session are kept, the newest ones.
const maxQuestions = 200

// questionBook keeps the origins that were asked for. Lists that were handed out are not
// changed.
type questionBook struct {
	all      []view.Question
	recorded int // of those that were ever added
	added    int
}

// add keeps a question with its answer.
func (b *questionBook) add(q view.Question) {
	b.added++
	b.all = append(slices.Clone(b.all[max(len(b.all)-maxQuestions+1, 0):]), q)
}

// asked keeps what was found out about a word that was asked for at a stop; why is why
// nothing was.
func (ps *parts) asked(stop int, w view.Word, steps []view.Origin, why error) {
	q := view.Question{Stop: stop, Word: w.Words(), Steps: steps}
	if why != nil {
		q.Why = why.Error()
	}
	ps.questions.add(q)
}
