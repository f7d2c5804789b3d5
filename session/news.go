package session

import (
	"sync"

	"thaw/session/view"
)

// newest is the newest view, for those who fetch it; any goroutine may use it.
type newest struct {
	mu      sync.Mutex
	view    *view.View
	updates chan *view.View
}

// View is the newest view.
func (n *newest) View() *view.View {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.view
}

// Updates delivers views as they change; one that was not fetched is replaced by the next.
// The channel of a controller is closed when that ends.
func (n *newest) Updates() <-chan *view.View { return n.updates }

// deliver replaces a view that nobody has fetched so far. n.mu is held.
func (n *newest) deliver(v *view.View) {
	n.view = v
	select {
	case <-n.updates:
	default:
	}
	n.updates <- v
}

// news is the newest view of a guest.
type news struct {
	newest
	drafts *drafts
	loan   *Loan // nil: the screen alone has the guest
}

// Say shows a message, such as how far a command is, on top of the last view.
func (n *news) Say(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := *n.view
	v.Message = text
	n.send(&v)
}

// send delivers a view with what belongs to every one. n.mu is held.
func (n *news) send(v *view.View) {
	v.Draft, v.NoRun = n.drafts.shown(), n.loan.why()
	n.deliver(v)
}
