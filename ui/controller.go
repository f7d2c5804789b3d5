package ui

import (
	"thaw/kernel"
	"thaw/session/view"
)

// Controller is the session as the screen sees it. All commands return at
// once: they are queued, and what they change comes as an update.
type Controller interface {
	// View is the newest view. It is never nil.
	View() *view.View
	// Updates delivers views; of those not yet taken only the newest counts.
	// It is closed when the session has ended.
	Updates() <-chan *view.View

	NextPhase()       // run to the next phase of the scenario
	Back()            // show the stop before the one shown
	Forward()         // show the stop after it; the newest is the live one
	StepInstruction() // run one instruction
	Continue()        // run until a breakpoint
	Interrupt()       // stop the running guest

	// Note adds a note to the shown stop; without a text it sets a bookmark
	// there, or takes it away.
	Note(text string)
}

// Seeker is a Controller that can show any stop of its history, by the number
// of its snapshot.
type Seeker interface{ Show(stop int) }

// Reconnecter is a Controller that can go on with a session whose connection got
// lost.
type Reconnecter interface{ Reconnect() }

// Recorder is a Controller whose session's recording can go on in another file.
type Recorder interface{ Record(path string) }

// Recording is a Controller that replays a recording.
type Recording interface {
	// Recorded is the recording's file name, "" for a live session.
	Recorded() string
}

// Traveller is a Controller whose guest may go back: backwards in a recorded run,
// or to stops of the history. The view tells which of it works.
type Traveller interface {
	ReverseStep()
	ReverseContinue()
	// LastWriteOf goes to where a piece of memory got its value, and tells where that came
	// from, up to so many steps. The answer comes with a view.
	LastWriteOf(w view.Word, steps int)
	// AskRun asks for an expression's value at every kernel entry. The answer comes with a view.
	AskRun(ask view.RunQuestion)
	GoToPosition(position uint64) // of a recorded run, in instructions
	Restart(stop int)
}

// Forcer is a Controller that can put a requested state in place, and take that
// back as long as the guest has not run on.
type Forcer interface {
	Force(thread kernel.ID)
	Unforce(thread kernel.ID)
}

// Diverger is a Controller that can try out where a restored thread parts from
// its original.
type Diverger interface {
	Diverge(thread kernel.ID)
}

// Liver is a Controller that can have the guest looked at while it runs: its views have
// it then. The view tells whether that works.
type Liver interface{ Live(on bool) }

// Server is a Controller whose guest can be served to gdb, beside the screen: at an
// address, "" for the usual one, until "off" comes.
type Server interface{ Serve(addr string) }

// Peeker is a Controller that shows memory, values, code and backtraces. The
// answer comes with a view.
type Peeker interface {
	Ask(q view.Query)
	Watch(expr string) // evaluated at every stop; one that is there is taken away
}

// Breaker is a Controller that takes breakpoints of the user.
type Breaker interface {
	Break(place string, once bool) // "COMPONENT: FUNCTION", FILE:LINE or an address
	Delete(name string)            // by the name that a breakpoint has, "": all of the user's
	Until(place string)            // run there, or to what stops before
	WatchOrigin(w view.Word)       // stop at whatever writes it, and name that
}
