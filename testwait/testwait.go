// Package testwait has tests wait with a limit that says what was waited for: a test that
// hangs until the whole run is ended tells nobody where. It knows nothing of what is tested.
package testwait

import (
	"testing"
	"time"
)

// Limit is far beyond what anything takes on a busy machine.
const Limit = 3 * time.Minute

// For is what comes out of a channel, or the end of the test. It may be called where a
// test ends, but by the test's own goroutine only.
func For[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	over := time.NewTimer(Limit)
	defer over.Stop()
	select {
	case v := <-c:
		return v
	case <-over.C:
	}
	t.Fatalf("waited %v for %s", Limit, what)
	panic("not reached")
}

// Until waits for a condition, up to a limit.
func Until(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}
