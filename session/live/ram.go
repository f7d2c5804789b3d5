package live

import (
	"context"
	"fmt"

	"thaw/gdbremote"
	"thaw/memory"
)

// sameMemory compares some pages of a RAM file with what the stub reads: a file
// of another guest, or one that the machine does not use, would show anything.
func (t *Target) sameMemory(ctx context.Context, path string) error {
	const pages, apart = 256, 1 << 16
	filled := false
	for n := range uint64(pages) {
		if at := n * apart; at >= 0xa0000 && at < 0x100000 {
			continue // a PC has its video memory and ROMs there
		}
		var file, stub [64]byte
		reqs := []memory.Request{{Addr: n * apart, Buf: file[:]}}
		if err := t.shared.ReadPhysical(reqs); err != nil {
			return err
		}
		if reqs[0].Err != nil {
			break // behind its end
		}
		if err := t.client.ReadMemory(ctx, gdbremote.Physical, n*apart, stub[:]); err != nil {
			return fmt.Errorf("comparing %s with the guest's memory: %w", path, t.lost(err))
		}
		if file != stub {
			return fmt.Errorf("%s is not the guest's RAM: it differs at physical %#x; give the mem-path of the guest's own memory-backend-file, with share=on", path, n*apart)
		}
		filled = filled || file != [64]byte{}
	}
	if !filled {
		return fmt.Errorf("%s holds nothing but zeros where it was looked at: the guest has not booted, or its machine does not use the file as RAM", path)
	}
	return nil
}
