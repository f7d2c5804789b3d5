package evidence

import (
	"encoding/json"
	"fmt"

	"thaw/kernel"
)

// evidenceFormat is that of evidence in recordings. Those of format 0 were made
// when there was one kernel: its decoder knows what their words mean.
const evidenceFormat = 1

// Upgrader is a decoder that reads evidence of format 0.
type Upgrader interface {
	// Upgrade returns evidence in JSON as it would be written today.
	Upgrade(evidence []byte) ([]byte, error)
}

// plainEvidence is evidence without its own way to be read.
type plainEvidence Evidence

// UnmarshalJSON reads evidence of today's format; of another one it keeps the text,
// for upgrade.
func (ev *Evidence) UnmarshalJSON(text []byte) error {
	var is struct{ Format int }
	if err := json.Unmarshal(text, &is); err != nil {
		return err
	}
	switch {
	case is.Format > evidenceFormat || is.Format < 0:
		return fmt.Errorf("evidence has format %d, this thaw reads up to %d: take a newer one", is.Format, evidenceFormat)
	case is.Format == 0:
		*ev = Evidence{old: append(json.RawMessage{}, text...)}
		return nil
	}
	return json.Unmarshal(text, (*plainEvidence)(ev))
}

// Upgrade reads what UnmarshalJSON has kept.
func (ev *Evidence) Upgrade(dec kernel.Decoder) error {
	if ev.old == nil {
		return nil
	}
	u, ok := dec.(Upgrader)
	if !ok {
		return fmt.Errorf("its evidence was recorded by a thaw that knew another kernel than %s only", dec.Platform().Name)
	}
	text, err := u.Upgrade(ev.old)
	if err == nil {
		*ev = Evidence{}
		err = json.Unmarshal(text, (*plainEvidence)(ev))
	}
	if err != nil {
		return fmt.Errorf("reading its evidence: %w", err)
	}
	return nil
}
