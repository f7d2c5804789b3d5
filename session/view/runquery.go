package view

// RunQuestion asks for the value of an expression at every kernel entry in a part of a
// recorded run.
type RunQuestion struct {
	Expr     string // see package query
	From, To int    // stops of the history between which is looked, 0: from the first, to the last in the run
}

// PeekChange is where in a recorded run an expression was first seen to have another value.
// It became that between two looks: behind After, at which it still had the old one, and not
// behind Position.
type PeekChange struct {
	Position uint64 `json:"position"`         // in instructions
	After    uint64 `json:"after,omitempty"`  // 0: this is the first look
	Entry    string `json:"entry,omitempty"`  // the kernel was entered there, at After
	Thread   string `json:"thread,omitempty"` // that ran as the kernel was entered at After; where another one ran before Position, that too
	Old      string `json:"old,omitempty"`
	New      string `json:"new"`
	Unknown  bool   `json:"unknown,omitempty"` // it has no value, and New says why
}
