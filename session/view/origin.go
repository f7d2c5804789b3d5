package view

// MaxOrigins is the most steps that a value is followed.
const MaxOrigins = 16

// Origin is a step on the way that a value came, the last one first.
type Origin struct {
	Position uint64 `json:"position,omitempty"` // in the recorded run, in instructions; 0: this is no write
	Stop     int    `json:"stop,omitempty"`     // of the history, the last event before it; 0: none
	Phase    string `json:"phase,omitempty"`    // of that stop: of the scenario, that went on
	Word     string `json:"word"`               // what was written, in words
	Old      uint64 `json:"old"`
	New      uint64 `json:"new"`
	Thread   string `json:"thread,omitempty"` // that ran
	Place    Place  `json:"place"`            // of the instruction
	// Frames is the backtrace there, the innermost one first.
	Frames []Frame `json:"frames,omitempty"`
	Text   string  `json:"text"`          // how the value came there: "copied from …", "computed: by add"
	Sure   bool    `json:"sure"`          // it is known to be so; else Text says what is in the way
	End    string  `json:"end,omitempty"` // why it goes no further; "" where it was a copy
}

// Question is a piece of memory that was asked about, and what was found out.
type Question struct {
	Stop  int      `json:"stop"` // at which it was asked
	Word  string   `json:"word"` // in words
	Steps []Origin `json:"steps"`
	Why   string   `json:"why,omitempty"` // nothing was found, "" if something was
}

// Why the way of a value goes no further.
const (
	EndComputed   = "computed"   // the instruction made it
	EndLoaded     = "loaded"     // it was there as the run began: a ROM, a boot module
	EndEmpty      = "empty"      // nobody wrote it since the run began, and it is zero
	EndDevice     = "device"     // by DMA
	EndProcessor  = "processor"  // pushed at an entry to the kernel
	EndEarlier    = "earlier"    // it was there at the earliest place that can be gone to
	EndCheckpoint = "checkpoint" // it is what the checkpoint took; what came before is not known
	EndUnknown    = "unknown"
	EndGivenUp    = "given-up" // by the user, or after MaxOrigins
)
