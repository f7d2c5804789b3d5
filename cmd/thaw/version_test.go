package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// version and the beginning of doctor say what a bug report needs.
func TestVersion(t *testing.T) {
	t.Parallel()
	r := thawEnv(t, []string{"LC_ALL=C.utf8", "TERM=xterm"}, "version")
	if r.code != exitOK || !strings.HasPrefix(r.stdout, "thaw") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, s := range []string{"built with go1.", "QEMU emulator version", "TERM=xterm, locale C.utf8"} {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("%q is not in %s", s, r.stdout)
		}
	}
	if d := thawEnv(t, []string{"LC_ALL=C.utf8", "TERM=xterm"}, onLab("doctor")...); !strings.HasPrefix(d.stdout, r.stdout) {
		t.Errorf("doctor begins otherwise: %s", d.stdout)
	}
}

// Settings that cannot be saved are told, and nothing that must be put right.
func TestDoctorWithoutSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := thawEnv(t, []string{"XDG_CONFIG_HOME=" + filepath.Join(file, "x"), "TERM=xterm"}, onLab("doctor")...)
	if r.code != exitOK || !strings.Contains(r.stdout, "--  settings") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
