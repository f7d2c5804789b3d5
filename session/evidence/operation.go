package evidence

import (
	"fmt"
	"strings"
)

// String tells the operation as a call.
func (o Operation) String() string {
	if o.Problem != "" {
		return fmt.Sprintf("%s on a thread in state %s; %s", o.Name, strings.Join(o.State, ","), o.Problem)
	}
	var with []string
	if o.Cancel {
		with = append(with, "cancel")
	}
	if o.Trigger {
		with = append(with, "trigger exception")
	}
	args := "ip and sp left alone"
	if o.SetsIP || o.SetsSP {
		args = fmt.Sprintf("ip %#x, sp %#x", o.IP, o.SP)
	}
	flags := "no flags"
	if len(with) > 0 {
		flags = strings.Join(with, ", ")
	}
	return fmt.Sprintf("%s(%s; %s) on a thread in state %s", o.Name, args, flags, strings.Join(o.State, ","))
}

// Operation is one kernel operation on a thread.
type Operation struct {
	At              Instant
	Name            string
	IP, SP          uint64
	SetsIP, SetsSP  bool
	Cancel, Trigger bool
	State           []string // of the thread before
	Exception       bool     // it was in one
	Problem         string   `json:",omitempty"` // why ip, sp and flags are not known, "" if they are
}
