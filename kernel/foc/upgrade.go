package foc

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Upgrade rewrites evidence of recordings that were made when Fiasco.OC was the only
// kernel: its places had members of their own, the meaning of a thread's state was
// looked up in its flags, and rights were numbers.
func (l *Layout) Upgrade(evidence []byte) ([]byte, error) {
	var ev map[string]any
	d := json.NewDecoder(bytes.NewReader(evidence))
	d.UseNumber() // 64 bits do not fit a float
	if err := d.Decode(&ev); err != nil {
		return nil, err
	}
	ev["Format"] = 1
	for _, t := range members(ev["Threads"]) {
		frame, cont := member(t["Frame"]), member(t["Cont"])
		t["Places"] = []any{
			map[string]any{"Name": inFrame, "IPAddr": t["IPAddr"], "SPAddr": t["SPAddr"], "IP": frame["IP"], "SP": frame["SP"]},
			map[string]any{"Name": inCont, "IPAddr": t["ContIPAddr"], "SPAddr": t["ContSPAddr"], "IP": cont["IP"], "SP": cont["SP"]},
		}
		for _, q := range members(t["Requests"]) {
			upgradeThread(member(q["Thread"]))
		}
		for _, p := range members(member(t["Divergence"])["paths"]) {
			if slot := member(p["slot"]); slot != nil {
				slot["Rights"] = rightsOf(slot["Rights"])
			}
		}
	}
	lists, _ := ev["Operations"].(map[string]any)
	for _, list := range lists {
		for _, op := range members(list) {
			op["Exception"] = understood(op["State"]).exception
		}
	}
	return json.Marshal(ev)
}

// upgradeThread gives a thread what its flags mean.
func upgradeThread(t map[string]any) {
	if t == nil {
		return
	}
	f := understood(t["StateNames"])
	t["PD"], t["Ready"], t["Dead"], t["Exception"] = t["Task"], f.ready, f.dead, f.exception
	t["Wait"] = map[string]any{"Verb": f.wait.Verb, "What": f.wait.What, "Ending": f.wait.Ending, "Ends": f.wait.Ends, "For": t["Partner"]}
}

// understood is a thread state by the names of its flags.
func understood(names any) *flags {
	f := &flags{}
	list, _ := names.([]any)
	for _, n := range list {
		f.names = append(f.names, fmt.Sprint(n))
	}
	f.understand()
	return f
}

// rightsOf are the words for right bits.
func rightsOf(bits any) string {
	n, ok := bits.(json.Number)
	if !ok {
		return ""
	}
	v, err := n.Int64()
	if err != nil || v < 0 || v >= int64(len(rights)) {
		return ""
	}
	return rights[v]
}

// member is an object in JSON, nil if it is none.
func member(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// members are those of a list that are objects.
func members(v any) []map[string]any {
	list, _ := v.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, x := range list {
		if m := member(x); m != nil {
			out = append(out, m)
		}
	}
	return out
}
