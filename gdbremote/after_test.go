package gdbremote

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// Changes before a continue are sent along with it, their answers are waited for
// with the stop, and not acknowledged: that would stop QEMU.
func TestContinueAfter(t *testing.T) {
	for name, answers := range map[string][]string{
		"taken":       {"OK", "OK", "OK", "T05thread:p01.01;"},
		"refused":     {"OK", "E22", "OK", "T05thread:p01.01;"},
		"stops early": {"OK", "T05thread:p01.01;", "OK", "OK"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := fakeStub(t, func(s *script) {
				s.handshake()
				acks := 0
				for i, want := range []string{"Qqemu.PhyMemMode:1", "M1000,2:abcd", "Hgp1.1", "vCont;c"} {
					s.expect(want) // and no answer in between
					if i == 0 {
						acks = s.acks
					}
				}
				s.reply(answers...)
				s.expect("Hgp1.1") // its time has come again
				s.reply("OK")
				s.expect("g")
				s.reply("0102")
				if got := s.acks - acks; name == "taken" && got != 1 {
					t.Errorf("%d acknowledgements, want that of the stop", got)
				}
				s.wait()
			})
			ctx := context.Background()
			c, err := Dial(ctx, addr, quick)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.ContinueAfter(ctx, ThreadID{}, nil, 0x1000, []byte{0xab, 0xcd}); err != nil {
				t.Fatal(err)
			}
			_, err = c.Wait(ctx)
			if name == "refused" {
				if !errors.Is(err, ErrConnection) || !strings.Contains(err.Error(), "E22") {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if regs, err := c.ReadRegisters(ctx, ThreadID{}); err != nil || string(regs.Raw()) != "\x01\x02" {
				t.Errorf("registers after it: %v", err)
			}
		})
	}
}

// Registers and memory that are asked for before a continue come with the stop, and are
// handed on before it; nothing is sent behind the continue.
func TestContinueTelling(t *testing.T) {
	for name, c := range map[string]struct {
		answers []string
		told    string
	}{
		"told":        {[]string{"OK", "abcd", "OK", "0102", "T05thread:p01.01;"}, "\x01\x02 \xab\xcd"},
		"no memory":   {[]string{"OK", "E14", "OK", "0102", "T05thread:p01.01;"}, "\x01\x02 "},
		"refused":     {[]string{"OK", "abcd", "OK", "E22", "T05thread:p01.01;"}, ""},
		"stops early": {[]string{"OK", "abcd", "OK", "T05thread:p01.01;", "0102"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			addr := fakeStub(t, func(s *script) {
				s.handshake()
				for _, want := range []string{"Qqemu.PhyMemMode:1", "m1000,2", "Hgp1.1", "g", "vCont;c"} {
					s.expect(want) // and no answer in between
				}
				s.reply(c.answers...)
				s.wait()
			})
			ctx := context.Background()
			client, err := Dial(ctx, addr, quick)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			told := ""
			if err := client.ContinueTelling(ctx, ThreadID{}, 0x1000, 2, func(r *Registers, data []byte) { told = string(r.Raw()) + " " + string(data) }); err != nil {
				t.Fatal(err)
			}
			_, err = client.Wait(ctx)
			if refused := errors.Is(err, ErrConnection) && strings.Contains(err.Error(), "E22"); refused != (name == "refused") || err != nil && !refused {
				t.Errorf("waiting for the stop: %v", err)
			}
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}
