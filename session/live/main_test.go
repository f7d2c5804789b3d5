package live_test

import (
	"testing"

	"go.uber.org/goleak"

	"thaw/garbage"
)

// No test may leave a goroutine behind. Garbage is collected as in the program.
func TestMain(m *testing.M) {
	defer garbage.Spare(garbage.Enough)()
	goleak.VerifyTestMain(m)
}
