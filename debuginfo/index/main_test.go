package index

import (
	"os"
	"testing"

	"thaw/debuginfo/fixture"
)

func TestMain(m *testing.M) { os.Exit(fixture.Run(m)) }
