package view

import (
	"testing"

	"thaw/kernel"
)

func TestLostAt(t *testing.T) {
	st := func(ip uint64) Stage { return Stage{Known: true, IP: ip, SP: 1} }
	tests := []struct {
		name string
		tv   ThreadVerdict
		want int
		gaps [3]Gap
	}{
		{"ignored", ThreadVerdict{Verdict: Ignored, Checkpointed: st(1), Requested: st(1), Kernel: st(2), Entered: st(2)}, 1,
			[3]Gap{GapReached, GapLost, GapOther}},
		{"overwritten", ThreadVerdict{Verdict: Overwritten, Checkpointed: st(1), Requested: st(1), Kernel: st(1), Entered: st(2)}, 2,
			[3]Gap{GapReached, GapReached, GapLost}},
		{"another thread's state", ThreadVerdict{Verdict: Ignored, Checkpointed: st(1), Requested: st(2), Kernel: st(3), Entered: st(3)}, 0,
			[3]Gap{GapLost, GapOther, GapOther}},
		{"not requested", ThreadVerdict{Verdict: NotRequested, Checkpointed: st(1), Entered: st(2)}, 0,
			[3]Gap{GapLost, GapUnknown, GapUnknown}},
		{"ignored, little known", ThreadVerdict{Verdict: Ignored, Requested: st(1)}, 1, [3]Gap{GapUnknown, GapLost, GapUnknown}},
		{"coincident", ThreadVerdict{Verdict: Coincident, Checkpointed: st(1), Requested: st(1), Kernel: st(1), Entered: st(1)}, -1,
			[3]Gap{GapReached, GapEqual, GapReached}},
		{"applied", ThreadVerdict{Verdict: Applied, Checkpointed: st(1), Requested: st(1), Kernel: st(1), Entered: st(1)}, -1,
			[3]Gap{GapReached, GapReached, GapReached}},
		{"pending", ThreadVerdict{Verdict: Pending, Checkpointed: st(1), Requested: st(1), Kernel: st(2)}, -1,
			[3]Gap{GapReached, GapOther, GapPending}},
		{"unknown", ThreadVerdict{Verdict: Unknown}, -1, [3]Gap{GapUnknown, GapUnknown, GapUnknown}},
	}
	partial := ThreadVerdict{Verdict: Partial, Checkpointed: st(1), Requested: st(1), Kernel: st(1), Entered: st(1)}
	partial.Requested.Registers = []kernel.Register{{Name: "rbx", Value: 5}}
	partial.Kernel.Registers = []kernel.Register{{Name: "rbx", Value: 6}}
	tests = append(tests, struct {
		name string
		tv   ThreadVerdict
		want int
		gaps [3]Gap
	}{"partial", partial, 1, [3]Gap{GapReached, GapLost, GapOther}})
	for _, tt := range tests {
		if got := tt.tv.LostAt(); got != tt.want {
			t.Errorf("%s: LostAt is %d, want %d", tt.name, got, tt.want)
		}
		if got := tt.tv.Gaps(); got != tt.gaps {
			t.Errorf("%s: Gaps are %v, want %v", tt.name, got, tt.gaps)
		}
	}
}
